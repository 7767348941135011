"""Fine-tuning in one call: whatever can be refused is refused before torch is loaded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from imagefinder._utils.extras import check_extra
from imagefinder.downloads import DownloadSettings, described, download, is_filled, is_list
from imagefinder.downloads.folder import image_folder
from imagefinder.downloads.http import FetchLimits
from imagefinder.errors import TrainingError
from imagefinder.images.inputs import Input, absolute
from imagefinder.images.walk import find_images
from imagefinder.training.dataset import LabeledImages, check_trainable
from imagefinder.training.progress import OnProgress, ProgressEvent
from imagefinder.training.result import TrainingResult
from imagefinder.training.run_directory import RunDirectory
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
    progress: OnProgress = lambda event: None,
) -> TrainingResult:
    """Fine-tune an encoder on your images; ``out`` becomes a folder that ``make_encoder`` takes.

    ``images`` is a folder with a subfolder per class, or a list of URLs, of which ``column`` holds
    the URLs and ``label`` the classes; its images are downloaded to ``out`` + "-images". ``out``
    then holds the ONNX graph, the weights, PCA components and k-means centers, a catalogue of the
    images (``catalogue.db``, with a ``kmeans`` index) and a report. If interrupted, the same call
    resumes. ``force`` replaces another run's files.

    Raises TrainingError for images that cannot be trained on and for a folder that is in use,
    DownloadError for an unusable list, ModelError for an unavailable base model, and MissingExtra.
    """
    settings = settings or Settings()
    directory = RunDirectory(absolute(out))
    for library in _LIBRARIES:
        check_extra(library, "train", "training")
    limits = FetchLimits(allow_private=allow_private)
    dataset, inputs = _dataset(absolute(images), directory.folder, label, column, limits)
    if settings.objective == "labels" and any(dataset.labels):
        dataset = dataset.labeled()
    check_trainable(dataset, settings.objective)
    plan = {**asdict(settings), "images": dataset.fingerprint()}
    directory.check(plan, force)
    progress(ProgressEvent("decoding", 0, len(dataset)))
    # torch's threads share the cores with those of the data loader: let them sleep while idle
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from imagefinder.training.trainer import Trainer, base_network  # torch takes a second

    network = base_network(settings)
    directory.claim(plan, force)
    return Trainer(directory, dataset, inputs, settings, progress).run(network)


def _dataset(
    source: Path, out: Path, label: str | None, column: str | None, limits: FetchLimits
) -> tuple[LabeledImages, Callable[[], Iterable[Input]]]:
    """The labeled images, and how to iterate over them once more with their metadata."""
    if is_list(source):
        folder = image_folder(out)
        summary = download(source, folder, column=column, settings=DownloadSettings(limits=limits))
        return _downloaded(folder, label, summary.run)
    if label is None:
        return LabeledImages.from_folder(source), lambda: map(Input, find_images(source))
    if is_filled(source):
        return _downloaded(source, label, None)
    raise TrainingError(
        f"{source} was not filled by `imagefinder download`, so its images have no {label!r}: "
        "omit --label to use folder names as classes"
    )


def _downloaded(
    folder: Path, label: str | None, run: int | None
) -> tuple[LabeledImages, Callable[[], Iterable[Input]]]:
    """Images with the metadata of the lists they come from."""
    dataset = LabeledImages.from_metadata(described(folder, run), label)
    return dataset, lambda: described(folder, run)
