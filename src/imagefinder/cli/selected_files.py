"""Files that `duplicates` selects for removal: printed, counted, or moved to the trash."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imagefinder.cli.output import print_failures, print_json, short
from imagefinder.cli.terminal import track

if TYPE_CHECKING:
    from imagefinder.near_duplicates.selection import Keep, Selection, Superfluous
    from imagefinder.types import Store


def keep_rule(text: str) -> Keep:
    """``oldest``, ``newest`` or a folder, which must exist."""
    from imagefinder.images.inputs import absolute
    from imagefinder.near_duplicates.selection import Keep

    if text in ("oldest", "newest"):
        return Keep(newest=text == "newest")
    folder = absolute(text)
    if not Path(folder).is_dir():
        raise typer.BadParameter(
            f"give oldest, newest or a folder, not {text}", param_hint="--keep"
        )
    return Keep(folder=str(folder))


def check_can_ask(yes: bool) -> None:
    """A usage error where nobody can answer a question."""
    if not yes and not is_terminal():
        raise typer.BadParameter("add --yes: there is nobody to ask", param_hint="--trash")


def is_terminal() -> bool:
    """Whether someone can answer."""
    return sys.stdin.isatty()


def print_selection(selection: Selection, as_json: bool, null: bool) -> None:
    """The paths on stdout, as bytes; what was left out on stderr."""
    if as_json:
        print_json(_as_json(selection))
        return
    end = b"\0" if null else b"\n"
    paths = [os.fsencode(one.path) for one in selection.files]
    if any(end in path for path in paths):
        raise typer.BadParameter("a name contains a line break: add --null, or use --json")
    typer.echo(b"".join(path + end for path in paths), nl=False)
    print_failures(selection.left_out, "kept")


def print_summary(selection: Selection, as_json: bool, note: str) -> None:
    """How many files were selected."""
    if as_json:
        print_json(_as_json(selection))
        return
    typer.echo(f"{_count(selection.files, selection.bytes)} to remove; {note}")
    print_failures(selection.left_out, "kept")


def trash_selection(store: Store, selection: Selection, as_json: bool, yes: bool) -> None:
    """Ask, and move the files to the trash; exit code 1 if one of them could not be moved."""
    from imagefinder.near_duplicates.trash import trash

    if not as_json:
        print_failures(selection.left_out, "kept")
    if selection.files and not yes:
        _ask(selection)
    with track("moving") as bar:
        done = trash(store, selection, bar)
    if as_json:
        left_out = [asdict(one) for one in (*selection.left_out, *done.failed)]
        print_json({"trashed": [_file_as_json(one) for one in done.files], "left_out": left_out})
    else:
        moved = sum(one.record.size for one in done.files)
        print_failures(done.failed)
        typer.echo(f"{_count(done.files, moved)} moved to the trash")
    if done.failed:
        raise typer.Exit(1)


def _ask(selection: Selection) -> None:
    for one in selection.files:
        typer.echo(
            f"{short(one.path)}\n    stays: {short(one.kept)} ({', '.join(one.why)})", err=True
        )
    count = _count(selection.files, selection.bytes)
    if not typer.confirm(f"move {count} to the trash?", err=True):
        typer.echo("nothing was moved", err=True)
        raise typer.Exit(1)


def _count(files: Sequence[Superfluous], size: int) -> str:
    return f"{len(files):,} {'file' if len(files) == 1 else 'files'} ({size / 1e6:,.1f} MB)"


def _as_json(selection: Selection) -> dict[str, Any]:
    return {
        "remove": [_file_as_json(one) for one in selection.files],
        "bytes": selection.bytes,
        "left_out": [asdict(one) for one in selection.left_out],
    }


def _file_as_json(one: Superfluous) -> dict[str, Any]:
    return {
        "path": one.path,
        "id": one.record.id,
        "bytes": one.record.size,
        "kept": one.kept,
        "kept_id": one.kept_record.id,
        "why": one.why,
    }
