"""Verification of near-duplicate candidates: the verdicts on pairs of a catalogue's rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal, TypeAlias

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.images.signature import stored_signature
from imagefinder.similarity import scores
from imagefinder.types import Features, Keys, Signature
from imagefinder.verification.criteria import Criteria
from imagefinder.verification.verifier import Verifier
from imagefinder.verification.verify import Fingerprint, Verification

Verify: TypeAlias = Literal["pixels", "geometry", "none"]

_CACHED = 4096  # signatures, of 5 kB each, and verdicts
_EXAMPLES = 100


@dataclass
class Unverified:
    """Candidates that could not be compared, by their rows; filled while a verifier is used."""

    unreadable: set[int] = field(default_factory=set)
    """Images that have no signature, and of which no file can be read."""
    undecided: int = 0
    """Pairs that show too little to tell copies from others that look alike."""
    examples: list[tuple[int, int]] = field(default_factory=list)
    """The first of these pairs."""

    def add_undecided(self, center: int, other: int) -> None:
        """Count a pair."""
        self.undecided += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append((center, other))


class RowVerifier:
    """Verifies rows in the order of ``keys``, and notes what it could not compare."""

    def __init__(
        self,
        catalogue: Catalogue,
        keys: Keys,
        rows: Features,
        criteria: Criteria,
        verify: Verify,
        threads: Executor,
    ) -> None:
        """``threads`` read the files of images that are stored without a signature."""
        self.unverified = Unverified()
        self._catalogue, self._keys, self._rows = catalogue, keys, rows
        self._criteria, self._verify, self._threads = criteria, verify, threads
        self._verifier = Verifier(catalogue)
        self._verified: dict[tuple[int, int], Verification] = {}
        self._signature = lru_cache(_CACHED)(self._read_signature)

    def confirm(self, center: int, others: Sequence[int]) -> list[bool]:
        """Whether each of the others is a near-duplicate of the center."""
        found = self.verifications(center, others)
        for other, one in zip(others, found, strict=True):
            if one.is_undecided:
                self.unverified.add_undecided(center, other)
        return [self.confirms(one) for one in found]

    def confirms(self, found: Verification) -> bool:
        """Whether a verdict makes a near-duplicate: the same thing is enough by geometry."""
        return found.verdict == "same image" or (
            self._verify == "geometry" and found.verdict == "same thing"
        )

    def verifications(self, center: int, others: Sequence[int]) -> list[Verification]:
        """The verdicts on the center and each of the others; those asked last are remembered."""
        if len(self._verified) > _CACHED:
            self._verified.clear()
        missing = [other for other in others if (center, other) not in self._verified]
        if missing:
            found = self._verify_rows(center, missing)
            self._verified.update(((center, other), one) for other, one in found)
        return [self._either(center, other) for other in others]

    def _either(self, center: int, other: int) -> Verification:
        """The verdict, or that of the other direction, if that is known and confirms a copy."""
        found = self._verified[center, other]
        reverse = self._verified.get((other, center), found)
        return reverse if self.confirms(reverse) and not self.confirms(found) else found

    def _verify_rows(
        self, center: int, others: Sequence[int]
    ) -> Iterator[tuple[int, Verification]]:
        measure = self._catalogue.recipe.measure
        own, *theirs = self._fingerprints([center, *others])
        against = scores(measure, self._rows[center : center + 1], self._rows[others])[0]
        found = self._verifier.verify_pairs(own, theirs, against.tolist(), self._criteria)
        return zip(others, found, strict=True)

    def _fingerprints(self, rows: Sequence[int]) -> list[Fingerprint]:
        keys = self._keys[list(rows)].tolist()
        store = self._catalogue.store
        signatures = store.signatures(keys)
        local = store.local_features(keys) if self._verify == "geometry" else {}
        missing = [row for row, key in zip(rows, keys, strict=True) if key not in signatures]
        read = dict(zip(missing, self._threads.map(self._signature, missing), strict=True))
        return [
            Fingerprint(key, signatures.get(key) or read.get(row), local.get(key))
            for row, key in zip(rows, keys, strict=True)
        ]

    def _read_signature(self, row: int) -> Signature | None:
        key = int(self._keys[row])
        record = self._catalogue.store.get([key]).get(key)
        found = stored_signature(record, self._catalogue.limits) if record else None
        if found is None:
            self.unverified.unreadable.add(row)
        return found
