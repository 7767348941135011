"""The verb `map`: images in two dimensions, by t-SNE, PCA or UMAP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imagefinder.cli.options import DB, At, Db, Force, Json, open_finder
from imagefinder.cli.output import plain, print_json, short
from imagefinder.cli.terminal import track

if TYPE_CHECKING:
    from imagefinder.visualization.map import Map, SavedMap

_OUT = Path("map.html")


def draw_map(
    db: Db = DB,
    at: At = None,
    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="An HTML page (.html) or an image (.png, .jpg or .webp)."
        ),
    ] = _OUT,
    by: Annotated[
        Literal["tsne", "pca", "umap"], typer.Option(help="Projection to two dimensions.")
    ] = "tsne",
    sample: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Draw a random sample of N images if there are more (3000)."
        ),
    ] = None,
    color: Annotated[
        str | None,
        typer.Option(
            "--color",
            "--colour",
            metavar="folder|FIELD",
            help="Color images by folder, or by a metadata field.",
        ),
    ] = None,
    width: Annotated[
        int, typer.Option(min=200, max=8000, metavar="PIXELS", help="Width of an image file.")
    ] = 2000,
    seed: Annotated[
        int, typer.Option(min=0, metavar="N", help="Random seed for the sample and the projection.")
    ] = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Draw a map of the catalogue, with similar images near each other."""
    from imagefinder.visualization.map import check_file_name, make_map, save

    check_file_name(out, force)
    with open_finder(db, at=at) as finder, track("drawing") as bar:
        try:
            found = make_map(finder, by=by, sample=sample, seed=seed, color=color)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--sample") from error
        saved = save(found, out, width=width, force=force, limits=finder.limits, progress=bar)
    if as_json:
        print_json(_as_json(found, saved))
        return
    typer.echo(plain(f"{found.method} of {found.description}"))
    if saved.shown < len(found.records):
        typer.echo(
            f"there was room for {saved.shown:,}: an HTML page shows all, a larger --width more"
        )
    if saved.unreadable:
        typer.echo(f"{saved.unreadable:,} could not be read and are left blank", err=True)
    typer.echo(f"wrote {short(str(saved.path))}")


def _as_json(found: Map, saved: SavedMap) -> dict[str, Any]:
    groups = found.groups or [None] * len(found.records)
    return {
        "out": str(saved.path),
        "by": found.by,
        "encoder": found.encoder,
        "images": found.total,
        "gone": found.missing,
        "shown": saved.shown,
        "unreadable": saved.unreadable,
        "points": [
            {"id": record.id, "path": record.path, "x": x, "y": y, "group": group}
            for record, (x, y), group in zip(
                found.records, found.coordinates.tolist(), groups, strict=True
            )
        ],
    }
