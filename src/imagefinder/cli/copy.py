"""The verb `copy`: a whole catalogue in another place."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder._utils.text import plural
from imagefinder.cli.options import Json
from imagefinder.cli.output import plain, print_json, short
from imagefinder.cli.terminal import progress_bar

if TYPE_CHECKING:
    from imagefinder.catalogue.comparison import Comparison
    from imagefinder.catalogue.copying import CopyReport

_SHOWN = 16  # digits of a checksum


def copy(
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="The catalogue: a file or a URL.")
    ],
    target: Annotated[str, typer.Argument(metavar="TARGET", help="Its copy: a file or a URL.")],
    compare: Annotated[
        bool, typer.Option("--compare", help="Copy nothing: say whether the two are equal.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Copy a whole catalogue to another place, and compare the two.

    If it is interrupted, the same command goes on; until it is finished, the copy cannot be opened.
    The source is not changed. Ends with status 1 unless both are equal.
    """
    if compare:
        found = _compared(source, target)
        about = found.as_json()
    else:
        report = _copied(source, target)
        found, about = report.comparison, report.as_json()
    if as_json:
        print_json(about)
    else:
        if not compare:
            _print_report(report, target)
        _print_comparison(found)
    if not found.is_equal:
        raise typer.Exit(1)


def _copied(source: str, target: str) -> CopyReport:
    from imagefinder.catalogue.copying import copy

    steps = cycle(("copying", "comparing"))
    with progress_bar() as bar:
        return copy(source, target, lambda images: bar.track(next(steps), images))


def _compared(source: str, target: str) -> Comparison:
    from imagefinder.catalogue.comparison import compare_catalogues

    with progress_bar() as bar:
        return compare_catalogues(source, target, lambda images: bar.track("comparing", images))


def _print_report(report: CopyReport, target: str) -> None:
    from imagefinder.stores.location import display

    to = short(display(target))
    typer.echo(f"{plural(report.written, 'image')} copied to {to} in {report.seconds:.1f} s")
    for note in report.notes:
        typer.echo(plain(note))


def _print_comparison(found: Comparison) -> None:
    images = plural(found.images[0], "image")
    if found.is_equal:
        typer.echo(f"equal: {images}, SHA-256 of their contents {found.checksums[0][:_SHOWN]}…")
        return
    for one in found.differences:
        typer.echo(f"{one.id}: {plain(one.what)}")
    if found.differing > len(found.differences):
        typer.echo(f"... and {found.differing - len(found.differences):,} more")
    what = [plural(found.differing, "image")] if found.differing else []
    typer.echo(
        f"not equal: {images} and {found.images[1]:,}, which differ in "
        f"{', '.join([*what, *found.properties])}"
    )
