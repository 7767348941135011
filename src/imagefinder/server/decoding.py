"""Decoding in a server: how much memory and time strangers' images may take."""

from __future__ import annotations

from dataclasses import replace

from imagefinder._utils.concurrency import cores
from imagefinder._utils.malloc import return_freed_memory
from imagefinder.images.budget import BUDGET, Allowance
from imagefinder.images.limits import Limits
from imagefinder.server.settings import Settings

_KEPT = 6
"""The part of the memory that is kept for quick images: a sixth."""
_SECONDS = 10.0
_MAX_WAITING = 6
_PATIENCE = 8.0


def bound_decoding(settings: Settings) -> None:
    """For this whole process: a budget for all decoders, and freed memory goes back."""
    memory = settings.decoding_memory
    BUDGET.allowance = Allowance(
        memory, memory // _KEPT, max(1, cores() // 2), _MAX_WAITING, _PATIENCE
    )
    return_freed_memory()


def server_limits(limits: Limits, settings: Settings) -> Limits:
    """No single image takes more than there is, nor half of the time for a response.

    A truncated one is refused: an upload that was cut on its way is to be sent again.
    """
    memory = settings.decoding_memory - settings.decoding_memory // _KEPT
    return replace(
        limits,
        allow_truncated=False,
        max_memory=min(limits.max_memory, memory),
        max_seconds=min(limits.max_seconds, settings.timeout / 2, _SECONDS),
    )
