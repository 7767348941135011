"""Verification of near-duplicate candidates: by pixels, or by the geometry of local features."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from functools import lru_cache
from typing import Literal, TypeAlias

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.images.ncc import NCC_THRESHOLD, Signature, max_ncc, stored_signature
from imagefinder.near_duplicates.star_clustering import Verifier
from imagefinder.registry.factory import make_matcher
from imagefinder.types import Keys

Verify: TypeAlias = Literal["pixels", "geometry", "none"]

_CACHED = 4096  # signatures, of 16 kB each


def make_verifier(
    verify: Verify, catalogue: Catalogue, keys: Keys, threads: Executor
) -> tuple[Verifier | None, set[int]]:
    """A verifier for rows in the order of ``keys``, and the rows that it finds unreadable.

    The set fills up while the verifier is used.
    """
    if verify == "pixels":
        return _by_pixels(catalogue, keys, threads)
    if verify == "geometry":
        return _by_geometry(catalogue, keys, threads), set()
    return None, set()


def _by_pixels(catalogue: Catalogue, keys: Keys, threads: Executor) -> tuple[Verifier, set[int]]:
    unreadable: set[int] = set()

    @lru_cache(_CACHED)
    def signature(row: int) -> Signature | None:
        record = catalogue.store.get([int(keys[row])]).get(int(keys[row]))
        found = stored_signature(record, catalogue.limits) if record else None
        if found is None:
            unreadable.add(row)
        return found

    def verify(center: int, others: Sequence[int]) -> Sequence[bool]:
        own = signature(center)
        signatures = list(threads.map(signature, others))
        if own is None:
            return [False] * len(signatures)
        correlations = iter(max_ncc(own, [one for one in signatures if one is not None]).tolist())
        return [one is not None and next(correlations) >= NCC_THRESHOLD for one in signatures]

    return verify, unreadable


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
