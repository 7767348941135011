from dataclasses import replace
from pathlib import Path

import PIL.Image

from imagefinder.search.hits import Hits
from imagefinder.types import File, Hit, Record


def hit(path: str | None) -> Hit:
    files = (File(path, 1),) if path else ()
    return Hit(1, 0.87654, 0.1, Record(255, bytes(32), 10, 40, 20, files))


def test_hits_show_themselves_as_images(tmp_path: Path) -> None:
    path = tmp_path / "a <b> & c.jpg"
    PIL.Image.new("RGB", (40, 20), "red").save(path)
    html = Hits([hit(str(path))])._repr_html_()
    assert 'src="data:image/jpeg;base64,' in html
    assert 'width="160" height="80"' in html
    assert "1. 0.877" in html
    assert "a &lt;b&gt; &amp; c.jpg" in html
    assert "<b>" not in html


def test_the_region_of_a_hit_is_framed(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    PIL.Image.new("RGB", (40, 20), "red").save(path)
    html = Hits([replace(hit(str(path)), region=(10, 5, 20, 15))])._repr_html_()
    assert "left:25.0%;top:25.0%;width:50.0%;height:75.0%" in html
    gone = Hits([replace(hit(None), region=(10, 5, 20, 15))])._repr_html_()
    assert "left:" not in gone


def test_hits_without_a_usable_file_say_so(tmp_path: Path) -> None:
    html = Hits([hit(None), hit(str(tmp_path / "gone.jpg"))])._repr_html_()
    assert "given in memory" in html
    assert "no such file" in html
    assert "00000000000000ff" in html


def test_no_hits_say_so() -> None:
    assert "no hits" in Hits()._repr_html_()
