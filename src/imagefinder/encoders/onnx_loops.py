"""Loops of a graph: one that might run for ever is refused before it is run."""

from __future__ import annotations

from typing import Any

from imagefinder.errors import ModelError

_MOST = 100_000  # times that the innermost body may run for one image


def check_loops(model: Any, name: str, most: int = _MOST) -> None:
    """Raises ModelError if an OpenVINO model has a loop that is not bounded by a constant."""
    for node in model.get_ordered_ops():
        kind = node.get_type_name()
        if kind == "If":
            for branch in (0, 1):
                check_loops(node.get_function(branch), name, most)
        elif kind == "Loop":
            check_loops(node.get_function(), name, most // max(1, _count(node, name, most)))
        elif kind == "TensorIterator":  # as often as a tensor has slices
            check_loops(node.get_function(), name, most)


def _count(loop: Any, name: str, most: int) -> int:
    source = loop.input_value(0).get_node()
    count = int(source.get_data().item()) if source.get_type_name() == "Constant" else -1
    if 0 <= count <= most:
        return count
    raise ModelError(
        f"{name} has a loop that might run for ever: its number of iterations must be a constant, "
        f"and at most {_MOST:,} in all"
    )
