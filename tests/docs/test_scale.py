"""The tables of the page on large collections are what its program calculates."""

from pathlib import Path

from benchmarks.scale import Prices, tables

PAGE = Path(__file__).parents[2] / "docs/scale.md"


def test_tables_are_what_the_program_prints() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert [table for table in tables(Prices()) if table not in text] == []


def test_prices_are_those_that_are_given() -> None:
    encoding, storage, _ = tables(Prices(core_hour=0.1, gigabyte_month=0.046))

    assert "| price | 3.8 | 38 | 380 |" in encoding
    assert "| price of a month in an object store | 3.1 | 31 | 310 |" in storage
