"""The verb `duplicates`: near-duplicate detection."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imagefinder._utils.outputs import check_output, write_output
from imagefinder._utils.text import plural
from imagefinder.cli.options import DB, At, Db, Force, Json, open_finder, open_store, usage_errors
from imagefinder.cli.output import print_groups, print_json, short, verification_as_json
from imagefinder.cli.selected_files import (
    check_can_ask,
    keep_rule,
    print_selection,
    print_summary,
    trash_selection,
)
from imagefinder.cli.terminal import track

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.near_duplicates.detect import Duplicates
    from imagefinder.near_duplicates.selection import Keep, Selection
    from imagefinder.near_duplicates.verifiers import Verify
    from imagefinder.types import Progress, Record

ACT = "Files to remove"
DECIDE = "Decisions"
"""Panels of options."""


def duplicates(
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE", help="Ids or files, for --not-duplicates and --forget-decisions."
        ),
    ] = None,
    db: Db = DB,
    at: At = None,
    threshold: Annotated[
        float | None,
        typer.Option(
            metavar="SCORE",
            help="Least score of a candidate pair; by default what nearly all copies reach.",
        ),
    ] = None,
    verify: Annotated[
        Literal["pixels", "geometry", "none"],
        typer.Option(help="How to verify candidate pairs."),
    ] = "pixels",
    html: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write an HTML report of all groups.", dir_okay=False),
    ] = None,
    force: Force = False,
    as_json: Json = False,
    as_csv: Annotated[
        bool,
        typer.Option(
            "--csv",
            help="Print CSV: a row for each file, with its SHA-1 and SHA-256.",
        ),
    ] = False,
    relative_to: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Write paths in this folder relative to it, in CSV."),
    ] = None,
    select: Annotated[
        bool,
        typer.Option(
            "--select",
            help="Print the files to remove, one per line: all but the best of each group.",
            rich_help_panel=ACT,
        ),
    ] = False,
    null: Annotated[
        bool,
        typer.Option(
            "--null", "-0", help="End each name with NUL, for `xargs -0`.", rich_help_panel=ACT
        ),
    ] = False,
    script: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a shell script that removes them.",
            dir_okay=False,
            rich_help_panel=ACT,
        ),
    ] = None,
    trash: Annotated[
        bool,
        typer.Option("--trash", help="Move them to the system's trash.", rich_help_panel=ACT),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Move without asking.", rich_help_panel=ACT)
    ] = False,
    keep: Annotated[
        str,
        typer.Option(
            metavar="RULE",
            help="Which of identical files stays: the oldest, the newest, or those in a folder.",
            rich_help_panel=ACT,
        ),
    ] = "oldest",
    not_duplicates: Annotated[
        bool,
        typer.Option(
            "--not-duplicates",
            help="Remember that these images are no duplicates of each other.",
            rich_help_panel=DECIDE,
        ),
    ] = False,
    forget_decisions: Annotated[
        bool,
        typer.Option(
            "--forget-decisions",
            help="Take back what was said of these images, or of all.",
            rich_help_panel=DECIDE,
        ),
    ] = False,
    list_decisions: Annotated[
        bool,
        typer.Option("--decisions", help="List what was said.", rich_help_panel=DECIDE),
    ] = False,
) -> None:
    """Find near-duplicates in the catalogue, and the best of each group.

    Nothing is deleted: --trash moves the other files to the system's trash.
    """
    chosen = _only_one(
        {
            "--csv": as_csv,
            "--select": select,
            "--script": script is not None,
            "--trash": trash,
            "--not-duplicates": not_duplicates,
            "--forget-decisions": forget_decisions,
            "--decisions": list_decisions,
        }
    )
    if at is not None and chosen not in (None, "--csv", "--select"):
        raise typer.BadParameter(f"cannot be combined with {chosen}", param_hint="--at")
    if chosen in ("--not-duplicates", "--forget-decisions", "--decisions"):
        _decide(chosen, db, images or [], as_json)
        return
    if images:
        raise typer.BadParameter("images go with --not-duplicates or --forget-decisions")
    if null and (chosen != "--select" or as_json):
        raise typer.BadParameter("--null goes with --select alone")
    if chosen == "--csv" and as_json:
        raise typer.BadParameter("choose one of --csv and --json")
    if relative_to is not None and chosen != "--csv":
        raise typer.BadParameter("--relative-to goes with --csv alone")
    if threshold is not None and not math.isfinite(threshold):
        raise typer.BadParameter("must be a finite number", param_hint="--threshold")
    rule = keep_rule(keep)
    base = None if relative_to is None else _stored_name(relative_to)
    for file in (html, script):
        if file is not None:
            check_output(file, "duplicates", force)
    if chosen == "--trash":
        check_can_ask(yes)
    with open_finder(db, at=at) as finder:
        with track("comparing") as bar:
            found = _found(finder, threshold, verify, bar)
        if html is not None:
            _write_page(found, html)
        if chosen is None:
            _print(found, as_json)
            return
        if chosen == "--csv":
            _print_csv(found, rule, base)
            return
        selection = _selection(found, rule)
        if chosen == "--select":
            print_selection(selection, as_json, null)
        elif script is not None:
            _write_script(selection, script, as_json)
        else:
            trash_selection(finder.store, selection, as_json, yes)


def _only_one(flags: Mapping[str, bool]) -> str | None:
    given = [name for name, is_on in flags.items() if is_on]
    if len(given) > 1:
        raise typer.BadParameter(f"choose one of {' and '.join(given)}")
    return given[0] if given else None


def _stored_name(folder: str) -> str:
    from imagefinder.images.inputs import stored_name

    return stored_name(folder)


def _found(
    finder: Finder, threshold: float | None, verify: Verify, progress: Progress
) -> Duplicates:
    from imagefinder.near_duplicates.detect import duplicates

    return duplicates(finder, threshold=threshold, verify=verify, progress=progress)


def _selection(found: Duplicates, rule: Keep) -> Selection:
    from imagefinder.near_duplicates.selection import select

    with track("checking files") as bar:
        return select(bar(found.groups), rule)


def _decide(chosen: str, db: str, images: Sequence[str], as_json: bool) -> None:
    """Remember or take back a decision, and print those that hold now."""
    from imagefinder.near_duplicates.decisions import decisions, forget, remember

    if chosen == "--decisions" and images:
        raise typer.BadParameter("--decisions lists all: it takes no images")
    with open_store(db) as store, usage_errors():
        if chosen == "--not-duplicates":
            known = remember(store, images)
        else:
            known = forget(store, images) if chosen == "--forget-decisions" else decisions(store)
    if as_json:
        print_json({"not_duplicates": known.ids})
    elif known.sets:
        for ids in known.ids:
            typer.echo(f"no duplicates: {' '.join(ids)}")
    else:
        typer.echo("no decisions")


def _print(found: Duplicates, as_json: bool) -> None:
    if as_json:
        print_json(_as_json(found))
        return
    print_groups(found.groups)
    _print_left_out(found)


def _print_csv(found: Duplicates, rule: Keep, folder: str | None) -> None:
    from imagefinder.near_duplicates.csv_table import csv_table

    with track("reading files") as bar:
        for line in csv_table(bar(found.groups), rule, folder):
            typer.echo(line.encode(), nl=False)
    _print_left_out(found)


def _print_left_out(found: Duplicates) -> None:
    if found.unreadable:
        count = plural(found.unreadable, "image")
        typer.echo(f"{count} left out, of which no file can be read", err=True)
    if found.undecided:
        typer.echo(
            f"{plural(found.undecided, 'pair')} left out, which look alike, but show too little to "
            "compare, as blank pages, icons or slides do (--json names some)",
            err=True,
        )


def _write_page(found: Duplicates, file: Path) -> None:
    from imagefinder.near_duplicates.report import html_report

    with (
        write_output(file) as unfinished,
        unfinished.open("w", encoding="utf-8", errors="backslashreplace") as page,
    ):
        page.writelines(html_report(found))


def _write_script(selection: Selection, file: Path, as_json: bool) -> None:
    from imagefinder.near_duplicates.removal_script import removal_script

    with write_output(file) as unfinished, unfinished.open("wb") as script:
        script.writelines(removal_script(selection))
    print_summary(selection, as_json, f"see {short(str(file))}")


def _as_json(found: Duplicates) -> dict[str, Any]:
    groups = [
        {
            "best": _image_as_json(group.best),
            "why": group.why,
            "copies": [
                {
                    **_image_as_json(copy.record),
                    "score": copy.score,
                    **verification_as_json(copy.verification),
                    "why": copy.why,
                }
                for copy in group.copies
            ],
            "spare_bytes": group.spare_bytes,
        }
        for group in found.groups
    ]
    return {
        "threshold": found.threshold,
        "verify": found.verify,
        "unseen": found.unreadable,
        "undecided": found.undecided,
        "undecided_examples": [
            [one.path or one.id, other.path or other.id] for one, other in found.undecided_examples
        ],
        "spare_bytes": found.spare_bytes,
        "groups": groups,
    }


def _image_as_json(record: Record) -> dict[str, Any]:
    """``paths`` are distinct files that exist: what is in ``links`` or ``gone`` is no copy."""
    from imagefinder.images.locations import locations

    found = locations(record)
    return {
        "id": record.id,
        "paths": [location.path for location in found if location.state == "file"],
        "links": {location.path: location.target for location in found if location.state == "link"},
        "gone": [location.path for location in found if location.state == "gone"],
        "width": record.width,
        "height": record.height,
        "bytes": record.size,
    }
