"""Where 16 bits do not work, models are computed in 32 bits, and that is said."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imagefinder.encoders import precision
from imagefinder.encoders.compact import Compact
from imagefinder.encoders.runtimes import computed_in
from imagefinder.registry.factory import make_encoder

from ..conftest import drawn

IMAGE = drawn(1, Compact.resize.width, Compact.resize.height)

PROGRAM = """
import numpy as np
from imagefinder.encoders.runtimes import computed_in
from imagefinder.registry.factory import make_encoder
for precision in ("auto", "bf16"):
    encoder = make_encoder("compact", {"precision": precision})
    (row,) = encoder.encode([np.zeros((208, 208, 3), np.uint8)])
    assert np.isfinite(row).all()
    said = computed_in({"runtime": "openvino", "precision": precision})
    assert said == "f32" or said.startswith("f32 ("), said
"""


class Failing:
    """A library whose graphs fail in other than 32 bits, when compiled or when run.

    Or it computes all in 32 bits, and does not say so unless it is asked.
    """

    def __init__(self, when: str) -> None:
        self.when = when
        self.hints: list[str] = []
        self.inputs: list[Any] = []

    def Core(self) -> "Failing":  # noqa: N802  as in OpenVINO
        return self

    def compile_model(self, graph: str, device: str, config: dict[str, str]) -> "Failing":
        self.hints.append(config.get("INFERENCE_PRECISION_HINT", "auto"))
        self._fail("compiled")
        return self

    def create_infer_request(self) -> "Failing":
        return self

    def infer(self) -> None:
        self._fail("run")

    def get_property(self, *asked: str) -> Any:
        assert asked[-1] == precision.HINT
        said = "f32" if self.when == "silently" else ["auto", *self.hints][-1]
        return SimpleNamespace(get_type_name=lambda: said)

    def _fail(self, when: str) -> None:
        if self.when in (when, "always") and (self.hints[-1] != "f32" or self.when == "always"):
            raise RuntimeError("object is not initialized")


@pytest.mark.parametrize("when", ["compiled", "run"])
@pytest.mark.parametrize(("chosen", "level"), [("auto", "INFO"), ("bf16", "WARNING")])
def test_a_precision_that_fails_becomes_f32_and_the_log_says_why(
    when: str, chosen: str, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    library = Failing(when)
    with caplog.at_level(logging.INFO):
        precision.compile_graph(library, "graph", chosen, {})
    assert library.hints == [chosen, "f32"]
    assert [record.levelname for record in caplog.records] == [level]
    assert "32 bits" in caplog.text
    assert "object is not initialized" in caplog.text


def test_bf16_that_is_computed_in_32_bits_is_said_too(caplog: pytest.LogCaptureFixture) -> None:
    precision.compile_graph(Failing("silently"), "graph", "bf16", {})
    assert "16 bits do not work on this processor" in caplog.text


def test_a_graph_that_fails_in_any_precision_fails() -> None:
    with pytest.raises(RuntimeError, match="not initialized"):
        precision.compile_graph(Failing("always"), "graph", "auto", {})


def test_what_is_computed_is_not_limited_where_16_bits_work() -> None:
    library = Failing("never")
    precision.compile_graph(library, "graph", "auto", {})
    assert library.hints == ["auto"]


@pytest.mark.parametrize("limit", ["AVX2", "SSE41"])
def test_a_limited_processor_computes_in_32_bits(limit: str) -> None:
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": limit}
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, check=True)


def test_precision_is_told_for_every_kind_of_encoder(
    monkeypatch: pytest.MonkeyPatch, tiny_model: Path
) -> None:
    monkeypatch.setattr("imagefinder.encoders.runtimes.sixteen_bits_work", lambda: False)
    monkeypatch.setattr("imagefinder.encoders.runtimes.chosen_precision", lambda: "bf16")
    own = {"runtime": "openvino", "precision": "auto", "path": str(tiny_model)}
    limited = "f32 (16 bits do not work on this processor)"
    assert computed_in(own) == limited
    assert computed_in({"runtime": own}) == limited  # of regions
    assert computed_in({**own, "precision": "f32"}) == "f32"
    assert computed_in({**own, "runtime": "onnxruntime"}) == "as the graph is, by ONNX Runtime"
    assert computed_in({}) is None
    monkeypatch.setattr("imagefinder.encoders.runtimes.sixteen_bits_work", lambda: True)
    assert computed_in({**own, "precision": "bf16"}) == "bf16"


def test_what_is_told_is_what_was_compiled() -> None:
    encoder = Compact(runtime="openvino")
    encoder.encode([IMAGE])
    compiled = encoder.graph._runtime._compiled  # type: ignore[attr-defined]  # OpenVINO's
    hint = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
    said = computed_in({"runtime": "openvino", "precision": "auto"})
    assert said is not None
    assert said.split(" ")[0] == hint


def test_onnx_runtime_says_that_it_has_no_choice(caplog: pytest.LogCaptureFixture) -> None:
    chosen, plain = (
        make_encoder("compact", {"runtime": "onnxruntime", "precision": one}).encode([IMAGE])
        for one in ("bf16", "f32")
    )
    assert "bf16 has no effect" in caplog.text
    assert np.array_equal(chosen[0], plain[0])


SIGNALED = """
import gc, os, signal
import numpy as np
from imagefinder.registry.factory import make_encoder
black = [np.zeros((208, 208, 3), np.uint8)]
for precision in ("f32", "auto", "bf16"):
    encoder = make_encoder("compact", {"precision": precision})
    encoder.encode(black)
    del encoder
    gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_is_heard_after_graphs_have_come_and_gone(tmp_path: Path) -> None:
    environment = {**os.environ, "IMAGEFINDER_HOME": str(tmp_path)}  # nothing is compiled yet
    done = subprocess.run(
        [sys.executable, "-c", SIGNALED], env=environment, capture_output=True, check=True
    )
    assert done.stdout.strip() == b"heard"
