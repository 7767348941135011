"""The command that draws a map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imagefinder.cli.options import DB, Db, Json, opened
from imagefinder.cli.output import plain, print_json, short
from imagefinder.cli.terminal import counting

if TYPE_CHECKING:
    from imagefinder.visualization.map import Map, Saved

_OUT = Path("map.html")


def draw_map(
    db: Db = DB,
    out: Annotated[
        Path,
        typer.Option(metavar="FILE", help="A page (.html) or an image (.png, .jpg, .webp)."),
    ] = _OUT,
    by: Annotated[
        Literal["tsne", "pca", "umap"], typer.Option(help="How vectors become places.")
    ] = "tsne",
    sample: Annotated[
        int | None,
        typer.Option(metavar="N", help="Of more images, so many are drawn by lot (3000)."),
    ] = None,
    colour: Annotated[
        str | None,
        typer.Option(metavar="folder|NAME", help="Colours by folder, or by metadata of the name."),
    ] = None,
    width: Annotated[int, typer.Option(min=200, max=8000, help="Pixels, of an image.")] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample and of what is random.")] = 0,
    as_json: Json = False,
) -> None:
    """Draw the catalogue as a map, where images that look alike lie near each other."""
    from imagefinder.visualization.map import check_name, make_map, save

    check_name(out)
    with opened(db) as finder, counting("drawing") as bar:
        try:
            found = make_map(finder, by=by, sample=sample, seed=seed, colour=colour)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--sample") from error
        saved = save(found, out, width=width, limits=finder.limits, progress=bar)
    if as_json:
        print_json(_as_json(found, saved))
        return
    typer.echo(plain(f"{found.method} of {found.told()}"))
    if saved.shown < len(found.records):
        typer.echo(f"{saved.shown:,} have room; a page shows all, a larger --width more")
    if saved.unreadable:
        typer.echo(f"{saved.unreadable:,} could not be read and are blank", err=True)
    typer.echo(f"wrote {short(str(saved.path))}")


def _as_json(found: Map, saved: Saved) -> dict[str, Any]:
    groups = found.groups or [None] * len(found.records)
    return {
        "out": str(saved.path),
        "by": found.by,
        "encoder": found.encoder,
        "images": found.total,
        "gone": found.gone,
        "shown": saved.shown,
        "unreadable": saved.unreadable,
        "points": [
            {"id": record.id, "path": record.path, "x": x, "y": y, "group": group}
            for record, (x, y), group in zip(
                found.records, found.places.tolist(), groups, strict=True
            )
        ],
    }
