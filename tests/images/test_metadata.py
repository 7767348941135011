"""Metadata have limits on every way in, and what is stored beyond them can still be shown."""

from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from imagefinder import Finder
from imagefinder.images.inputs import Input
from imagefinder.images.metadata import check_metadata, shown_metadata

from ..conftest import drawn


def nested(depth: int) -> dict[str, Any]:
    inner: Any = 1
    for _ in range(depth):
        inner = {"a": inner}
    return dict(inner)


@pytest.mark.parametrize(
    "metadata",
    [None, {}, nested(32), {"a": [[1, "é", None, 2.5, True]]}, {str(n): n for n in range(1000)}],
)
def test_ordinary_metadata_are_accepted(metadata: dict[str, Any] | None) -> None:
    check_metadata(metadata)


@pytest.mark.parametrize(
    ("metadata", "said"),
    [
        (nested(33), "nested more than 32 deep"),
        (nested(5000), "nested more than 32 deep"),
        ({"a": [[[]] * 3] * 1000, "b": nested(40)}, "nested"),
        ({str(n): n for n in range(1001)}, "more than 1,000 names"),
        ({"a": [{"b": 1}] * 1000}, "more than 1,000 names"),
        ({"a": "x" * 70_000}, "70,009 bytes"),
        ({"a": "é" * 33_000}, "66,009 bytes"),
        ({"a": {1, 2}}, "JSON"),
        ({"a": float("nan")}, "JSON"),
        ({"a": "\ud800"}, "JSON"),
    ],
)
def test_metadata_beyond_measure_are_refused(metadata: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_metadata(metadata)


def test_stored_metadata_are_shown_as_far_as_a_response_can_hold_them() -> None:
    assert shown_metadata({"a": 1, "b": [{"c": 2}]}) == {"a": 1, "b": [{"c": 2}]}
    shown: Any = shown_metadata(nested(600))
    for _ in range(32):
        shown = shown["a"]
    assert shown == "…"


def test_one_bad_row_of_a_list_spoils_no_other(tmp_path: Path) -> None:
    rows = [
        Input(tmp_path / f"{name}.png", about) for name, about in (("a", {}), ("b", nested(99)))
    ]
    for row, seed in zip(rows, (1, 2), strict=True):
        PIL.Image.fromarray(drawn(seed)).save(str(row.path))
    with Finder.create(tmp_path / "a.db", "dhash") as finder:
        report = finder.add(rows)
        assert (report.added, len(report.failed)) == (1, 1)
        assert "nested" in report.failed[0].reason
        with pytest.raises(ValueError, match="nested"):
            finder.add(tmp_path / "a.png", metadata=nested(99))
