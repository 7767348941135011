"""Which of several copies of an image a person would keep, and why.

Each member of a group gets points for what a person would count for it, and loses some for what
counts against it; one point weighs as much as twice the pixels. The weights were chosen on
photographs with made copies; ``benchmarks.duplicates`` measures them on others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from imagefinder.near_duplicates.overlays import is_covered
from imagefinder.near_duplicates.traits import Traits
from imagefinder.near_duplicates.turn import TURNS, Turn, turns_against

Members: TypeAlias = Sequence[Traits]

_NO_REASON = "first by its path"
_FAMILIARITY = 8.0  # points for a score of 1; turned clothes score 0.06 less in the median
_MOST_UNFAMILIAR = 0.6
_COMPARED = 8  # members that each is compared with, so that large groups take no longer
_SAID = 0.25  # points from which on a difference is worth a word
_GRAY = 3.0  # gray levels from gray that compression may make of none
_BLUR_MARGIN = 0.3  # powers of two that resizing may change the sharpness by
_SAME_SHARPNESS = 0.2
_FULL_RANGE = 180  # gray levels: more contrast than this is no better
_NO_TRACES, _TRACES = 35.0, 40.0  # of an earlier compression: where they begin, and are certain


@dataclass(frozen=True)
class _Term:
    reason: str
    points: Callable[[Members], Sequence[float]]
    tells_turns: bool = False
    """Whether it tells an image that is upright from a copy that was turned or mirrored."""


class Comparison:
    """Compares the copies of one image."""

    def __init__(self, members: Members, familiarities: Sequence[float] | None = None) -> None:
        """At least one member.

        ``familiarities`` say how much each looks like other images: most are upright, so a copy
        that is turned by a quarter looks less like them (a mirrored one does not).
        """
        self._members = members
        self._terms: tuple[_Term, ...] = _TERMS
        if familiarities is not None:
            lacks = [max(familiarities) - level for level in familiarities]
            points = [-min(_MOST_UNFAMILIAR, _FAMILIARITY * lack) for lack in lacks]
            self._terms = (*_TERMS, _Term("upright", lambda _: points))
        self._points = np.array([term.points(members) for term in self._terms], np.float64).T

    @property
    def best(self) -> int:
        """The number of the best; of equals the first."""
        return int(self._points.sum(axis=1).round(3).argmax())

    @property
    def are_turned(self) -> bool:
        """Whether one is turned by a quarter against the best."""
        return "turned" in self._turns(self.best)

    def why(self, best: int, other: int) -> tuple[str, ...]:
        """Why one is better than another, the most important reason first; at least one."""
        gains = (self._points[best] - self._points[other]).tolist()
        found = {term.reason: gain for gain, term in zip(gains, self._terms, strict=True)}
        told = sum(gain for gain, term in zip(gains, self._terms, strict=True) if term.tells_turns)
        turn = self._turns(best)[other]
        told += found.pop("upright", 0.0)
        if turn != "none" and told > 0:
            found[TURNS[turn]] = told + 1  # a person sees it first
        ordered = sorted(found, key=found.__getitem__, reverse=True)
        said = [reason for reason in ordered if found[reason] >= _SAID]
        return tuple(
            said or [reason for reason in ordered[:1] if found[reason] > 0] or [_NO_REASON]
        )

    def _turns(self, best: int) -> list[Turn]:
        """How each member is turned against one."""
        appearances = tuple(one.appearance for one in self._members)
        return turns_against(appearances[best], appearances)


def _pixels(members: Members) -> list[float]:
    """Within the frame: a border adds none."""
    return [
        math.log2(max(1, one.pixels * (one.appearance.inside if one.appearance else 1)))
        for one in members
    ]


def _border(members: Members) -> list[float]:
    return [one.appearance.inside - 1 if one.appearance else 0.0 for one in members]


def _color(members: Members) -> list[float]:
    return [-3.0 * (one.appearance is not None and one.appearance.color < _GRAY) for one in members]


def _tilt(members: Members) -> list[float]:
    return [-2.0 * (one.appearance is not None and one.appearance.is_tilted) for one in members]


def _sharpness(members: Members) -> list[float]:
    return [-1.5 * max(0.0, blur - _BLUR_MARGIN) for blur in _blur(members)]


def _blur(members: Members) -> list[float]:
    """How many times each is less sharp than the sharpest, in powers of two.

    At the largest size that all of them have; 0 for what could not be read.
    """
    known = [one.appearance.sharpness if one.appearance else None for one in members]
    sides = [set(one) for one in known if one is not None]
    common = set.intersection(*sides) if sides else set()
    if not common:
        return [0.0] * len(members)
    side = max(common)
    levels = [None if one is None else math.log2(one[side] + 1e-3) for one in known]
    most = max(level for level in levels if level is not None)
    return [0.0 if level is None else most - level for level in levels]


def _clipping(members: Members) -> list[float]:
    return [-min(2.0, 4 * one.appearance.clipped) if one.appearance else 0.0 for one in members]


def _contrast(members: Members) -> list[float]:
    levels = [one.appearance.contrast if one.appearance else _FULL_RANGE for one in members]
    return [1.2 * math.log2(min(_FULL_RANGE, max(1, level))) for level in levels]


def _covering(members: Members) -> list[float]:
    """A box or a caption makes more of the image plain."""
    return [-4 * one.appearance.plain if one.appearance else 0.0 for one in members]


def _overlays(members: Members) -> list[float]:
    """What was drawn over one, and not over any of the first others.

    One that is blurred or brightened has lost details, so they seem to be drawn over the others.
    """
    blur, clipping = _blur(members), _clipping(members)

    def is_evidence(one: int, other: int) -> bool:
        intact = blur[other] < blur[one] + 0.6 and clipping[other] > clipping[one] - 0.15
        return intact and _is_overlaid(members[one], members[other])

    others = range(min(_COMPARED, len(members)))
    return [-2.0 * any(is_evidence(one, other) for other in others) for one in range(len(members))]


def _is_overlaid(one: Traits, other: Traits) -> bool:
    return bool(
        one.appearance
        and other.appearance
        and one is not other
        and is_covered(one.appearance, other.appearance)
    )


def _quality(members: Members) -> list[float]:
    kinds = [one.compression for one in members]
    return [(kind.worst - 100) / 25 - 0.1 * kind.subsampled for kind in kinds]


def _recompression(members: Members) -> list[float]:
    """Traces of an earlier compression that another member does not have.

    One that is less sharp or smaller may have lost them.
    """
    traces = [one.compression.traces for one in members]
    blur = _blur(members)

    def is_more_original(one: int, other: int) -> bool:
        kept = members[one].pixels > 0.9 * members[other].pixels
        return traces[one] < traces[other] and kept and blur[one] < blur[other] + _SAME_SHARPNESS

    numbers = range(len(members))
    return [
        -1.2 * min(1.0, max(0.0, (traces[other] - _NO_TRACES) / _TRACES))
        if any(is_more_original(one, other) for one in numbers)
        else 0.0
        for other in numbers
    ]


def _camera(members: Members) -> list[float]:
    return [1.5 * bool(one.exif.camera) for one in members]


def _date_taken(members: Members) -> list[float]:
    """Known at all, and the earliest of those known."""
    first = min((one.exif.taken for one in members if one.exif.taken), default=None)
    return [0.5 * (one.exif.taken is not None) + 0.3 * (one.exif.taken == first) for one in members]


def _format(members: Members) -> list[float]:
    """A camera's own format, of which a JPEG file was made."""
    return [0.4 * (one.format == "HEIF") for one in members]


def _name(members: Members) -> list[float]:
    return [-0.15 * one.is_named_as_copy for one in members]


def _file_date(members: Members) -> list[float]:
    first = min(one.modified_ns for one in members)
    return [0.1 * (one.modified_ns == first) for one in members]


def _bytes(members: Members) -> list[float]:
    most = max(one.bytes for one in members)
    return [0.02 * (one.bytes == most) for one in members]


def _exists(members: Members) -> list[float]:
    return [-100.0 * (not one.exists) for one in members]


def _readable(members: Members) -> list[float]:
    return [-50.0 * (one.appearance is None) for one in members]


_TERMS = (
    _Term("still there", _exists),
    _Term("can be read", _readable),
    _Term("more pixels", _pixels),
    _Term("no border", _border),
    _Term("in color", _color),
    _Term("not tilted", _tilt),
    _Term("sharper", _sharpness),
    _Term("brightest parts not lost", _clipping),
    _Term("more contrast", _contrast),
    _Term("nothing covered", _covering),
    _Term("nothing drawn over it", _overlays),
    _Term("less compression", _quality),
    _Term("not saved again", _recompression, tells_turns=True),
    _Term("camera known", _camera, tells_turns=True),
    _Term("earlier date", _date_taken, tells_turns=True),
    _Term("original format", _format, tells_turns=True),
    _Term("not named as a copy", _name, tells_turns=True),
    _Term("earlier file", _file_date, tells_turns=True),
    _Term("larger file", _bytes),
)
