"""The device that trains: GPU or CPU, mixed precision, memory allocation."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import torch

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # glibc's malloc.h
_MOST = 2**31 - 1


def device() -> torch.device:
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed_precision(where: torch.device) -> Any:
    """A context in which convolutions are computed in bfloat16 if the hardware has units for it."""
    if where.type == "cpu":
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        fast = torch.cuda.is_bf16_supported()
    return torch.autocast(where.type, torch.bfloat16, enabled=fast)


def retain_freed_memory() -> None:
    """Have glibc keep large freed blocks for the rest of this process: the next step needs them.

    Returned to the system at once, they would be mapped again, and cleared, at every step.
    """
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        for threshold in (_TRIM_THRESHOLD, _MMAP_THRESHOLD):
            libc.mallopt(threshold, _MOST)
