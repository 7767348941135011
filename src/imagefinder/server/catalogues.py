"""The catalogues of a server: one per encoder, the first being the default."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.errors import StoreError
from imagefinder.finder import Finder
from imagefinder.images.limits import Limits
from imagefinder.server.served_finder import ServedFinder


@dataclass(frozen=True)
class ServedCatalogue:
    """A catalogue whose searches and additions are encoded in shared batches."""

    finder: ServedFinder

    @property
    def name(self) -> str:
        """The name of its encoder."""
        return self.finder.recipe.encoder

    def pinned(self) -> Catalogue:
        """As it is now, for what reads vectors several times; see ``Catalogue.pinned``."""
        self.finder.refresh()
        return self.finder.pinned()

    @property
    def extractor(self) -> str | None:
        """The name of its local features' extractor, if it has local features."""
        recipe = self.finder.store.extractor
        return recipe.encoder if recipe else None


@dataclass(frozen=True)
class ServedCatalogues:
    """All of them, in the order given."""

    all: tuple[ServedCatalogue, ...]

    @property
    def names(self) -> list[str]:
        """The names of their encoders."""
        return [catalogue.name for catalogue in self.all]

    @property
    def first(self) -> ServedCatalogue:
        """The default."""
        return self.all[0]

    def refresh(self) -> None:
        """Go on with the encoders that they have been upgraded to, if any has."""
        for catalogue in self.all:
            catalogue.finder.refresh()

    def find(self, encoder: str) -> ServedCatalogue | None:
        """The one made with this encoder."""
        return next((one for one in self.all if one.name == encoder), None)


def check_distinct(finders: Sequence[Finder]) -> None:
    """Raise StoreError if two have the same encoder, since requests choose by its name."""
    names = [finder.recipe.encoder for finder in finders]
    duplicates = {name for name in names if names.count(name) > 1}
    if duplicates:
        raise StoreError(
            f"two of the catalogues use the encoder {duplicates.pop()}: "
            "serve them on different ports"
        )


@contextmanager
def open_catalogues(
    finders: Sequence[Finder],
    on_batch: Callable[[int], None],
    limits: Callable[[Limits], Limits] = lambda limits: limits,
) -> Iterator[ServedCatalogues]:
    """The catalogues of ``finders``, which are closed at the end; see BatchingEncoder.

    ``limits`` gives those of the server for those of a catalogue.
    """
    with ExitStack() as stack:
        for finder in finders:
            stack.enter_context(finder)
        check_distinct(finders)
        served = [ServedFinder(finder, on_batch, limits(finder.limits)) for finder in finders]
        for one in served:
            stack.enter_context(one)
        yield ServedCatalogues(tuple(map(ServedCatalogue, served)))
