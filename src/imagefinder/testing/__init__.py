"""For tests of plug-ins: contract checks, and synthetic images."""

from imagefinder.testing.contracts import (
    check_encoder,
    check_extractor,
    check_index,
    check_store,
    check_upgradable,
    random_entries,
)

__all__ = [
    "check_encoder",
    "check_extractor",
    "check_index",
    "check_store",
    "check_upgradable",
    "random_entries",
]
