"""The verbs `embed`, `export` and `import`: vectors in files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder._utils.outputs import check_output, write_output
from imagefinder._utils.text import plural
from imagefinder.cli.completion import encoder_names
from imagefinder.cli.options import (
    DB,
    ENCODING,
    AllowPrivate,
    At,
    Db,
    Json,
    Options,
    make_encoder,
    open_finder,
    open_or_create_with,
)
from imagefinder.cli.output import plain, print_json, print_report
from imagefinder.cli.sources import source_of

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.types import Encoder, Recipe


def _check_npy(path: Path | None) -> Path | None:
    """A mistyped name must not overwrite an image."""
    if path is not None and path.suffix != ".npy":
        raise typer.BadParameter("the name must end with .npy")
    return path


def embed(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="A file, a URL, or - for stdin.")],
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            metavar="NAME",
            help="Encoder; the default one if not given (see `imagefinder encoders`).",
            autocompletion=encoder_names,
            rich_help_panel=ENCODING,
        ),
    ] = None,
    option: Options = None,
    normalize: Annotated[
        bool, typer.Option("--normalize", help="Normalize the vector to unit length.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npy", help="Save the vector as a matrix of one row.", callback=_check_npy
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a file that is there already.")
    ] = False,
    allow_private: AllowPrivate = False,
    as_json: Json = False,
) -> None:
    """Print the embedding of an image, without a catalogue."""
    import numpy as np

    from imagefinder.encoders.default import default_encoder
    from imagefinder.encoders.inference import embed as vectors_of
    from imagefinder.registry import factory

    if out is not None:
        check_output(out, "embed", force)
    chosen = make_encoder(encoder, option) or factory.make_encoder(default_encoder())
    if normalize and chosen.measure == "hamming":
        raise typer.BadParameter("--normalize does not apply to an encoder of binary codes")
    vectors = vectors_of(source_of(image, allow_private), chosen, normalize=normalize)
    if out is not None:
        with write_output(out) as unfinished:
            np.save(unfinished, vectors, allow_pickle=False)
    # by way of text: the shortest that gives the same 32 bits
    numbers = [type(number.item())(str(number)) for number in vectors[0]]
    if as_json:
        print_json(
            {"encoder": factory.recipe_of(chosen).encoder, "dim": len(numbers), "vector": numbers}
        )
    elif out is None:
        typer.echo(" ".join(map(str, numbers)))
    else:
        typer.echo(f"{len(numbers)} dimensions saved in {plain(str(out))}")


def export(
    out: Annotated[
        str,
        typer.Argument(
            metavar="OUT", help="NAME.npy, NAME.parquet, NAME.fiftyone, or a new folder."
        ),
    ],
    db: Db = DB,
    at: At = None,
    images: Annotated[
        bool,
        typer.Option("--images", help="Put the images themselves into NAME.parquet: a dataset."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing export.")] = False,
    as_json: Json = False,
) -> None:
    """Export the vectors of all images with their metadata."""
    with open_finder(db, at=at) as finder:
        count = finder.export_vectors(out, force=force, images=images)
    if as_json:
        print_json({"images": count, "path": os.path.abspath(os.path.expanduser(out))})
    else:
        typer.echo(f"{plural(count, 'image')} exported to {plain(out)}")


def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="IN",
            help="An export, a dataset of FiftyOne, or a matrix (.npy) with a CSV beside it.",
        ),
    ],
    db: Db = DB,
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder",
            metavar="NAME",
            help="Encoder of the vectors, only needed if the files do not name it; external:NAME "
            "for a model that is not here.",
            autocompletion=encoder_names,
            rich_help_panel=ENCODING,
        ),
    ] = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Import vectors into the catalogue, which is created if it is missing."""
    with _open_for(db, _given(encoder, option, source), source) as finder:
        report = finder.import_vectors(source)
    print_report(report, as_json)
    if report.failed and not report.done:
        raise typer.Exit(1)


def _given(name: str | None, options: list[str] | None, source: str) -> Encoder | None:
    """The encoder of that name; the vectors themselves tell of a model that is not here."""
    from imagefinder.catalogue.vector_files import vector_file
    from imagefinder.encoders.external import NAME

    if name is None or not name.startswith(f"{NAME}:"):
        return make_encoder(name, options)
    layout = vector_file(source).layout
    found = [] if layout is None else [f"dim={layout.dim}", f"measure={layout.measure}"]
    return make_encoder(name, [*found, *(options or ())])


def _open_for(db: str, given: Encoder | None, source: str) -> Finder:
    """The catalogue; a missing one is created only for vectors that fit it."""
    from imagefinder.catalogue.vector_files import check, vector_file
    from imagefinder.finder import Finder
    from imagefinder.registry.factory import recipe_of

    if Finder.exists(db):
        return Finder.open(db, given)
    target = vector_file(source)
    given = given or _encoder_of(target.recipe)
    check(target, recipe_of(given))
    return open_or_create_with(db, given)


def _encoder_of(recipe: Recipe | None) -> Encoder:
    """The one that made the vectors, if their files name it."""
    from imagefinder.registry.factory import encoder_from

    if recipe is None:
        raise typer.BadParameter(
            "the files do not name the encoder of the vectors: give --encoder, or --encoder "
            "external:NAME for a model that is not here"
        )
    return encoder_from(recipe)
