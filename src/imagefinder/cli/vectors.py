"""The commands that give vectors out and take them in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder.cli.download import AllowPrivate
from imagefinder.cli.options import (
    DB,
    Db,
    EncoderName,
    Json,
    Options,
    encoder_named,
    made_by,
    opened,
)
from imagefinder.cli.output import plain, print_json, print_report
from imagefinder.cli.sources import source_of

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.types import Encoder, Recipe


def _npy(path: Path | None) -> Path | None:
    """A slip must not cost an image."""
    if path is not None and path.suffix != ".npy":
        raise typer.BadParameter("its name must end with .npy")
    return path


def embed(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A file, a URL, or - for stdin.")],
    encoder: Annotated[
        str | None,
        typer.Option("--encoder", help="Its name (see `imagefinder encoders`; compact)."),
    ] = None,
    option: Options = None,
    normalize: Annotated[
        bool, typer.Option("--normalize", help="Scale the vector to length 1.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npy", help="Save it there, as a matrix of one row.", callback=_npy
        ),
    ] = None,
    allow_private: AllowPrivate = False,
    as_json: Json = False,
) -> None:
    """Print the vector of an image, without a catalogue."""
    import numpy as np

    from imagefinder.encoders.inference import embed as vectors_of
    from imagefinder.registry.factory import make_encoder, recipe_of
    from imagefinder.registry.plugins import DEFAULT_ENCODER

    maker = encoder_named(encoder, option) or make_encoder(DEFAULT_ENCODER)
    if normalize and maker.measure == "hamming":
        raise typer.BadParameter("--normalize is not for an encoder that gives bits")
    vectors = vectors_of(source_of(image, allow_private), maker, normalize=normalize)
    if out is not None:
        np.save(out, vectors, allow_pickle=False)
    # by way of text: the shortest that gives the same 32 bits
    numbers = [type(number.item())(str(number)) for number in vectors[0]]
    if as_json:
        print_json({"encoder": recipe_of(maker).encoder, "dim": len(numbers), "vector": numbers})
    elif out is None:
        typer.echo(" ".join(map(str, numbers)))
    else:
        typer.echo(f"{len(numbers)} numbers saved in {plain(str(out))}")


def export(
    out: Annotated[
        str,
        typer.Argument(metavar="OUT", help="NAME.npy, NAME.parquet, or a folder to be made."),
    ],
    db: Db = DB,
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
    as_json: Json = False,
) -> None:
    """Write the vectors of all images, and what is known of them, to files."""
    with opened(db) as finder:
        images = finder.export_vectors(out, force=force)
    if as_json:
        print_json({"images": images, "path": os.path.abspath(os.path.expanduser(out))})
    else:
        typer.echo(f"{images} images exported to {plain(out)}")


def import_(
    source: Annotated[
        str, typer.Argument(metavar="IN", help="What was exported, or a like matrix and CSV.")
    ],
    db: Db = DB,
    encoder: EncoderName = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Take vectors from files into the catalogue (which is made if need be)."""
    with _receiving(db, encoder_named(encoder, option), source) as finder:
        report = finder.import_vectors(source)
    print_report(report, as_json)
    if report.failed and not report.done:
        raise typer.Exit(1)


def _receiving(db: Path, given: Encoder | None, source: str) -> Finder:
    """The catalogue; a missing one is made only for vectors that will fit it."""
    from imagefinder.catalogue.vector_files import check, place_of
    from imagefinder.finder import Finder
    from imagefinder.registry.factory import recipe_of

    if Finder.exists(db):
        return Finder.open(db, given)
    place = place_of(source)
    given = given or _encoder_of(place.recipe)
    check(place, recipe_of(given))
    return made_by(db, given)


def _encoder_of(recipe: Recipe | None) -> Encoder:
    """The one that made the vectors, if that is said beside them."""
    from imagefinder.registry.factory import encoder_from

    if recipe is None:
        raise typer.BadParameter("the vectors do not say how they were made: name the --encoder")
    return encoder_from(recipe)
