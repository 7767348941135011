"""Catalogue: a store, the encoder and the extractor that made its vectors, and limits on images."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import RLock
from types import TracebackType
from typing import Any, Self, TypeVar

from imagefinder.encoders.default import default_encoder
from imagefinder.encoders.regions import Regions, check_grid, like_stored
from imagefinder.errors import CatalogueExists, NotFound, RecipeMismatch, UnknownPlugin
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.registry.factory import (
    encoder_from,
    extractor_from,
    make_encoder,
    make_extractor,
    recipe_of,
)
from imagefinder.registry.recipes import differences
from imagefinder.stores.opening import create_store, exists, open_store
from imagefinder.types import (
    Encoder,
    Extractor,
    IndexChoice,
    Recipe,
    Record,
    Statistics,
    Store,
    Upgradable,
    is_id,
    key_from,
)

EncoderOrExtractor = TypeVar("EncoderOrExtractor", bound="Encoder | Extractor")

_LAST_KEY = 2**63 - 1  # the largest integer of SQLite


class Catalogue:
    """Images by their vectors. Safe for many threads; several programs may use one at a time."""

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        extractor: Extractor | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        """Use ``create`` or ``open`` unless you have a store of your own."""
        self.store = store
        self.encoder = encoder
        self.extractor = extractor
        self.limits = limits
        self._pairing = RLock()
        """While the store and its encoder are taken together, or exchanged."""
        self._outdated: list[Store] = []
        """Stores that searches which began before an upgrade may still use."""

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        encoder: str | Encoder | None = None,
        *,
        local: str | Extractor | None = None,
        regions: int | None = None,
        index: str | IndexChoice | None = None,
        limits: Limits = LIMITS,
    ) -> Self:
        """A new catalogue in one file, or in a database by its URL.

        Raises CatalogueExists if there is one already.

        ``encoder`` is a name, as ``imagefinder encoders`` lists them, or an encoder. ``local``
        names an extractor (or is one) whose local features are stored too: ``sift``, in about 66 kB
        an image. ``regions`` of 2 or 3 also stores the vectors of 4 or 13 regions of each image, so
        that small things in large scenes are found. ``index`` is the kind of index to search by
        until it is closed (``exact`` by default); ``use_index`` chooses one for good.
        """
        made, extractor = plugins_of_new(encoder, local, regions)
        store = create_store(
            path,
            recipe_of(made),
            _choice(index),
            None if extractor is None else recipe_of(extractor),
        )
        return cls(store, made, extractor, limits)

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        encoder: str | Encoder | None = None,
        *,
        local: str | Extractor | None = None,
        regions: int | None = None,
        index: str | IndexChoice | None = None,
        limits: Limits = LIMITS,
        version: int | None = None,
        create: bool = False,
    ) -> Self:
        """An existing catalogue, with the encoder and extractor that it was made with.

        Name them only if a model has moved, if they are not registered, or to ``create`` one with
        them where there is none. An older ``version`` of a catalogue in Lance can be read alone.
        Raises CatalogueMissing, NotACatalogue, NewerCatalogue, or RecipeMismatch for another
        encoder, extractor or regions.
        """
        if create and version is None and not exists(path):
            with suppress(CatalogueExists):  # another program may have been quicker
                return cls.create(
                    path, encoder, local=local, regions=regions, index=index, limits=limits
                )
        store = open_store(path, _choice(index), version)
        try:
            check_grid(regions, store.recipe)
            return cls(store, _encoder_of(store, encoder), _extractor_of(store, local), limits)
        except BaseException:
            store.close()
            raise

    @classmethod
    def exists(cls, path: str | os.PathLike[str]) -> bool:
        """Whether there is a catalogue at this path or URL."""
        return exists(path)

    def __enter__(self) -> Self:
        """Closes at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Closes."""
        self.close()

    def close(self) -> None:
        """Close the catalogue and release the indexes."""
        with self._pairing:
            for store in (*self._outdated, self.store):
                store.close()

    def pinned(self) -> Catalogue:
        """The same, with the store and the encoder that belong together now.

        Once another program has upgraded the catalogue, what is done with it raises EncoderChanged.
        """
        with self._pairing:
            return Catalogue(self.store, self.encoder, self.extractor, self.limits)

    def is_like(self, other: Catalogue) -> bool:
        """Whether it has the very same store, encoder, extractor and limits."""
        return all(
            getattr(self, name) is getattr(other, name)
            for name in ("store", "encoder", "extractor", "limits")
        )

    def refresh(self) -> bool:
        """Go on with the encoder that another program has upgraded the catalogue to, if one has.

        Searching and adding do so by themselves; what else depends on the encoder raises
        EncoderChanged. Raises PluginError if that encoder cannot be made here.
        """
        with self._pairing:
            successor = self.store.successor() if isinstance(self.store, Upgradable) else None
            if successor is None:
                return False
            try:
                encoder = self._prepared(_encoder_of(successor, None))
            except BaseException:
                successor.close()
                raise
            self._outdated.append(self.store)
            self.store, self.encoder = successor, encoder
            return True

    def _prepared(self, encoder: Encoder) -> Encoder:
        """What is searched with in place of an encoder that is new: for subclasses."""
        return encoder

    def __repr__(self) -> str:
        """By its encoder; a repr must not fail, so it does not read the file."""
        return f"<{type(self).__name__} by {self.encoder!r}>"

    def __len__(self) -> int:
        """How many images there are; identical files are one."""
        return len(self.store)

    @property
    def recipe(self) -> Recipe:
        """How the vectors were made."""
        return self.store.recipe

    def statistics(self) -> Statistics:
        """Numbers of images, files and vectors, and bytes."""
        return self.store.statistics()

    def get(self, id: str) -> Record:  # noqa: A002  the word that users know
        """The record of an image. Raises NotFound."""
        key = key_from(id)
        record = self.store.get([key]).get(key) if key is not None else None
        if record is None:
            raise NotFound(f"there is no image {id!r} in the catalogue")
        return record

    def page(
        self, most: int = 100, *, after: str | None = None, where: Mapping[str, Any] | None = None
    ) -> list[Record]:
        """The next images in order of their ids, ``after`` one of them or from the first on.

        ``most`` is how many at most; with ``where`` only those whose metadata match all of it, as
        in a search. Raises ValueError for an invalid filter, id or number.
        """
        if most < 0:
            raise ValueError(f"most: expected the number of images, not {most}")
        if after is not None and not is_id(after):
            raise ValueError(f"after: expected an image id (16 hexadecimal digits), not {after!r}")
        last = -1 if after is None else min(int(after, 16), _LAST_KEY)
        limit = min(most, _LAST_KEY)
        keys = self.store.select(where=where, after=last, limit=limit).tolist()
        return list(self.store.get(keys).values())

    def use_index(self, kind: str, options: Mapping[str, Any] | None = None) -> None:
        """Search by this kind of index from now on, and build it now.

        The catalogue remembers it. Raises PluginError for a kind that cannot compare its vectors.
        """
        self.store.use_index(IndexChoice(kind, options or {}))


def plugins_of_new(
    encoder: str | Encoder | None, local: str | Extractor | None, regions: int | None
) -> tuple[Encoder, Extractor | None]:
    """The encoder and the extractor of a new catalogue; see ``Catalogue.create``.

    Raises PluginError, also if one of them lacks its model.
    """
    chosen = encoder or default_encoder()
    made = make_encoder(chosen) if isinstance(chosen, str) else chosen
    if regions is not None:
        made = Regions.of(made, regions)
    extractor = make_extractor(local) if isinstance(local, str) else local
    recipe_of(made)
    if extractor is not None:
        recipe_of(extractor)
    return made, extractor


def _choice(index: str | IndexChoice | None) -> IndexChoice | None:
    return IndexChoice(index) if isinstance(index, str) else index


def _encoder_of(store: Store, given: str | Encoder | None) -> Encoder:
    """The encoder that made the store's vectors: made again from its recipe, or the one given.

    Raises RecipeMismatch if that is another encoder.
    """
    if given is None:
        encoder = _from_recipe(encoder_from, store.recipe)
    else:
        encoder = make_encoder(given) if isinstance(given, str) else given
        encoder = like_stored(encoder, store.recipe)
    _check_recipe(encoder, store.recipe, encoder_from)
    return encoder


def _extractor_of(store: Store, given: str | Extractor | None) -> Extractor | None:
    """The extractor of the store's local features, likewise; ``None`` if it stores none."""
    if store.extractor is None:
        if given is not None:
            raise RecipeMismatch(
                "the catalogue was made without local features: make another one for them"
            )
        return None
    if given is None:
        extractor = _from_recipe(extractor_from, store.extractor)
    else:
        extractor = make_extractor(given) if isinstance(given, str) else given
    _check_recipe(extractor, store.extractor, extractor_from)
    return extractor


def _from_recipe(
    make: Callable[[Recipe], EncoderOrExtractor], recipe: Recipe
) -> EncoderOrExtractor:
    try:
        return make(recipe)
    except UnknownPlugin as error:
        raise UnknownPlugin(
            f"the catalogue needs {recipe.encoder!r}: install its package"
        ) from error


def _check_recipe(
    instance: EncoderOrExtractor, stored: Recipe, make: Callable[[Recipe], EncoderOrExtractor]
) -> None:
    differing = differences(stored, recipe_of(instance), make)
    if differing:
        ours, theirs = differing
        raise RecipeMismatch(
            f"the catalogue was made with {ours}, so {theirs} cannot be used with it: "
            "leave it out, run imagefinder upgrade, or make another catalogue"
        )
