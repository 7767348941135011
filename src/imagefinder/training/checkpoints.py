"""Checkpoints: the state of a training run, from which it is resumed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from imagefinder._utils.atomic import atomic_write


def save(file: Path, states: Mapping[str, Any], done: int) -> None:
    """Replace the checkpoint atomically: a killed run leaves the previous one."""
    content = {name: one.state_dict() for name, one in states.items()}
    with atomic_write(file) as unfinished:
        torch.save({"done": done, **content}, unfinished)


def load(file: Path, states: Mapping[str, Any]) -> int:
    """Restore the states; how many steps were done, 0 if there is no checkpoint."""
    if not file.exists():
        return 0
    saved = torch.load(file, weights_only=True)
    for name, one in states.items():
        one.load_state_dict(saved[name])
    done: int = saved["done"]
    return done
