"""The verb `reduce`: a catalogue of fewer dimensions, by PCA."""

from __future__ import annotations

from typing import Annotated

import typer

from imagefinder._utils.text import plural
from imagefinder.cli.options import DB, Db, Json, open_finder
from imagefinder.cli.output import print_json
from imagefinder.cli.terminal import track


def reduce(
    to: Annotated[
        str, typer.Argument(metavar="NEW.db", help="The smaller catalogue.", path_type=str)
    ],
    dim: Annotated[int, typer.Option(min=1, metavar="N", help="Dimensions of its vectors.")],
    db: Db = DB,
    whiten: Annotated[
        bool, typer.Option("--whiten", help="Scale all components to unit variance.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy the catalogue with fewer dimensions per vector (PCA)."""
    from imagefinder.catalogue import reduction

    with (
        open_finder(db) as finder,
        track("reducing", finder.__len__) as bar,
        reduction.reduce(finder, to, dim=dim, whiten=whiten, progress=bar) as smaller,
    ):
        before, after = finder.statistics().size, smaller.statistics().size
        images = len(smaller)
    if as_json:
        print_json({"catalogue": to, "images": images, "dim": dim, "bytes": after})
    else:
        typer.echo(f"{plural(images, 'image')}; reduced from {before:,} to {after:,} bytes")
