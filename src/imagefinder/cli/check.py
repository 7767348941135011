"""The verb `check`: whether the catalogue is as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from imagefinder.cli.options import DB, Db, Json
from imagefinder.cli.output import plain, print_json, short

if TYPE_CHECKING:
    from imagefinder.catalogue.health import Finding

_SHOWN = 20


def check(db: Db = DB, as_json: Json = False) -> None:
    """Verify every page and every row of the catalogue.

    For each image that is damaged it says from which file it can be had again. Ends with status 1
    if anything is damaged; nothing is changed.
    """
    from imagefinder.catalogue import health

    findings = health.check(db)
    if as_json:
        print_json({"catalogue": str(db.absolute()), "damaged": list(map(asdict, findings))})
    else:
        _print(findings, db)
    if findings:
        raise typer.Exit(1)


def _print(findings: Sequence[Finding], db: Path) -> None:
    for one in findings[:_SHOWN]:
        source = f"; to be had again from {short(one.source)}" if one.source else ""
        lost = "; no intact file has it" if one.id and not one.source else ""
        typer.echo(f"damaged: {plain(one.what)}{source}{lost}")
    if len(findings) > _SHOWN:
        typer.echo(f"... and {len(findings) - _SHOWN} more; --json lists all")
    if findings:
        typer.echo(f"{db.name} is damaged: restore a backup of it")
    else:
        typer.echo(f"{db.name} is intact")
