from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from imagefinder.cli.app import app


def test_a_list_is_to_be_downloaded_first(tmp_path: Path, with_stderr: None) -> None:
    urls = tmp_path / "urls.csv"
    urls.write_text("url\nhttps://example.com/a.jpg\n")
    words = ["cluster", "add", str(urls), "--db", str(tmp_path / "c.db")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2
    assert "imagefinder download" in result.output
    assert not (tmp_path / "c.db").exists()
