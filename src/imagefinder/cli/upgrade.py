"""The verb `upgrade`: the catalogue goes over to another encoder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from imagefinder._utils.text import plural
from imagefinder.cli.completion import encoder_names
from imagefinder.cli.options import (
    DB,
    ENCODING,
    Db,
    Json,
    Options,
    make_encoder,
    open_store,
)
from imagefinder.cli.output import print_failures, print_json
from imagefinder.cli.terminal import track
from imagefinder.stores.location import beside, is_url

if TYPE_CHECKING:
    from imagefinder.catalogue.upgrade import UpgradeReport
    from imagefinder.finder import Finder
    from imagefinder.types import Encoder

_MISSING = "Images that cannot be encoded again"

NewEncoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        metavar="NAME",
        help="The new encoder; the default one if not given (see `imagefinder encoders`).",
        autocompletion=encoder_names,
        rich_help_panel=ENCODING,
    ),
]


def upgrade(
    db: Db = DB,
    encoder: NewEncoder = None,
    option: Options = None,
    missing: Annotated[
        Literal["stop", "drop", "keep-old"],
        typer.Option(
            help="stop before the switch, remove them, or keep their old vectors in a catalogue "
            "of their own.",
            rich_help_panel=_MISSING,
        ),
    ] = "stop",
    old: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="That catalogue; NAME.ENCODER.db beside the catalogue if not given.",
            dir_okay=False,
            path_type=str,
            rich_help_panel=_MISSING,
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the old vectors in the catalogue, for --back.")
    ] = False,
    back: Annotated[
        bool, typer.Option("--back", help="Go back to the old vectors that --keep has kept.")
    ] = False,
    discard: Annotated[
        bool,
        typer.Option("--discard", help="Give up kept vectors, or an upgrade that is not finished."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Encode all images again by another encoder, and go over to it without an outage.

    Searches and servers go on with the old vectors until all new ones are there, and then change
    over in one step. If it is interrupted, the same command goes on.
    """
    if back + discard + (encoder is not None) > 1:
        raise typer.BadParameter("give one of --encoder, --back and --discard")
    if old and missing != "keep-old":
        raise typer.BadParameter("--old goes with --missing keep-old")
    if discard and (option or keep or missing != "stop"):
        raise typer.BadParameter("--discard takes no other options than --db and --json")
    if discard:
        _discard(db, as_json)
        return
    target = _target(encoder, option, back)
    with _open(db, target) as finder:
        aside = (old or str(_old_catalogue(db, finder))) if missing == "keep-old" else None
        with track("encoding", lambda: _remaining(finder)) as bar:
            report = finder.upgrade(
                None if back else target,
                missing=missing,
                old=aside,
                keep=keep,
                back=back,
                progress=bar,
            )
    aside = aside if report.is_switched and report.lost else None
    if as_json:
        print_json(report.as_json() | {"old_catalogue": aside})
    else:
        _print(report, aside)
    if not report.is_switched:
        raise typer.Exit(1)


def _target(name: str | None, options: list[str] | None, back: bool) -> Encoder:
    """The new encoder; any that can be made where it goes back to the one that is recorded."""
    from imagefinder.encoders.default import usual_default_encoder
    from imagefinder.registry import factory
    from imagefinder.registry.plugins import FALLBACK_ENCODER

    chosen = make_encoder(name, options)
    return chosen or factory.make_encoder(FALLBACK_ENCODER if back else usual_default_encoder())


def _open(db: str, encoder: Encoder) -> Finder:
    from imagefinder.catalogue.upgrade import open_for_upgrade
    from imagefinder.finder import Finder

    return open_for_upgrade(Finder, db, encoder)


def _remaining(finder: Finder) -> int:
    from imagefinder.catalogue.upgrade import other_vectors

    begun = other_vectors(finder.store)
    return len(finder) - (begun.images if begun else 0)


def _old_catalogue(db: str, finder: Finder) -> Path:
    from imagefinder.encoders.regions import whole_recipe

    name = re.sub(r"[^A-Za-z0-9_-]+", "-", whole_recipe(finder.recipe).encoder)
    suffix = ".db" if is_url(db) else Path(db).suffix
    start = beside(db)
    return start.with_name(f"{start.name}.{name}{suffix}")


def _discard(db: str, as_json: bool) -> None:
    from imagefinder.catalogue.upgrade import discard

    with open_store(db) as store:
        found = discard(store)
    if as_json:
        about = found and {"encoder": found.recipe.encoder, "images": found.images}
        print_json({"discarded": about})
    elif found is None:
        typer.echo("there are no vectors to discard")
    else:
        typer.echo(
            f"vectors of {plural(found.images, 'image')} by {found.recipe.encoder} discarded"
        )


def _print(report: UpgradeReport, aside: str | None) -> None:
    before, after = report.names
    print_failures(report.failures, "missing")
    if not report.is_switched:
        typer.echo(
            f"still searched by {before}: {plural(len(report.lost), 'image')} cannot be encoded "
            "again. Put their files back, or add --missing drop or --missing keep-old",
            err=True,
        )
    elif report.is_same:
        typer.echo(f"{report.images:,} images are searched by {after} already")
    else:
        typer.echo(
            f"{report.images:,} images are searched by {after} now, not by {before}; "
            f"{report.encoded:,} encoded in {report.seconds:.1f} s"
        )
    if aside is not None:
        typer.echo(f"{len(report.lost):,} images keep their vectors by {before} in {aside}")
    elif report.is_switched and report.lost:
        typer.echo(f"{plural(len(report.lost), 'image')} removed")
    for note in report.notes:
        typer.echo(note)
