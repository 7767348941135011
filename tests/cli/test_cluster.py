from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from imagefinder.cli.app import app
from imagefinder.errors import MissingExtra


def test_without_its_extra_no_catalogue_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("imagefinder._utils.extras.find_spec", lambda _: None)
    words = ["cluster", "add", str(tmp_path), "--db", str(tmp_path / "c.db")]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, MissingExtra)
    assert "imagefinder[cluster]" in str(result.exception)
    assert not (tmp_path / "c.db").exists()
