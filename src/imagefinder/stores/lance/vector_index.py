"""Indexes of vectors in a dataset: clusters (IVF) of vectors in short codes, by PQ or RaBitQ.

What they find is ordered by the full vectors. Rows that no index has yet are compared as well.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Literal, TypeVar
from uuid import uuid4

import lance
from lance import LanceDataset, LanceOperation

from imagefinder.errors import PluginError
from imagefinder.stores.lance.audit import NEAREST, recall_of
from imagefinder.stores.lance.failures import translating
from imagefinder.stores.lance.scan import WITHOUT_INDEX, nearest_in
from imagefinder.stores.lance.scope import Scope, Scopes
from imagefinder.stores.lance.selection import VECTORS
from imagefinder.stores.lance.table import Table
from imagefinder.types import Features, Keys, Measure, Neighbors

_COLUMN, _PREFIX = "vector", "nearest_"
_LEAST = 1000  # vectors
_IN_PARTITION = 4096  # vectors, about
_FEWEST_PROBES, _PROBED = 16, 8  # partitions, and one of so many
_WIDTH = 4  # dimensions that one byte of PQ stands for
_SMALL = 20_000  # images of a subset that are compared one by one: quicker, and exact
_PARTS, _MUCH = 8, 2  # of an index, before it is to be built again; new vectors, one of so many

log = logging.getLogger(__name__)

Options = TypeVar("Options", bound="LanceIvf")


@dataclass(frozen=True)
class LanceIvf(ABC):
    """The options of either kind. What is 0 is chosen by the vectors there are when it is built."""

    dim: int
    measure: Measure
    num_partitions: int = 0
    nprobes: int = 0
    """How many of the partitions are searched; more, if a filter leaves too few in them."""
    refine_factor: int = 40
    """So many times k are compared by their full vectors."""
    min_recall: float = 0.95
    """Of the ten nearest, what an audit must find before the index is used."""

    measures: ClassVar[tuple[Measure, ...]] = ("cosine", "l2", "dot")
    kind: ClassVar[Literal["IVF_PQ", "IVF_RQ"]]

    def __post_init__(self) -> None:
        """Raises ValueError for options that are out of range."""
        if min(self.num_partitions, self.nprobes) < 0:
            raise ValueError("num_partitions and nprobes must be at least 1")
        if self.num_partitions and self.nprobes > self.num_partitions:
            raise ValueError("there must be as many num_partitions as nprobes")
        if self.refine_factor < 1:
            raise ValueError(f"refine_factor must be at least 1, not {self.refine_factor!r}")
        if not 0 <= self.min_recall <= 1:
            raise ValueError(f"min_recall must be from 0 to 1, not {self.min_recall!r}")

    def resolved(self: Options, count: int) -> Options:
        """With all that was left to be chosen, for so many vectors."""
        partitions = self.num_partitions or max(self.nprobes, 1, round(count / _IN_PARTITION))
        probes = self.nprobes or min(partitions, max(_FEWEST_PROBES, partitions // _PROBED))
        return replace(self, num_partitions=partitions, nprobes=probes)

    @property
    def options(self) -> dict[str, Any]:
        """As a catalogue keeps them."""
        names = [one.name for one in fields(self) if one.name not in ("dim", "measure")]
        return {name: getattr(self, name) for name in names}

    @property
    @abstractmethod
    def codes(self) -> dict[str, Any]:
        """What the engine is told about codes."""

    def settings(self, is_filtered: bool) -> dict[str, Any]:
        """Those of a search; a filter may need more partitions."""
        most = self.num_partitions if is_filtered else self.nprobes
        return {
            "minimum_nprobes": self.nprobes or _FEWEST_PROBES,
            "maximum_nprobes": most or None,
            "refine_factor": self.refine_factor,
            "use_index": True,
        }


@dataclass(frozen=True)
class LanceIvfPq(LanceIvf):
    """Codes of one byte for some dimensions each (product quantization)."""

    num_sub_vectors: int = 0
    """Bytes of a code; they divide the dimensions."""

    kind: ClassVar[Literal["IVF_PQ", "IVF_RQ"]] = "IVF_PQ"

    def __post_init__(self) -> None:
        """Raises ValueError for options that are out of range."""
        super().__post_init__()
        if self.num_sub_vectors < 0 or (self.num_sub_vectors and self.dim % self.num_sub_vectors):
            raise ValueError(f"num_sub_vectors must divide the {self.dim} dimensions")

    def resolved(self, count: int) -> LanceIvfPq:
        """See LanceIvf."""
        most = max(1, self.dim // _WIDTH)
        chosen = next(bytes_ for bytes_ in range(most, 0, -1) if self.dim % bytes_ == 0)
        return replace(super().resolved(count), num_sub_vectors=self.num_sub_vectors or chosen)

    @property
    def codes(self) -> dict[str, Any]:
        """See LanceIvf."""
        return {"num_sub_vectors": self.num_sub_vectors}


@dataclass(frozen=True)
class LanceIvfRq(LanceIvf):
    """Codes of a few bits for each dimension (RaBitQ)."""

    num_bits: int = 1

    kind: ClassVar[Literal["IVF_PQ", "IVF_RQ"]] = "IVF_RQ"

    def __post_init__(self) -> None:
        """Raises ValueError for options that are out of range."""
        super().__post_init__()
        if not 1 <= self.num_bits <= 8:
            raise ValueError(f"num_bits must be from 1 to 8, not {self.num_bits!r}")
        if self.dim % 8:
            raise ValueError(f"vectors must have a multiple of 8 dimensions, not {self.dim}")

    @property
    def codes(self) -> dict[str, Any]:
        """See LanceIvf."""
        return {"num_bits": self.num_bits}


KINDS: dict[str, type[LanceIvf]] = {"lance-ivf-pq": LanceIvfPq, "lance-ivf-rq": LanceIvfRq}


class LanceIndexSearch:
    """Searches by an index in the dataset, and where there is none by a scan."""

    def __init__(self, scopes: Scopes, options: LanceIvf, measure: Measure) -> None:
        """By a measure; if the index is for another, all vectors are compared."""
        self._scopes, self._options = scopes, options
        self._measure: Measure = measure

    def search(self, query: Features, k: int, subset: Keys | None = None) -> Neighbors:
        """See Store; no subset loses results: a small one is compared whole."""
        scope = self._scopes.scope(subset)
        how = self._options.settings(is_filtered=subset is not None)
        is_small = subset is not None and len(subset) <= _SMALL
        if is_small or self._measure != self._options.measure:
            how = dict(WITHOUT_INDEX)
        with translating(self._scopes.table.address):
            return nearest_in(scope, query, k, self._measure, how)


def options_of(kind: str, dim: int, measure: Measure, options: Mapping[str, Any]) -> LanceIvf:
    """The options of an index of this kind. Raises PluginError."""
    try:
        return KINDS[kind](dim, measure, **options)
    except (TypeError, ValueError) as error:
        raise PluginError(f"{kind}: {error}") from error


def build_vector_index(table: Table, options: LanceIvf) -> LanceIvf:
    """Build an index in place of another, if it finds enough; returns all of its options.

    It is committed beside the versions of the catalogue, and there it is audited: nobody searches
    by it before. Raises PluginError if it finds too little, or there are too few vectors.
    """
    dataset = table.newest(now=True)
    with translating(table.address):
        count = int(dataset.count_rows(VECTORS))
        if count < _LEAST:
            raise PluginError(
                f"{count:,} vectors are too few for an index of clusters, which needs {_LEAST:,}: "
                "use the kind lance, which compares them all"
            )
        options = options.resolved(count)
        operation = _new_index(dataset, options)
        candidate = LanceDataset.commit(
            dataset, operation, read_version=dataset.version, detached=True
        )
        _check_recall(candidate, count, options)
        LanceDataset.commit(dataset, operation, read_version=dataset.version)
    table.newest(now=True)
    return options


def drop_vector_index(table: Table) -> None:
    """Drop the index, if there is one."""
    dataset = table.newest(now=True)
    with translating(table.address):
        for name in names_of(dataset):
            dataset.checkout_version(dataset.version).drop_index(name)
    table.newest(now=True)


def names_of(dataset: lance.LanceDataset) -> list[str]:
    """The names of indexes of vectors, of which there is one or none."""
    return [one.name for one in dataset.describe_indices() if one.name.startswith(_PREFIX)]


def index_new_vectors(dataset: lance.LanceDataset) -> None:
    """Let what came since the index was built be a part of it of its own, if it is much.

    Parts are never merged: an index that was merged and merged again finds less and less. Where
    there are many, or much is new, it is to be built again.
    """
    for one in dataset.describe_indices():
        if not one.name.startswith(_PREFIX):
            continue
        count = int(dataset.count_rows(VECTORS))
        new = int(dataset.stats.index_stats(one.name)["num_unindexed_rows"])
        if _LEAST <= new <= count // _MUCH and len(one.segments) < _PARTS:
            dataset.optimize.optimize_indices(index_names=[one.name], num_indices_to_merge=0)
        elif new > _LEAST:
            log.warning(
                "%s of %s vectors are compared one by one, since they came after the index was "
                "built: run imagefinder index build again",
                f"{new:,}",
                f"{count:,}",
            )


def _new_index(dataset: lance.LanceDataset, options: LanceIvf) -> LanceOperation.CreateIndex:
    built = dataset.create_index_uncommitted(
        _COLUMN,
        options.kind,
        name=f"{_PREFIX}{uuid4().hex[:8]}",
        metric=options.measure,
        num_partitions=options.num_partitions,
        fragment_ids=[fragment.fragment_id for fragment in dataset.get_fragments()],
        **options.codes,
    )
    before = [
        replace(
            built,
            uuid=segment.uuid,
            name=one.name,
            dataset_version=segment.dataset_version_at_last_update,
            fragment_ids=segment.fragment_ids,
        )
        for one in dataset.describe_indices()
        if one.name.startswith(_PREFIX)
        for segment in one.segments
    ]
    return LanceOperation.CreateIndex([built], before)


def _check_recall(candidate: lance.LanceDataset, count: int, options: LanceIvf) -> None:
    recall = recall_of(
        Scope(candidate, count), options.measure, options.settings(is_filtered=False)
    )
    if recall < options.min_recall:
        raise PluginError(
            f"the new index finds {recall:.3f} of the {NEAREST} nearest, less than "
            f"{options.min_recall}, so it is not used, and searches go on as before: raise "
            f"nprobes ({options.nprobes} of {options.num_partitions} partitions), "
            f"refine_factor ({options.refine_factor}) or {_more(options)}, or lower min_recall"
        )


def _more(options: LanceIvf) -> str:
    return ", ".join(f"{name} ({value})" for name, value in options.codes.items())
