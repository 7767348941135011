"""How an encoder fares on kinds of things that no training source holds.

    python -m distillation.generality FOLDER ... [--encoder SPEC ...]

Every folder below FOLDER that holds images is a kind; each FOLDER is scored on its own. Each image
in turn is the query for the others (leave one out, cosine, the mean embedding subtracted): mean
average precision and recall at 1. To be run after every stage of a training, beside the validation
splits of what was trained on: a network that improves on those and falls here has merely learned
its sources.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from imagefinder import embed
from imagefinder.errors import ImageFinderError
from imagefinder.evaluation.embedding_metrics import RetrievalScores, leave_one_out
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import make_encoder
from imagefinder.types import Encoder

_FEWEST = 2  # images that a kind needs


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0, or 1 after a line that says what is wrong."""
    options = _options(arguments)
    try:
        kinds = {folder: images_by_kind(folder) for folder in options.folders}
        for spec in options.encoder:
            encoder = make_encoder(spec)
            for folder, images in kinds.items():
                found = generality(encoder, images)
                print(
                    f"{spec:<24} {folder.name:<16} {len(images)} kinds  "
                    f"mAP {found.mean_average_precision:.3f}  R@1 {found.recall_at_1:.3f}",
                    flush=True,
                )
    except (ImageFinderError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def images_by_kind(folder: Path) -> dict[str, list[Path]]:
    """Images by the folder that holds them. Raises ValueError if fewer than two kinds have two."""
    kinds: dict[str, list[Path]] = {}
    for path in sorted(find_images(folder)):
        kinds.setdefault(str(path.parent.relative_to(folder)), []).append(path)
    kinds = {kind: paths for kind, paths in kinds.items() if len(paths) >= _FEWEST}
    if len(kinds) < _FEWEST:
        raise ValueError(f"{folder} needs a folder for each kind, with {_FEWEST} images or more")
    return kinds


def generality(encoder: Encoder, kinds: dict[str, list[Path]]) -> RetrievalScores:
    """Leave-one-out retrieval of images of the same kind, centered."""
    names: Sequence[str] = [kind for kind, paths in kinds.items() for _ in paths]
    rows = embed([path for paths in kinds.values() for path in paths], encoder)
    return leave_one_out(rows - rows.mean(axis=0), names)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "python -m distillation.generality",
        description="Retrieval of kinds of things that no training source holds.",
    )
    parser.add_argument("folders", nargs="+", type=Path, help="a folder with a folder per kind")
    parser.add_argument(
        "--encoder", action="append", help="named as for `imagefinder add`; several are compared"
    )
    options = parser.parse_args(arguments)
    options.encoder = options.encoder or ["compact"]
    return options


if __name__ == "__main__":
    raise SystemExit(main())
