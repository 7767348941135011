"""A verdict in words, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from imagefinder.types import Hit
    from imagefinder.verification.verify import Verification


def verdict_with_probability(found: Hit | Verification) -> str:
    """As ``same image (99.9%)``; what is merely similar has no percentage."""
    if not found.is_match or found.probability is None:
        return found.verdict or ""
    if found.evidence is not None and found.evidence.identical:
        return f"{found.verdict} (identical)"
    return f"{found.verdict} ({min(found.probability, 0.999):.1%})"  # a model is never quite sure
