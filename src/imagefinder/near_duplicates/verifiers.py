"""Verification of near-duplicate candidates: by pixels, or by the geometry of local features."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.images.ncc import are_copies
from imagefinder.images.signature import stored_signature
from imagefinder.near_duplicates.star_clustering import Verifier
from imagefinder.registry.factory import make_matcher
from imagefinder.types import Keys, Signature

Verify: TypeAlias = Literal["pixels", "geometry", "none"]

_CACHED = 4096  # signatures, of 5 kB each
_EXAMPLES = 100


@dataclass
class Unverified:
    """Candidates that could not be compared, by their rows; filled while a verifier is used."""

    unreadable: set[int] = field(default_factory=set)
    """Images of which no file can be read."""
    undecided: int = 0
    """Pairs that show too little to tell copies from others that look alike."""
    examples: list[tuple[int, int]] = field(default_factory=list)
    """The first of these pairs."""

    def add_undecided(self, center: int, other: int) -> None:
        """Count a pair."""
        self.undecided += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append((center, other))


def make_verifier(
    verify: Verify, catalogue: Catalogue, keys: Keys, threads: Executor
) -> tuple[Verifier | None, Unverified]:
    """A verifier for rows in the order of ``keys``, and what it could not compare."""
    unverified = Unverified()
    if verify == "pixels":
        return _by_pixels(catalogue, keys, threads, unverified), unverified
    if verify == "geometry":
        return _by_geometry(catalogue, keys, threads), unverified
    return None, unverified


def _by_pixels(
    catalogue: Catalogue, keys: Keys, threads: Executor, unverified: Unverified
) -> Verifier:
    @lru_cache(_CACHED)
    def signature(row: int) -> Signature | None:
        record = catalogue.store.get([int(keys[row])]).get(int(keys[row]))
        found = stored_signature(record, catalogue.limits) if record else None
        if found is None:
            unverified.unreadable.add(row)
        return found

    def verify(center: int, others: Sequence[int]) -> Sequence[bool]:
        own = signature(center)
        signatures = list(threads.map(signature, others))
        if own is None:
            return [False] * len(signatures)
        verdicts = iter(are_copies(own, [one for one in signatures if one is not None]))
        confirmed = []
        for row, one in zip(others, signatures, strict=True):
            verdict = False if one is None else next(verdicts)
            if verdict is None:
                unverified.add_undecided(center, row)
            confirmed.append(bool(verdict))
        return confirmed

    return verify


def _by_geometry(catalogue: Catalogue, keys: Keys, threads: Executor) -> Verifier:
    matcher = make_matcher("geometric")

    def verify(center: int, others: Sequence[int]) -> Sequence[bool]:
        own = catalogue.store.local_features([int(keys[center])]).get(int(keys[center]))

        def confirmed(row: int) -> bool:
            key = int(keys[row])
            other = catalogue.store.local_features([key]).get(key)
            return bool(own and other and matcher.match(own, other).verified)

        return list(threads.map(confirmed, others))

    return verify
