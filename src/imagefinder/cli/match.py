"""The verb `match`: whether two images are the same."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder._utils.outputs import write_output
from imagefinder.cli.completion import extractor_names, matcher_names
from imagefinder.cli.drawings import check_drawing, save_drawing
from imagefinder.cli.options import DB, AllowPrivate, At, Force, Json, open_finder
from imagefinder.cli.output import print_json, verification_as_json
from imagefinder.cli.sources import source_of
from imagefinder.cli.terminal import quiet_libraries
from imagefinder.verification.in_words import verdict_with_probability

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.verification.compare import VerifiedComparison

_COMMAND = "match"


def match(
    one: Annotated[str, typer.Argument(metavar="IMAGE", help="A file, a URL, or - for stdin.")],
    other: Annotated[str, typer.Argument(metavar="IMAGE", help="The image to compare it with.")],
    db: Annotated[
        str | None,
        typer.Option(
            "--db",
            envvar="IMAGEFINDER_DB",
            metavar="FILE|URL",
            help="The catalogue whose encoder and calibration to use; imagefinder.db if it exists.",
            dir_okay=False,
            path_type=str,
        ),
    ] = None,
    at: At = None,
    local: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Local features (see `imagefinder encoders`); sift if not given.",
            autocompletion=extractor_names,
        ),
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Matcher: mutual, or geometric for planar scenes; any geometry if not given.",
            autocompletion=matcher_names,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE.png", help="Draw the correspondences.", dir_okay=False),
    ] = None,
    allow_private: AllowPrivate = False,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Compare two images: the same image, the same thing, or merely similar."""
    from imagefinder.verification.compare import compare

    quiet_libraries()
    if out is not None:
        check_drawing(out, _COMMAND, force)
    left, right = (source_of(image, allow_private) for image in (one, other))
    with ExitStack() as stack:
        finder = _finder(db, at)
        catalogue = stack.enter_context(finder) if finder else None
        found = compare(left, right, catalogue=catalogue, local=local, matcher=rerank)
    if out is not None:
        with write_output(out) as unfinished:
            save_drawing(found.drawn(), unfinished, _COMMAND)
    if as_json:
        print_json({"images": [one, other], **_as_json(found)})
    else:
        typer.echo(_summary(found))


def _finder(db: str | None, at: int | None) -> Finder | None:
    from imagefinder.finder import Finder

    if db is None:
        return open_finder(DB, at=at) if Finder.exists(DB) else None
    return open_finder(db, at=at)


def _as_json(found: VerifiedComparison) -> dict[str, Any]:
    pairs = found.correspondences
    return {
        "score": found.score,
        **verification_as_json(found.verification),
        "features": [len(features) for features in found.local],
        "correspondences": len(pairs),
        "verified": pairs.verified,
    }


def _summary(found: VerifiedComparison) -> str:
    """The verdict, and on a line each what it rests on."""
    evidence = found.verification.evidence
    pairs = found.correspondences
    lines = [verdict_with_probability(found.verification)]
    if evidence.identical:
        lines.append("identical files")
    elif evidence.correlation is not None:
        lines.append(f"pixels: aligned, they correlate by {evidence.correlation:.2f}")
    if found.verification.is_undecided:
        lines.append("they show too little to compare their pixels")
    of = f"of {len(found.local[0])} and {len(found.local[1])} local features"
    if pairs.verified is not None:
        lines.append(f"geometry: {len(pairs)} pairs {of} agree on one")
    elif len(pairs):
        lines.append(f"{len(pairs)} mutual nearest neighbors, {of}")
    lines.append(f"score: {found.score:.4f}")
    return "\n  ".join(lines)
