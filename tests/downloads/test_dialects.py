"""Lists as spreadsheets, shells and people write them: no URL is cut, and no other is fetched."""

from pathlib import Path

import pytest

from imagefinder.downloads.url_list import open_list
from imagefinder.errors import DownloadError

H = "http://h.example"
A, B, COMMAS = f"{H}/a.jpg", f"{H}/b.jpg", f"{H}/w_303,h_170,al_c/c.jpg"


def urls(tmp_path: Path, content: str | bytes, name: str = "list.csv") -> list[str | None]:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [row.url for row in open_list(path, None)]


def problems(tmp_path: Path, content: str) -> list[str]:
    (tmp_path / "list.csv").write_text(content, newline="")
    return [row.problem for row in open_list(tmp_path / "list.csv", None) if row.problem]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"url\n{COMMAS}\n{A}\n{H}/x.jpg?crop=1,2,3\n", [COMMAS, A, f"{H}/x.jpg?crop=1,2,3"]),
        (f'"url"\n"{COMMAS}"\n{COMMAS}\n', [COMMAS, COMMAS]),
        (f"{COMMAS}\n{A}\n", [COMMAS, A]),
        (f"{A}\n{COMMAS}\n", [A, COMMAS]),
        (f"{COMMAS}\n{COMMAS}\n", [COMMAS, COMMAS]),
        (COMMAS, [COMMAS]),
        (f"url\n{H}/a;v=1;b.jpg\n{A}\n", [f"{H}/a;v=1;b.jpg", A]),
        (f"url,,\n{A},,\n{COMMAS},,\n{COMMAS}\n", [A, COMMAS, COMMAS]),
        (f"url\n{A},\n{B},\n", [A, B]),
        (f"image url (jpg, png)\n{A}\n{B}\n", [A, B]),
        (f"# my list\n{A}\n\n# more\n{B}\n", [A, B]),
        (f"url\r{A}\r{H}/b,c.jpg\r", [A, f"{H}/b,c.jpg"]),
    ],
)
def test_a_list_of_one_column_has_a_url_in_each_line(
    tmp_path: Path, content: str, expected: list[str]
) -> None:
    assert urls(tmp_path, content) == expected
    assert urls(tmp_path, content, "list.txt") == expected


@pytest.mark.parametrize(
    "content",
    [
        f"name,image\nA,{A}\n",
        f'name, image\n"A", "{A}"\n',
        f"sep=;\r\nname;image\r\nA, b;{A}\r\n",
        f'\ufeff"sep=\t"\r\nname\timage\r\nA\t{A}\r\n',
        f'\ufeffname;image\r\n"A;x";{A}\r\n',
        f'"name, short, with commas";image\n"A, b";{A}\n',
        f"price;image\n1,5;{A}\n",
        f"name|image\nA|{A}\n",
        f"name\timage\nA, b\t{A}\n",
        f"\n \nname,image\nA,{A}\n",
        f"# exported 2024\nname,image\nA,{A}\n",
        f"# exported, 2024\n\n# by me\nname,image\nA,{A}\n",
        f"#id,image\n1,{A}\n",
        f"# of photos,image\n3,{A}\n",
        f'name,image\n"A\n\nsecond ""line""",{A}\n',
        f'name,image\n5" screw,{A}\n',
        f"image,about\n{A},see http://y.example/z\n",
        f"image,image,image\n{A},{B},{B}\n",
        f"image,back\n{A},{B}\n",
        f"1,{A}\n",
        f"{A},Red chair\n",
        f"{A},{B}\n",
        f"A\u2028B\x0c,{A}\n",
    ],
)
def test_a_list_of_several_columns_is_read_however_it_is_written(
    tmp_path: Path, content: str
) -> None:
    assert urls(tmp_path, content) == [A]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
def test_the_encoding_is_detected(tmp_path: Path, encoding: str) -> None:
    assert urls(tmp_path, f"naïve\timage\nŁóżko\t{A}\n".encode(encoding)) == [A]
    assert urls(tmp_path, f'{{"t": "x", "url": "{A}"}}\n'.encode(encoding), "list.jsonl") == [A]


def test_columns_of_one_name_are_all_kept(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"image,image,,\n{A},{B},1\n{A},{B},,\n")
    first, second = open_list(tmp_path / "list.csv", None)
    assert "line 2 has 3 cells, but there are 2 columns" in (first.problem or "")
    assert second.metadata == {"image": A, "image (2)": B}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f"id,url\n1,{COMMAS}\n2,{A}\n", "line 2 has 4 cells, but there are 2 columns"),
        (f"id,url,caption\n1,{A},\n2,{COMMAS},A cat\n", "line 3 has 5 cells"),
        (f"# x\n\nid,url\n1,{A}\n2,{B},extra\n", "line 5 has 3 cells"),
        (f"url,caption\n{H}/w_1,h_2/a.jpg\n{A},x\n{B},y\n", "line 2 seems to have a URL with"),
        (f"id;url\n1;{H}/a;v=1.jpg\n2;{A}\n", "line 2 has 3 cells"),
        (f'name,image\nA,{A}\n"B,{B}\nC,{B}\n', "line 3 opens a quote that is never closed"),
        (f'name,image\nA,{A}\n"B,{B}\n"C",{B}\n', "a quote was not closed there"),
        (f'url;caption\n"{A}"x;y\n{B};"z"\n', "line 2 has text after the closing quote"),
        (f'name,url\n"two\nlines","{H}/a"b.jpg"\nx,{B}\n', "line 3 has text after the closing"),
        (f'url\n"{A}",extra\n{B}\n', "line 2 has several cells, but there is one column"),
    ],
)
def test_a_row_that_may_have_been_cut_is_named_and_the_list_goes_on(
    tmp_path: Path, content: str, expected: str
) -> None:
    (problem,) = problems(tmp_path, content)
    assert expected in problem


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (f'url,caption\n"{H}/a""b.jpg","say ""hi"""\n', f'{H}/a"b.jpg'),
        (f'url , caption\n "{A}" , "two\nlines" \n', A),
        (f'url\tcaption\n"{A}"\t"x"\n', A),
        (f'caption\turl\nfirst, "{B}" then\t"{A}"\n', A),
        (f"url,caption\n{A},'x' and 6\" nails\n", A),
        (f'url\n"{A}",,\n', A),
        (f'caption,url\nx,"{A}"\t\n', A),
        (f'url\n"{H}/a,b.jpg"\r\n', f"{H}/a,b.jpg"),
        (f'url,caption\n"{A}",""\n', A),
    ],
)
def test_quotes_around_cells_and_doubled_ones_are_read(
    tmp_path: Path, content: str, expected: str
) -> None:
    assert problems(tmp_path, content) == []
    assert urls(tmp_path, content) == [expected]


def test_names_of_files_after_urls_are_a_column(tmp_path: Path) -> None:
    content = f"url,file\n{H}/id1,images/1.jpg\n{H}/id2,images/2.jpg\n"
    assert urls(tmp_path, content) == [f"{H}/id1", f"{H}/id2"]


@pytest.mark.parametrize(
    "content",
    [
        f"{H}/img?id=1,7\n{H}/img?id=2,8\n",
        f"{H}/w_1,h_2\n{H}/w_1,h_3\n",
        f"1,{H}/w_1,h_2/a.jpg\n2,{H}/w_3,h_4/b.jpg\n",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(DownloadError, match="give it a first line with the names of the columns"):
        urls(tmp_path, content)


def test_rows_in_one_line_of_json_are_rows(tmp_path: Path) -> None:
    text = f'[{{"url": "{A}", "t": "x"}},\n {{"url": ["{B}", "{A}"]}}]'
    assert urls(tmp_path, text.replace("\n", ""), "list.jsonl") == [A, B, A]
    assert urls(tmp_path, text, "list.json") == [A, B, A]
    assert urls(tmp_path, f'"{A}"\n{{"url": "{B}"}}\n', "list.jsonl") == [A, B]
