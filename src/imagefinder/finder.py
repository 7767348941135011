"""The Finder: a catalogue that answers searches. The class most programs need."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Unpack

from imagefinder.catalogue import contents, exclude, health, metadata_patch
from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.catalogue.copying import CopyReport, copy
from imagefinder.catalogue.health import Finding, Repairs
from imagefinder.catalogue.sync import sync
from imagefinder.catalogue.upgrade import (
    ForMissing,
    UpgradeOptions,
    UpgradeReport,
    former_encoder,
    upgrade,
)
from imagefinder.catalogue.vector_files import export_vectors, import_vectors
from imagefinder.encoders.default import usual_default_encoder
from imagefinder.errors import EncoderChanged
from imagefinder.images.inputs import Given
from imagefinder.images.limits import LIMITS, Limits
from imagefinder.search.hits import Hits
from imagefinder.search.options import SearchKeywords, SearchOptions, with_keywords
from imagefinder.search.query import QueryImage, as_list
from imagefinder.search.retrieval import Retriever
from imagefinder.stores.opening import file_at
from imagefinder.types import Encoder, Extractor, Progress, Record, Report, Store
from imagefinder.verification.store import calibration_names
from imagefinder.verification.store import load as load_calibration

_ATTEMPTS = 3  # to search before another program upgrades the catalogue once more


class Finder(Catalogue):
    """Images in a catalogue, and the most similar ones to any image.

        with Finder.create("photos.db") as finder:
            finder.add(["~/Pictures"])
            for hit in finder.search("query.jpg", k=3):
                print(hit.rank, hit.score, hit.path)

    Safe to use from several threads; several programs may use one catalogue at a time.
    """

    def __init__(
        self,
        store: Store,
        encoder: Encoder,
        extractor: Extractor | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        """Use ``create`` or ``open`` unless you have a store of your own."""
        super().__init__(store, encoder, extractor, limits)
        self._searched = self.pinned()
        self._retriever = Retriever(self._searched)

    def add(
        self,
        images: Given | Iterable[Given],
        *,
        metadata: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        items: Sequence[str] | None = None,
        progress: Progress = iter,
        checksum: bool = False,
    ) -> Report:
        """Add files, all images in folders, or images in memory.

        ``metadata`` is stored with the images: one mapping for all, or one for each of ``images``;
        without it, a folder that ``download`` filled brings its own. Identical files share one
        image, and each keeps its own metadata; where several things share a file, or an image in
        memory, name each by an id of your own: ``items`` has one for each of ``images``. An item
        that has an empty mapping is removed. Raises ValueError for a second description of one
        thing.

        Each file given is counted once in the report, as added, updated (its content changed),
        unchanged or failed; whatever cannot be used stops nothing. What folders hold besides is
        counted as skipped, by its kind.

        A file with the same size and modification time as before is not read again, except with
        ``checksum``.
        """
        return contents.add(self, images, metadata, progress, items=items, checksum=checksum)

    def sync(
        self,
        folder: str | os.PathLike[str],
        *,
        changed: Iterable[str] | None = None,
        progress: Progress = iter,
        checksum: bool = False,
        force: bool = False,
        remove_excluded: bool = False,
    ) -> Report:
        """Add what is new or changed in a folder, and remove what is no longer there.

        With the absolute paths ``changed``, as a file watcher reports them, only these files and
        folders are looked at.

        Folders whose disk seems to be away keep their images, and are ``kept`` in the report;
        ``force`` removes those as well. Images that are excluded now stay, unless
        ``remove_excluded``. Raises NotFound if the folder itself is missing, or its disk is away.
        """
        return sync(
            self,
            folder,
            progress,
            changed=changed,
            checksum=checksum,
            force=force,
            remove_excluded=remove_excluded,
        )

    def patch_metadata(
        self,
        id: str,  # noqa: A002  the word that users know
        patch: Mapping[str, Any],
        *,
        item: str | None = None,
    ) -> Record:
        """Change the metadata of an image: a name with another value, or with ``None`` to go.

        The rest stays; objects are merged likewise (a JSON merge patch, RFC 7396). ``item`` is the
        id or the path of one of several items that share the image. Returns the record. Raises
        NotFound, and ValueError for what cannot be stored or if it must be said which item.
        """
        return metadata_patch.patch_metadata(self, id, patch, item)

    def remove(
        self,
        images: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
        *,
        exclude: bool = False,
    ) -> Report:
        """Remove images from the catalogue, by file, folder or id. Files are not touched.

        An image with several files stays until the last of them is removed; by its id it is removed
        with all of them. With ``exclude``, they are not found in folders again.
        """
        return contents.remove(self, images, exclude_them=exclude)

    @property
    def excluded(self) -> list[str]:
        """The globs of what ``add`` and ``sync`` pass over in folders, beside the defaults."""
        return exclude.excluded(self.store)

    def exclude(self, globs: Iterable[str]) -> None:
        """Pass over what matches these globs from now on; what is stored already stays.

        They are patterns as in a ``.gitignore``: a name, or a path. Raises ValueError.
        """
        exclude.exclude(self.store, globs)

    def include(self, globs: Iterable[str]) -> None:
        """Take globs back, or make an exception from what is excluded. Raises ValueError."""
        exclude.include(self.store, globs)

    def export_vectors(
        self, path: str | os.PathLike[str], *, force: bool = False, images: bool = False
    ) -> int:
        """Export the vectors and the metadata of all images; returns the number of images.

        ``NAME.npy`` is one matrix, with ``NAME.csv`` and ``NAME.json`` beside it; ``NAME.parquet``
        is one file, with ``images`` a dataset that also has the images' files; any other name is a
        folder with a file for each image. Raises ExchangeError, also if the target exists, unless
        ``force`` replaces it.
        """
        return export_vectors(self.store, path, force, images)

    def import_vectors(self, path: str | os.PathLike[str]) -> Report:
        """Import what was exported, or vectors from elsewhere in the same format.

        A matrix ``NAME.npy`` and a ``NAME.csv`` with the column ``path`` are enough: the files of
        the images are then read, and one that cannot be used is a failure in the report. Raises
        ExchangeError, or RecipeMismatch for another encoder's vectors, before anything is written.
        """
        return import_vectors(self.store, path, self.limits)

    @staticmethod
    def check(path: str | os.PathLike[str]) -> list[Finding]:
        """All that is damaged in the catalogue at a path, and what can be had again from where.

        Every page and every row is verified, so it reads the whole file; nothing is changed. The
        values in rows that versions without checksums wrote cannot be verified.
        """
        return health.check(path)

    @staticmethod
    def repair(path: str | os.PathLike[str]) -> Repairs:
        """Make the catalogue at a path intact again, and give rows checksums that have none.

        A copy of it is kept beside it, as ``NAME.damaged-1``. Images that are damaged are encoded
        again from intact files, and taken out where there is none. Raises CatalogueDamaged if it is
        beyond repair.
        """
        return health.repair(path)

    def backup(self, path: str | os.PathLike[str], *, force: bool = False) -> int:
        """Copy the catalogue to a file while others use it; returns the bytes of the copy.

        The copy is verified, and appears whole or not at all. Raises CatalogueExists if there is a
        file, unless ``force`` replaces it, and CatalogueDamaged rather than copy damage.
        """
        return self.store.backup(file_at(path, "a backup"), force)

    @staticmethod
    def copy(
        source: str | os.PathLike[str],
        target: str | os.PathLike[str],
        *,
        progress: Progress = iter,
    ) -> CopyReport:
        """Copy a whole catalogue to another place, as it is now, and compare the two.

        All of it is copied, vectors and metadata bit by bit; the source is not changed. A copy that
        is interrupted goes on when it is called again, and cannot be opened until it is finished.
        Others may write to the source meanwhile: the copy has what was there when the call began.
        ``progress`` is called for the images that are written, and again for those compared. Raises
        CatalogueExists if there is a catalogue, and StoreError if there is the beginning of another
        copy. Unless the comparison in the report is equal, the copy stays unfinished.
        """
        return copy(source, target, progress)

    def upgrade(
        self,
        encoder: str | Encoder | None = None,
        *,
        missing: ForMissing = "stop",
        old: str | os.PathLike[str] | None = None,
        keep: bool = False,
        back: bool = False,
        progress: Progress = iter,
    ) -> UpgradeReport:
        """Encode all images again by another encoder (the default one), and go over to it.

        Searches go on with the former vectors until all are there, and then change over in one
        step, here and in other programs. An upgrade that is interrupted goes on when it is called
        again; images that are added meanwhile are among them.

        Images that cannot be encoded again, since their files are gone or have changed, are
        ``lost`` in the report, and it stops before the switch; with ``missing="drop"`` they are
        removed, with ``"keep-old"`` they go to the catalogue ``old`` with their former vectors.
        ``keep`` leaves the former vectors in the file, and ``back`` returns to them. Raises
        StoreError while another upgrade is not finished, or another encoder's vectors are kept.
        """
        if back and encoder is not None:
            raise ValueError("give one of encoder and back")
        target = former_encoder(self) if back else encoder or usual_default_encoder()
        options = UpgradeOptions(missing, old, keep, calibration_names())
        was_calibrated = load_calibration(self.store, self.recipe.measure) is not None
        report = upgrade(self, target, options, progress)
        if was_calibrated and load_calibration(self.store, self.recipe.measure) is None:
            report.notes.append(
                "its calibration was of the former encoder's scores: run imagefinder calibrate"
            )
        return report

    def vacuum(self) -> int:
        """Give the space that removed images leave back to the disk; returns the bytes.

        Others may read meanwhile. Needs free space of twice the catalogue's size for a while.
        """
        return self.store.vacuum()

    def search(
        self,
        image: QueryImage | Iterable[QueryImage] | None = None,
        k: int | None = None,
        *,
        options: SearchOptions | None = None,
        **keywords: Unpack[SearchKeywords],
    ) -> Hits:
        """The k most similar images (3) to a file, bytes, an image in memory, a stored id or a hit.

        Best first; fewer if the catalogue holds fewer. A stored image finds itself first. Several
        images make one query. Keywords are the fields of SearchOptions, and override ``options``:
        negative examples, a text, a crop, measures, re-ranking, filters and thresholds.

        Raises ImageError, NotFound for an unknown id, PluginError for what the encoder or the
        catalogue does not support, CalibrationError for ``matches_only`` in a catalogue that is not
        calibrated, and ValueError for options that cannot be combined.
        """
        chosen = with_keywords(options, k, keywords)
        # what can be read only once must do for a second attempt
        images, chosen = as_list(image), replace(chosen, minus=as_list(chosen.minus))
        for _ in range(_ATTEMPTS):
            try:
                return self._current_retriever().search(images, chosen)
            except EncoderChanged:
                self.refresh()
        return self._current_retriever().search(images, chosen)

    def _current_retriever(self) -> Retriever:
        """Of the store, encoder and limits of now, which stay together while it searches."""
        with self._pairing:
            if not self._searched.is_like(self):
                self._searched = self.pinned()
                self._retriever = Retriever(self._searched)
            return self._retriever
