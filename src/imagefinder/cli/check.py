"""The verb `check`: whether the catalogue is as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder.cli.options import DB, Db, Json
from imagefinder.cli.output import plain, print_json, short
from imagefinder.stores.damage import REMEDIES
from imagefinder.stores.location import display, name_of, store_of

if TYPE_CHECKING:
    from imagefinder.catalogue.health import Finding, Repairs

_SHOWN = 20


def check(
    db: Db = DB,
    repair: Annotated[
        bool,
        typer.Option(
            "--repair",
            help="Encode damaged images again and take out what is lost; a copy is kept.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Verify every page and every row of the catalogue.

    For each image that is damaged it says from which file it can be had again. Ends with status 1
    if anything is damaged; nothing is changed unless you ask for a repair.
    """
    from imagefinder.catalogue import health

    if repair:
        _print_repairs(health.repair(db), db, as_json)
        return
    findings = health.check(db)
    if as_json:
        print_json({"catalogue": display(db), "damaged": list(map(asdict, findings))})
    else:
        _print(findings)
        outcome = f"is damaged: {REMEDIES[store_of(db)]}" if findings else "is intact"
        typer.echo(f"{name_of(db)} {outcome}")
    if findings:
        raise typer.Exit(1)


def _print_repairs(repairs: Repairs, db: str, as_json: bool) -> None:
    if as_json:
        about = {**asdict(repairs), "lost": list(map(asdict, repairs.lost))}
        print_json({"catalogue": display(db), **about})
        return
    _print(repairs.found)
    if repairs.checksums:
        typer.echo(f"{repairs.checksums:,} rows of an earlier version have a checksum now")
    if repairs.kept is None:
        typer.echo(f"{name_of(db)} is intact")
    else:
        typer.echo(f"{name_of(db)} is intact again; as it was, it is kept as {short(repairs.kept)}")


def _print(findings: Sequence[Finding]) -> None:
    for one in findings[:_SHOWN]:
        source = f"; to be had again from {short(one.source)}" if one.source else ""
        lost = "; no intact file of it is known" if one.id and not one.source else ""
        typer.echo(f"damaged: {plain(one.what)}{source}{lost}")
    if len(findings) > _SHOWN:
        typer.echo(f"... and {len(findings) - _SHOWN} more; --json lists all")
