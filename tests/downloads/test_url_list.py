"""Lists as they are met: where the URLs are, what a cell holds, what else is kept."""

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from imagefinder.downloads.url_column import url_column, urls_in
from imagefinder.downloads.url_list import count_urls, is_list, open_list
from imagefinder.errors import DownloadError

A, B, C = (f"https://example.org/{name}.jpg" for name in "abc")


def written(tmp_path: Path, text: str | bytes, name: str = "list.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def rows(path: Path, column: str | None = None) -> list[tuple[int, str | None, Any]]:
    return [(one.row, one.url, dict(one.metadata)) for one in open_list(path, column)]


def urls(path: Path, column: str | None = None) -> list[str | None]:
    return [one.url for one in open_list(path, column)]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (A, [A]),
        (f"  {A}\n", [A]),
        (f"{A}|{B}|https://x.org/transparent-pixel.jpg", [A, B, "https://x.org/transparent-pixel.jpg"]),
        (f"{A} | {B} |", [A, B]),
        ("https://x.org/a|b.jpg", ["https://x.org/a|b.jpg"]),
        ("[" * 900 + f'"{A}"' + "]" * 900, []),
        ("[" + "1," * 2**16 + "]", ["[" + "1," * 2**16 + "]"]),
        (f"{A}, {B}; {C}", [A, B, C]),
        (f"{A} {B}", [A, B]),
        (f"{A}\r\n{B}", [A, B]),
        (f"{A}|{A}", [A]),
        (json.dumps([A, B]), [A, B]),
        (f"['{A}', '{B}']", [A, B]),
        (json.dumps([{"url": A}, {"src": B, "alt": "b"}]), [A, B]),
        (json.dumps({"url": A}), [A]),
        (f"[{A}", [f"[{A}"]),
        ([A, [B, None]], [A, B]),
        ({"href": A}, [A]),
        ("//cdn.example.org/a.jpg", ["https://cdn.example.org/a.jpg"]),
        ("https://x.org/a b,c;d.jpg", ["https://x.org/a b,c;d.jpg"]),
        ("", []),
        ("  ", []),
        ("[]", []),
        ("NaN", []),
        ("N/A", []),
        ("no image yet", ["no image yet"]),
        (None, []),
        (7, []),
        (float("nan"), []),
        (True, []),
    ],
)  # fmt: skip
def test_what_a_cell_holds(cell: Any, expected: list[str]) -> None:
    assert urls_in(cell) == expected


@given(st.recursive(st.none() | st.text() | st.integers() | st.floats(), st.lists))
def test_any_cell_is_made_sense_of(cell: Any) -> None:
    found = urls_in(cell)
    assert all(isinstance(url, str) and url for url in found)


@given(
    st.lists(st.from_regex(r"https://[a-z]{1,9}\.org/[a-z0-9.]{1,9}", fullmatch=True), unique=True)
)
def test_urls_joined_in_any_known_way_come_apart_again(several: list[str]) -> None:
    for cell in ("|".join(several), ", ".join(several), "\n".join(several), json.dumps(several)):
        assert urls_in(cell) == several
    assert urls_in(str(several)) == several


@pytest.mark.parametrize(
    "name", ["image", "Image", "imageurl", "photo_image_url", "url", "link", "Bild", "whatever"]
)
def test_the_column_is_found_under_any_name(name: str) -> None:
    assert url_column([{"id": "1", name: A, "title": "a"}], "list") == name


def test_images_are_told_from_pages_and_thumbnails() -> None:
    page, thumb = "https://example.org/item/1", "https://example.org/t/a.jpg"
    row = {"link": page, "thumbnailurl": thumb, "imageurl": A, "about": f"see {page}"}
    assert url_column([row] * 3, "list") == "imageurl"
    assert url_column([{"url": page, "thumbnailurl": thumb}], "list") == "thumbnailurl"
    assert url_column([{"page": page, "image": "https://example.org/?id=7"}], "list") == "image"


def test_a_column_that_is_mostly_empty_is_found() -> None:
    assert url_column([*[{"image": "", "n": "1"}] * 50, {"image": A, "n": "2"}], "list") == "image"


def test_no_column_is_one_line_that_says_what_to_do(tmp_path: Path) -> None:
    path = written(tmp_path, "id,title\n1,a\n")
    with pytest.raises(DownloadError, match=r"--column \(columns: id, title\)"):
        open_list(path, None)
    with pytest.raises(DownloadError, match="no column 'nope'; its columns: id, title"):
        open_list(path, "nope")
    assert urls(path, "title") == ["a"]


def test_the_other_cells_are_kept_and_each_url_under_its_columns_name(tmp_path: Path) -> None:
    path = written(tmp_path, f"id,title,empty,image\n1, Red chair ,,{A}|{B}\n2,Nothing,,\n")
    assert rows(path) == [
        (1, A, {"id": "1", "title": "Red chair", "image": A}),
        (1, B, {"id": "1", "title": "Red chair", "image": B}),
        (2, None, {"id": "2", "title": "Nothing"}),
    ]
    assert count_urls(path) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", f"\ufefftitle,image\nx,{A}\n"),
        ("a.csv", f"title;image\r\nx;{A}\r\n"),
        ("a.csv", f"title\timage\nx\t{A}"),
        ("a.tsv", f"title\timage\nx\t{A}\n"),
        ("A.CSV", f'"title","image"\n"x","{A}"\n'),
        ("a.jsonl", f'{{"title": "x", "image": "{A}"}}\n\n'),
        ("a.ndjson", f'\ufeff{{"title": "x", "image": ["{A}"]}}'),
    ],
)
def test_every_form_of_list_says_the_same(tmp_path: Path, name: str, text: str) -> None:
    assert rows(written(tmp_path, text, name)) == [(1, A, {"title": "x", "image": A})]


def test_parquet_is_read_with_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "image": [[A, B], None],
            "price": [1.5, float("nan")],
            "raw": [b"\xff", None],
            "day": pa.array([0, 1], pa.date32()),
            "tags": [["a"], []],
        }
    )
    parquet.write_table(table, tmp_path / "list.parquet")
    about = {"price": 1.5, "day": "1970-01-01", "tags": ["a"]}
    assert rows(tmp_path / "list.parquet") == [
        (1, A, {**about, "image": A}),
        (1, B, {**about, "image": B}),
        (2, None, {"day": "1970-01-02"}),
    ]


def test_cells_with_line_breaks_html_and_quotes(tmp_path: Path) -> None:
    html = '<p class=""x"">one,\n\n<b>two</b></p>'
    path = written(tmp_path, f'html,image\n"{html}","{A}"\n"",{B}\n')
    first, second = rows(path)
    assert first == (1, A, {"html": html.replace('""', '"'), "image": A})
    assert second == (2, B, {"image": B})


def test_short_rows_blank_lines_and_empty_cells_at_the_end_are_tolerated(tmp_path: Path) -> None:
    path = written(tmp_path, f"image,title\n{A}\n\n{B},b, ,\n,\n")
    assert rows(path) == [
        (1, A, {"image": A}),
        (2, B, {"image": B, "title": "b"}),
        (3, None, {}),
    ]


def test_bytes_that_are_no_utf8_are_what_spreadsheets_write(tmp_path: Path) -> None:
    path = written(tmp_path, b"title,image\ncaf\xe9\0\x81," + A.encode() + b"\n")
    assert rows(path) == [(1, A, {"title": "caf\u00e9\0\ufffd", "image": A})]


def test_lines_that_are_no_json_are_rows_without_a_url(tmp_path: Path) -> None:
    text = f'{{"image": "{A}"}}\n{{"image": \n[1]\n{{"image": "{B}", "t": "\\ud800"}}\n'
    path = written(tmp_path, text, "a.jsonl")
    assert [(row, url) for row, url, _ in rows(path)] == [(1, A), (2, None), (3, None), (4, B)]
    assert rows(path)[-1][2]["t"] == "?"


def test_a_list_without_a_head_needs_none(tmp_path: Path) -> None:
    path = written(tmp_path, f"1,{A}\n2,{B}\n")
    assert rows(path) == [
        (1, A, {"column 1": "1", "column 2": A}),
        (2, B, {"column 1": "2", "column 2": B}),
    ]
    assert urls(written(tmp_path, f'"{A}"\n"{B}"\n', "b.jsonl")) == [A, B]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b""),
        ("a.csv", b"image\n"),
        ("a.csv", b'image,title\n"' + b"x" * (2**24 + 9)),
        ("a.jsonl", b""),
        ("a.parquet", b"PAR1 but not really"),
        ("a.xlsx", A.encode()),
        ("a.json", b'{"url": '),
        ("missing.csv", None),
    ],
)
def test_what_is_no_list_is_one_line(tmp_path: Path, name: str, content: bytes | None) -> None:
    if content is not None:
        written(tmp_path, content, name)
    with pytest.raises(DownloadError) as refusal:
        open_list(tmp_path / name, None)
    assert "\n" not in str(refusal.value)
    assert name in str(refusal.value)


def test_a_folder_named_like_a_list_is_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").mkdir()
    assert not is_list(tmp_path / "a.csv")
    assert is_list("b.CSV")
    assert not is_list(os.fspath(tmp_path))


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.txt", "https://example.org/a.jpg\n", True),
        ("a.txt", "# exported\n\nurl\nhttps://example.org/a.jpg\n", True),
        ("a.txt", "sep=;\nname;url\nA;https://example.org/a.jpg\n", True),
        ("a.txt", "These images are free, see https://example.org.\n", False),
        ("a.txt", "From the suite:\nhttps://example.org/suite and free to use\n", False),
        ("a.txt", "", False),
        ("a.json", '[{"url": "https://example.org/a.jpg"}]', True),
        ("a.json", '{"camera": "Exakta", "lens": 50}', False),
        ("a.csv", "anything", True),
        ("a.jpg", "https://example.org/a.jpg\n", False),
    ],
)
def test_text_and_json_are_lists_only_if_they_begin_with_a_url(
    tmp_path: Path, name: str, text: str, expected: bool
) -> None:
    (tmp_path / name).write_text(text)
    assert is_list(tmp_path / name) is expected


def test_utf_16_text_is_a_list_too(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("url\nhttps://example.org/a.jpg\n", encoding="utf-16")
    assert is_list(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ('"http://h/a"b.jpg"', None),
        ('"http://h/a"b.jpg', None),
        ('"http://h/a"b.jpg",x', None),
        ('x,"http://h/a" b.jpg"', None),
        ('"http://h/a""b.jpg"', 'http://h/a"b.jpg'),
        ('"http://h/a.jpg" ', "http://h/a.jpg"),
        ('x,"http://h/a.jpg"', "http://h/a.jpg"),
        ('"the 5" lens","http://h/a.jpg"', "http://h/a.jpg"),
    ],
)
def test_a_quote_in_the_middle_of_a_url_makes_no_other_address(
    tmp_path: Path, line: str, url: str | None
) -> None:
    several = "," in line
    header = "name,url" if line.startswith(("x", '"the')) else "url,name" if several else "url"
    good = "http://h/1.jpg,http://h/2.jpg".split(",")
    rows = [f"x,{one}" if header == "name,url" else f"{one},x" if several else one for one in good]
    (tmp_path / "list.csv").write_text("\n".join([header, *rows, line, ""]))
    last = list(open_list(tmp_path / "list.csv", "url"))[-1]
    assert last.url == url
    assert (last.problem is not None) == (url is None)
    if url is None:
        assert "line 4" in str(last.problem)
