"""Cells of tables that people open in a spreadsheet, which takes some texts for formulas.

A formula may run a program or send what is in the table elsewhere, and names of files and lists of
URLs are often others' work.
"""

from __future__ import annotations

_FORMULA_STARTS = tuple("=+-@\t\r\n＝＋－＠")  # noqa: RUF001  wide ones are formulas in Japanese


def path_cell(path: str) -> str:
    """A path that is no formula, and names the same file: ``./=1.jpg`` for ``=1.jpg``."""
    return f"./{path}" if path.startswith(_FORMULA_STARTS) else path


def text_cell(text: str) -> str:
    """A text that is no formula: an apostrophe, as in a spreadsheet itself, is before one."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text
