"""The options of every command that takes images into a catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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

if TYPE_CHECKING:
    from imagefinder.finder import Finder


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
        """The catalogue, with the globs; a missing one is created once they and images are checked.

        So an empty catalogue is not left by a command that could not begin.
        """
        from imagefinder.catalogue.exclude import checked_globs
        from imagefinder.finder import Finder

        with usage_errors():
            excluded, included = map(checked_globs, (self.exclude or (), self.include or ()))
        encoder = make_encoder(self.encoder, self.option)
        if not Finder.exists(db):
            check()
        with open_or_create_with(db, encoder, self.local, self.regions) as finder:
            if self.strict:
                finder.limits = replace(finder.limits, allow_truncated=False)
            finder.exclude(excluded)
            finder.include(included)
            yield finder
