"""Names of uploads keep their alphabet, and are safe on every system."""

import unicodedata

import pytest

from imagefinder.server.file_names import inline_disposition, safe_file_name


@pytest.mark.parametrize(
    "name",
    [
        "фото на даче.jpg", "写真.jpg", "사진.png", "صورة.jpg", "Müller Straße.jpg", "a+b (1).jpg",
        "photo", "می‌خواهم.png", "👩‍👧.webp", "नमस्ते.jpg", "IMG_0001.HEIC".lower(),
    ],
)  # fmt: skip
def test_a_name_is_kept(name: str) -> None:
    assert safe_file_name(name) == name
    assert safe_file_name(unicodedata.normalize("NFD", name)) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("", "image"),
        (".", "image"),
        ("..", "image"),
        ("/", "image"),
        ("-", "image"),
        ("../../evil.jpg", "evil.jpg"),
        ("C:\\Users\\me\\a.jpg", "a.jpg"),
        (".htaccess", "htaccess"),
        ("CON.jpg", "_CON.jpg"),
        ("nul", "_nul"),
        ("com1.tar.png", "_com1.tar.png"),
        ("LPT³", "_LPT³"),
        ("2024:05:01.jpg", "2024-05-01.jpg"),
        ('a<b>"c|d?e*.jpg', "a-b-c-d-e.jpg"),
        ("a\0b\n\x7f.JPG", "ab.jpg"),
        ("invoice\u202egpj.exe", "invoicegpj"),
        ("\ufeffa\u200b.png", "a.png"),
        ("a.php", "a"),
        ("a. . .jpg", "a.jpg"),
        ("  a\u3000\u00a0b .png", "a b.png"),
        ("\ud800x.jpg", "x.jpg"),
        ("a\u200d.jpg", "a.jpg"),
    ],
)
def test_what_is_unsafe_goes(given: str, safe: str) -> None:
    assert safe_file_name(given) == safe


@pytest.mark.parametrize("letter", ["x", "ü", "写", "👩", "e\u0301"])
def test_a_long_name_is_shortened(letter: str) -> None:
    safe = safe_file_name(letter * 300 + ".jpg")
    assert len(safe.encode()) <= 190
    assert safe.endswith(".jpg")


def test_the_header_gives_every_name() -> None:
    assert inline_disposition("a b.jpg") == 'inline; filename="a b.jpg"'
    assert inline_disposition('ü"\n.jpg') == (
        "inline; filename=\"___.jpg\"; filename*=UTF-8''%C3%BC%22%0A.jpg"
    )
