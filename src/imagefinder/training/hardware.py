"""Where training runs, and in how many bits."""

from __future__ import annotations

from typing import Any

import torch


def device() -> torch.device:
    """A GPU if there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def mixed(where: torch.device) -> Any:
    """A context that computes convolutions in bfloat16 if there are units for that."""
    if where.type == "cpu":
        fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    else:
        fast = torch.cuda.is_bf16_supported()
    return torch.autocast(where.type, torch.bfloat16, enabled=fast)
