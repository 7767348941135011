"""One call from images to an encoder; what can be refused is refused before torch is loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

from imagefinder.downloads import DownloadSettings, described, download, is_filled, is_list
from imagefinder.downloads.http import FetchLimits
from imagefinder.errors import MissingExtra, TrainingError
from imagefinder.images.files import find_images
from imagefinder.images.inputs import Input, absolute
from imagefinder.training.dataset import Collection, check
from imagefinder.training.progress import Moment, Progress
from imagefinder.training.result import Outcome
from imagefinder.training.run_directory import Place
from imagefinder.training.settings import Settings

_LIBRARIES = (
    "matplotlib onnx pytorch_metric_learning safetensors sklearn torch transformers".split()
)


def train(
    images: str | os.PathLike[str],
    out: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    label: str | None = None,
    column: str | None = None,
    allow_private: bool = False,
    force: bool = False,
    progress: Progress = lambda moment: None,
) -> Outcome:
    """Teach an encoder these images; ``out`` becomes a folder that ``make_encoder`` takes.

    ``images`` is a folder, whose subfolders are classes, or a list of URLs, of which ``column``
    holds the URLs and ``label`` the classes; its images are downloaded to ``out`` + "-pictures".
    In ``out`` are then the graph, the weights, components and clusters, a catalogue of the images
    (``catalogue.db``, searched through ``kmeans``) and a report. Cut short at any moment, the same
    call goes on. ``force`` takes the place of what another training left there.

    Raises TrainingError for images that cannot be learnt from and for a folder that is taken,
    DownloadError for a list that cannot be used, ModelError for a base that cannot be had, and
    MissingExtra.
    """
    settings = settings or Settings()
    place = Place(absolute(out))
    _check_libraries()
    limits = FetchLimits(allow_private=allow_private)
    collection, inputs = _collected(absolute(images), place.folder, label, column, limits)
    if settings.objective == "labels" and any(collection.classes):
        collection = collection.known()
    check(collection, settings.objective)
    plan = {**asdict(settings), "pictures": collection.digest()}
    place.check(plan, force)
    progress(Moment("looking", 0, len(collection)))
    # torch's threads share the cores with those that make views: let them sleep while they wait
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from imagefinder.training.trainer import Work, base  # torch takes a second

    network = base(settings)
    place.claim(plan, force)
    return Work(place, collection, inputs, settings, progress).run(network)


def _collected(
    source: Path, out: Path, label: str | None, column: str | None, limits: FetchLimits
) -> tuple[Collection, Callable[[], Iterable[Input]]]:
    """The images, and how to go through them once more."""
    if is_list(source):
        folder = out.with_name(f"{out.name}-pictures")
        summary = download(source, folder, column=column, settings=DownloadSettings(limits=limits))
        return _described(folder, label, summary.run)
    if label is None:
        return Collection.of_folder(source), lambda: map(Input, find_images(source))
    if is_filled(source):
        return _described(source, label, None)
    raise TrainingError(
        f"{source} was not filled by `imagefinder download`, so its images have no {label!r}: "
        "leave --label out, their folders name their classes"
    )


def _described(
    folder: Path, label: str | None, run: int | None
) -> tuple[Collection, Callable[[], Iterable[Input]]]:
    """Downloaded images, with what their lists say of them."""
    return Collection.of_list(described(folder, run), label), lambda: described(folder, run)


def _check_libraries() -> None:
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise MissingExtra(f"training needs {', '.join(missing)}: pip install 'imagefinder[train]'")
