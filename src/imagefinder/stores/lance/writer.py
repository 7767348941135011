"""Writes of entries: images that are all new at once, others one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import lance

from imagefinder.stores.lance import maintenance
from imagefinder.stores.lance.changes import Changes
from imagefinder.stores.lance.draft import Draft
from imagefinder.stores.lance.known import Known
from imagefinder.stores.lance.new_images import NewImages
from imagefinder.stores.lance.table import Table
from imagefinder.stores.lance.upsert_rows import DraftRows
from imagefinder.stores.upsert import Upsert
from imagefinder.types import Entry, Outcome, Recipe


@dataclass(frozen=True)
class LanceWriter:
    """Of one catalogue, for many threads."""

    table: Table
    recipe: Recipe
    extractor: Recipe | None
    _known: Known = field(default_factory=Known)

    def write(self, entries: Sequence[Entry]) -> list[Outcome]:
        """See Store."""
        new = NewImages.of(entries, self.recipe, self.extractor)
        if new is None:
            outcomes = self.table.write(lambda dataset: self._upsert(Draft(dataset), entries))
        else:
            outcomes = self._insert(new)
        maintenance.tidy(self.table)
        return outcomes

    def _insert(self, new: NewImages) -> list[Outcome]:
        decided: list[lance.LanceDataset] = []

        def use(dataset: lance.LanceDataset) -> tuple[list[Outcome], Changes | None]:
            decided[:] = [dataset]
            draft = Draft(dataset)
            if self._known.may_hold(dataset, new.keys, new.paths):
                draft.load(new.keys.tolist(), new.paths)
            if draft.images:
                return self._upsert(draft, new.entries)
            table = new.table(dataset.schema.remove_metadata(), draft.written)
            return ["added"] * len(new.entries), Changes((), table)

        outcomes = self.table.write(use)
        self._known.add(decided[0], self.table.newest(), new.keys, new.paths)
        return outcomes

    def _upsert(
        self, draft: Draft, entries: Sequence[Entry]
    ) -> tuple[list[Outcome], Changes | None]:
        rows = DraftRows(draft, self.recipe, self.extractor)
        if not draft.images:
            rows.load(entries)
        return Upsert(rows).write(entries), draft.changes()
