"""Precision: OpenVINO graphs computed in 16 bits where the processor can, else in 32.

OpenVINO asks the processor what it can do; its kernels may be limited beyond that (by
``ONEDNN_MAX_CPU_ISA``, an emulator, a virtual machine), and then there is none for 16 bits.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, Final, Literal, TypeAlias

import numpy as np

Precision: TypeAlias = Literal["auto", "f32", "bf16", "i8"]
"""``auto`` is 16 bits where OpenVINO chooses them; ``i8`` is for the graphs of `eight_bits`."""

NO_SIXTEEN_BITS: Final = "16 bits do not work on this processor"
LIMITS: Final = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""The environment variables that limit the instructions of kernels."""
HINT: Final = "INFERENCE_PRECISION_HINT"

log = logging.getLogger(__name__)


def cpu_core(ov: Any) -> Any:
    """A core with its plugin for the CPU, loaded by a thread that ends at once.

    A plugin gives the thread that loads it a stack for signal handlers, and takes it back at its
    end. Two of one thread that end in the order in which they were made leave it a stack that is
    gone: in the main thread, the next Ctrl-C would crash the program.
    """

    def load() -> Any:
        core = ov.Core()
        core.get_property("CPU", HINT)
        return core

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(load).result()


def compile_graph(ov: Any, graph: Any, precision: str, config: Mapping[str, Any]) -> Any:
    """A graph compiled for the CPU, in 32 bits if 16 fail.

    Raises RuntimeError if these fail too.
    """
    core = cpu_core(ov)
    if precision in ("f32", "i8"):  # what has not 8 bits has 32: the same on every processor
        return core.compile_model(graph, "CPU", {**config, HINT: "f32"})
    hint = {} if precision == "auto" else {HINT: precision}
    try:
        # a kernel beyond the limits may crash the program, and is not tried
        if any(name in os.environ for name in LIMITS) and not sixteen_bits_work():
            raise RuntimeError(NO_SIXTEEN_BITS)
        compiled = core.compile_model(graph, "CPU", {**config, **hint})
        _run_once(compiled)
        if precision == "bf16" != precision_of(compiled):  # the hint was ignored
            raise RuntimeError(NO_SIXTEEN_BITS)
    except RuntimeError as error:
        compiled = core.compile_model(graph, "CPU", {**config, HINT: "f32"})
        level = logging.INFO if precision == "auto" else logging.WARNING
        log.log(level, "computes in 32 bits, because others fail: %s", str(error).strip())
    return compiled


@cache
def sixteen_bits_work() -> bool:
    """Whether a convolution and a product of matrices can be compiled and computed in bfloat16."""
    import openvino as ov

    ops = ov.opset13
    image = ops.parameter([1, 8, 8, 8], np.float32)
    kernels = ops.constant(np.ones((8, 8, 3, 3), np.float32))
    maps = ops.convolution(image, kernels, [1, 1], [0, 0], [0, 0], [1, 1])
    rows = ops.reshape(maps, ops.constant([8, 36]), special_zero=False)
    product = ops.matmul(rows, ops.constant(np.ones((36, 8), np.float32)), False, False)
    try:
        config = {HINT: "bf16", "INFERENCE_NUM_THREADS": 1}
        compiled = cpu_core(ov).compile_model(ov.Model([product], [image], "probe"), "CPU", config)
        _run_once(compiled)
    except RuntimeError:
        return False
    return precision_of(compiled) == "bf16"


def chosen_precision() -> str:
    """The precision that OpenVINO chooses on this processor."""
    import openvino as ov

    return str(cpu_core(ov).get_property("CPU", HINT).get_type_name())


def precision_of(compiled: Any) -> str:
    """The precision in which a compiled graph computes."""
    return str(compiled.get_property(HINT).get_type_name())


def _run_once(compiled: Any) -> None:
    """Raises RuntimeError if it can be compiled but not run."""
    if not any(one.get_partial_shape().is_dynamic for one in compiled.inputs):
        compiled.create_infer_request().infer()
