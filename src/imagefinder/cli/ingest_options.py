"""The options of every command that takes images into a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from imagefinder.cli.options import (
    Checksum,
    EncoderName,
    Exclude,
    Include,
    Local,
    Options,
    Regions,
    Strict,
    make_encoder,
    open_or_create_with,
    usage_errors,
)
from imagefinder.stores.location import check_folder, store_of

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.types import Extractor


@dataclass(frozen=True)
class IngestOptions:
    """As given on the command line; each field is an option."""

    encoder: EncoderName = None
    option: Options = None
    local: Local = None
    regions: Regions = None
    exclude: Exclude = None
    include: Include = None
    checksum: Checksum = False
    strict: Strict = False

    @contextmanager
    def opened(self, db: str, check: Callable[[], object]) -> Iterator[Finder]:
        """The catalogue, with the globs; a missing one is created once all else is checked.

        So an empty catalogue is not left by a command that could not begin. ``check`` raises what
        is wrong with the images; it comes last, since it may take long.
        """
        from imagefinder.catalogue.catalogue import plugins_of_new
        from imagefinder.catalogue.exclude import checked_globs
        from imagefinder.finder import Finder

        with usage_errors():
            excluded, included = map(checked_globs, (self.exclude or (), self.include or ()))
        encoder = make_encoder(self.encoder, self.option)
        local: str | Extractor | None = self.local
        regions = self.regions
        if not Finder.exists(db):
            if store_of(db) == "sqlite":
                check_folder(Path(db).expanduser().absolute())
            (encoder, local), regions = plugins_of_new(encoder, local, regions), None
            check()
        with open_or_create_with(db, encoder, local, regions) as finder:
            if self.strict:
                finder.limits = replace(finder.limits, allow_truncated=False)
            finder.exclude(excluded)
            finder.include(included)
            yield finder
