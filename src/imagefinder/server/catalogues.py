"""The catalogues of one server: one for each encoder; the first is the usual one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from imagefinder.errors import PluginError, StoreError
from imagefinder.finder import Finder
from imagefinder.server.dynamic_batching import Together


@dataclass(frozen=True)
class Catalogue:
    """One of them."""

    finder: Finder
    """For all but searches."""
    searched: Finder
    """The same, for many searches at once."""
    words: bool
    """Whether it can be searched with a text."""

    @property
    def name(self) -> str:
        """Its encoder's."""
        return self.finder.recipe.encoder


@dataclass(frozen=True)
class Catalogues:
    """In the order in which they were named."""

    all: tuple[Catalogue, ...]

    @property
    def names(self) -> list[str]:
        """Their encoders'."""
        return [catalogue.name for catalogue in self.all]

    @property
    def first(self) -> Catalogue:
        """The one that answers if none is named."""
        return self.all[0]

    def named(self, encoder: str) -> Catalogue | None:
        """The one by this encoder."""
        return next((one for one in self.all if one.name == encoder), None)


def check_distinct(finders: Sequence[Finder]) -> None:
    """Raise StoreError if two are by the same encoder, for then its name would not choose."""
    names = [finder.recipe.encoder for finder in finders]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise StoreError(
            f"two of the catalogues are by {twice.pop()}: serve them on ports of their own"
        )


@contextmanager
def serving(finders: Sequence[Finder], told: Callable[[int], None]) -> Iterator[Catalogues]:
    """The catalogues, until the server ends; the finders are closed with them."""
    with ExitStack() as stack:
        for finder in finders:
            stack.enter_context(finder)
        check_distinct(finders)
        yield Catalogues(tuple(_served(finder, stack, told) for finder in finders))


def _served(finder: Finder, stack: ExitStack, told: Callable[[int], None]) -> Catalogue:
    together = Together(finder.encoder, told)
    stack.callback(together.close)
    searched = Finder(finder.store, together, finder.extractor, finder.limits)
    return Catalogue(finder, searched, _knows_words(finder))


def _knows_words(finder: Finder) -> bool:
    # only trying tells: a pretrained model's file for texts may be missing
    encode_text = getattr(finder.encoder, "encode_text", None)
    try:
        return encode_text is not None and bool(encode_text(["an image"]))
    except PluginError:
        return False
