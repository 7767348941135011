"""Texts that a spreadsheet takes for formulas."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder._utils.spreadsheet import path_cell, text_cell

STARTS = "=+-@\t\r\n＝＋－＠"  # noqa: RUF001  as they are typed in Japanese
TEXT = st.builds(str.__add__, st.sampled_from(["", *STARTS]), st.text())


@pytest.mark.parametrize("start", STARTS)
def test_what_may_be_a_formula_begins_otherwise(start: str) -> None:
    assert path_cell(f"{start}1+1.jpg") == f"./{start}1+1.jpg"
    assert text_cell(f"{start}1+1") == f"'{start}1+1"


@given(TEXT)
def test_nothing_that_is_written_begins_as_a_formula(text: str) -> None:
    assert not path_cell(text).startswith(tuple(STARTS))
    assert not text_cell(text).startswith(tuple(STARTS))


@given(TEXT)
def test_a_path_names_the_same_file(text: str) -> None:
    assert os.path.normpath(path_cell(text)) == os.path.normpath(text)


@given(st.sampled_from(["a", "/", "https:", "C:", "{", " ", "'"]), st.text())
def test_all_others_stay_as_they_are(start: str, rest: str) -> None:
    assert path_cell(start + rest) == text_cell(start + rest) == start + rest
