from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from imagefinder import Finder
from imagefinder.cli.app import app
from imagefinder.verification.calibration import Calibration

RNG = np.random.default_rng(0)
FITTED = Calibration.fit(
    "cosine", 0.001, 80, "copies", RNG.uniform(0.2, 0.6, 80), RNG.uniform(0.7, 0.99, 80)
)


@pytest.mark.usefixtures("with_stderr")
@pytest.mark.parametrize(("recall", "is_said"), [(0.02, True), (0.7, False), (None, False)])
def test_a_threshold_that_finds_few_copies_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recall: float | None, is_said: bool
) -> None:
    calibration = replace(FITTED, recall=recall)
    monkeypatch.setattr(
        "imagefinder.verification.calibrate.calibrate", lambda *_, **__: calibration
    )
    Finder.create(tmp_path / "c.db").close()
    result = CliRunner().invoke(app, ["calibrate", "--db", str(tmp_path / "c.db")])
    assert result.exit_code == 0
    assert ("2.0% of the matches" in result.stderr) is is_said
    assert " ".join(result.stdout.split()).startswith("rate 0.001 threshold 0.")
    assert max(map(len, result.stdout.split())) < 10, "fractions are short"
