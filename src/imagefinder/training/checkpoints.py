"""States of training, kept so that a killed run goes on where it was."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch


def save(file: Path, states: Mapping[str, Any], done: int) -> None:
    """Write in one step: a killed run leaves the checkpoint before."""
    unfinished = file.with_suffix(".part")
    torch.save(
        {"done": done, **{name: part.state_dict() for name, part in states.items()}}, unfinished
    )
    os.replace(unfinished, file)


def load(file: Path, states: Mapping[str, Any]) -> int:
    """Bring the states back; how much was done, 0 if there is no checkpoint."""
    if not file.exists():
        return 0
    kept = torch.load(file, weights_only=True)
    for name, part in states.items():
        part.load_state_dict(kept[name])
    done: int = kept["done"]
    return done
