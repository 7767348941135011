"""Cache of compiled graphs, in the user's cache folder: a program that finds one starts sooner.

A file is OpenVINO's export of a graph, behind a line of JSON with its SHA-256 and its precision.
Its name is a hash of all that it was compiled from and for: the graph's SHA-256, the settings, the
version of OpenVINO and what the processor can do. All may be deleted at any time; those used
longest ago are, once there are too many.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagefinder._utils.atomic import atomic_write
from imagefinder.encoders.precision import (
    HINT,
    LIMITS,
    NO_SIXTEEN_BITS,
    compile_graph,
    cpu_core,
    precision_of,
)
from imagefinder.registry.pretrained import cache_home

_REVISION = 1  # raised when graphs are prepared in another way
_MOST_BYTES = 512 << 20  # of all files
_LONGEST_LINE = 1000
_SUFFIX = ".blob"

log = logging.getLogger(__name__)


def compiled_graph(
    ov: Any, key: str, read: Callable[[], Any], precision: str, config: Mapping[str, Any]
) -> Any:
    """The graph that ``read`` gives, compiled for the CPU as ``compile_graph`` does, or kept.

    ``key`` names all that the graph depends on. Raises RuntimeError if it cannot be compiled, and
    what ``read`` raises.
    """
    core = cpu_core(ov)
    file = _file(ov, core, key, precision, config)
    found = _imported(ov, core, file, config)
    if found is not None:
        if precision == "bf16" != precision_of(found):
            log.warning("computes in 32 bits: %s", NO_SIXTEEN_BITS)
        return found
    compiled = compile_graph(ov, read(), precision, config)
    try:
        _keep(file, precision_of(compiled), compiled.export_model().getbuffer())
    except (OSError, RuntimeError) as error:
        log.debug("a compiled graph is not kept: %s", error)
    return compiled


def _file(ov: Any, core: Any, key: str, precision: str, config: Mapping[str, Any]) -> Path:
    able = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    parts = (
        *(_REVISION, ov.get_version(), core.get_property("CPU", "FULL_DEVICE_NAME"), sorted(able)),
        *([os.environ.get(name) for name in LIMITS], precision, sorted(config.items()), key),
    )
    name = hashlib.sha256(repr(parts).encode()).hexdigest()[:40]
    return cache_home() / "compiled" / f"{name}{_SUFFIX}"


def _imported(ov: Any, core: Any, file: Path, config: Mapping[str, Any]) -> Any | None:
    """``None`` if there is none, or if it is damaged, which OpenVINO would not notice."""
    try:
        with file.open("rb") as content:
            about = json.loads(content.readline(_LONGEST_LINE))
            export = ov.Tensor(ov.Type.u8, [file.stat().st_size - content.tell()])
            content.readinto(export.data)
        if hashlib.sha256(export.data).hexdigest() != about["sha256"]:
            return None
        with suppress(OSError):  # the folder may be read-only
            os.utime(file)
        return core.import_model(export, "CPU", {**config, HINT: about["precision"]})
    except (OSError, ValueError, TypeError, KeyError, RuntimeError):
        return None


def _keep(file: Path, precision: str, export: memoryview) -> None:
    if len(export) > _MOST_BYTES // 4:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    _make_room(file.parent, len(export))
    about = {"sha256": hashlib.sha256(export).hexdigest(), "precision": precision}
    with atomic_write(file) as unfinished, unfinished.open("wb") as content:
        content.write(json.dumps(about).encode() + b"\n")
        content.write(export)


def _make_room(folder: Path, needed: int) -> None:
    """Delete the files that were used longest ago until another one fits."""
    files = [(file, file.stat()) for file in folder.glob(f"[!.]*{_SUFFIX}")]
    room = _MOST_BYTES - needed - sum(about.st_size for _, about in files)
    for file, about in sorted(files, key=lambda one: one[1].st_mtime_ns):
        if room >= 0:
            return
        file.unlink(missing_ok=True)
        room += about.st_size
