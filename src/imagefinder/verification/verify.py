"""Verification of image pairs: evidence → verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, field, replace

from imagefinder.images.ncc import align
from imagefinder.types import (
    Correspondences,
    Evidence,
    LocalFeatures,
    Matcher,
    Signature,
    Verdict,
)
from imagefinder.verification.criteria import Criteria
from imagefinder.verification.evidence import evidence_columns, is_undecided
from imagefinder.verification.verdict_model import probability_of

_CHANCE_INLIERS = 8  # pairs of unrelated photographs reach 7
_MOST_FEATURES = 0.6  # of an image: charts with the same axes share 0.51, slides of one layout 0.2


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """What is known of an image when it is compared with another."""

    key: int | None = None
    """Equal keys are identical bytes."""
    signature: Signature | None = None
    local: LocalFeatures | None = None

    def is_identical(self, other: Fingerprint) -> bool:
        """Whether both are known to be the same bytes."""
        return self.key is not None and self.key == other.key


@dataclass(frozen=True)
class Verification:
    """What a pair of images was found to have in common."""

    verdict: Verdict
    is_match: bool | None
    """Whether it is the same image or the same thing; ``None`` if nothing could be compared."""
    probability: float | None
    """Of a match; ``None`` if the images show too little to be compared, or nothing was."""
    evidence: Evidence = field(default_factory=Evidence)
    is_undecided: bool = False
    """Whether they show too little: blank pages, icons, slides of one layout."""


IDENTICAL = Verification("same image", True, 1.0, Evidence(True, 1.0, 1.0))


def verify(
    one: Fingerprint,
    others: Sequence[Fingerprint],
    scores: Sequence[float],
    criteria: Criteria,
    matcher: Matcher | None = None,
) -> list[Verification]:
    """The verdict on one image and each of the others; ``scores`` are those of the encoder.

    By their pixels, if both have a signature, else by the score alone. Those that are not the same
    image are matched by their local features, if there is a ``matcher`` and both have some.
    """
    known = {number: IDENTICAL for number, other in enumerate(others) if one.is_identical(other)}
    known |= _by_pixels(one, others, scores, criteria, set(known))
    found = []
    for number, (other, score) in enumerate(zip(others, scores, strict=True)):
        verification = known[number] if number in known else by_score(score, criteria)
        if matcher and one.local and other.local and verification.verdict != "same image":
            matched = matcher.match(one.local, other.local)
            verification = with_geometry(verification, matched, fewest(one.local, other.local))
        found.append(verification)
    return found


def by_score(score: float, criteria: Criteria) -> Verification:
    """The verdict where only the encoder's score is known."""
    if criteria.by_score is None:
        return Verification("similar", None, None)
    is_match = score >= criteria.least_score
    verdict: Verdict = criteria.score_verdict if is_match else "similar"
    return Verification(verdict, is_match, criteria.by_score.probability(score))


def fewest(one: LocalFeatures, other: LocalFeatures) -> int:
    """How many local features the image has that has fewer."""
    return min(len(one.points), len(other.points))


def with_geometry(
    found: Verification, correspondences: Correspondences, features: int
) -> Verification:
    """With the evidence of local features, of which one geometry was asked.

    ``features`` is how many the image has that has fewer. Where the images show too little, most of
    them must agree: slides of one layout share a frame and letters, charts their axes.
    """
    if correspondences.verified is None:
        return found
    evidence = replace(found.evidence, inliers=len(correspondences))
    is_enough = not found.is_undecided or len(correspondences) >= _MOST_FEATURES * features
    if not correspondences.verified or not is_enough or found.verdict == "same image":
        return replace(found, evidence=evidence)
    by_inliers = 1 / (1 + math.exp(_CHANCE_INLIERS - len(correspondences)))
    return Verification("same thing", True, max(found.probability or 0.0, by_inliers), evidence)


def _by_pixels(
    one: Fingerprint,
    others: Sequence[Fingerprint],
    scores: Sequence[float],
    criteria: Criteria,
    known: Set[int],
) -> dict[int, Verification]:
    """The verdicts on those others that have signatures and are not ``known``, by their numbers."""
    own = one.signature
    if own is None:
        return {}
    signatures = [(n, other.signature) for n, other in enumerate(others) if n not in known]
    compared = [(number, theirs) for number, theirs in signatures if theirs is not None]
    alignments = align(own, [theirs for _, theirs in compared])
    columns = evidence_columns(criteria.measure, alignments, [scores[n] for n, _ in compared])
    logits = criteria.model.logits(columns).tolist()
    verified = {}
    for (number, theirs), aligned, logit in zip(compared, alignments, logits, strict=True):
        evidence = Evidence(False, aligned.trimmed, aligned.overlap)
        if is_undecided(own, theirs, aligned.correlation):
            found = Verification("similar", False, None, evidence, is_undecided=True)
        elif logit >= criteria.least_logit:
            found = Verification("same image", True, probability_of(logit), evidence)
        else:
            found = Verification("similar", False, probability_of(logit), evidence)
        verified[number] = _with_labels(found, scores[number], criteria)
    return verified


def _with_labels(found: Verification, score: float, criteria: Criteria) -> Verification:
    """The same thing after all, if a calibration with labels says so."""
    if found.verdict != "similar" or criteria.score_verdict != "same thing":
        return found
    other = by_score(score, criteria)
    return replace(other, evidence=found.evidence) if other.is_match else found
