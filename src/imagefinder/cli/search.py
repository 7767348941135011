"""The commands that compare images: with a catalogue, and with each other."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from imagefinder.cli.download import AllowPrivate
from imagefinder.cli.options import DB, Db, Json, Options, SameEncoder, opened, parsed
from imagefinder.cli.output import EMPTY, NONE, hit_as_json, plain, print_hits, print_json
from imagefinder.cli.sources import source_of
from imagefinder.cli.terminal import quiet_libraries
from imagefinder.errors import ImageFinderError

if TYPE_CHECKING:
    from imagefinder.local_features.compare import Comparison
    from imagefinder.search.hits import Hits
    from imagefinder.types import Box


def _box(text: str | None) -> str | None:
    if text is not None and _parsed(text) is None:
        raise typer.BadParameter(f"it is written x,y,width,height in pixels, not {text!r}")
    return text


def _parsed(text: str) -> Box | None:
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() for part in parts):
        return None
    left, top, width, height = map(int, parts)
    return left, top, width, height


def search(
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="IMAGE...", help="Files, URLs, - for stdin, or ids."),
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many.")] = 3,
    db: Db = DB,
    minus: Annotated[
        list[str] | None, typer.Option(metavar="IMAGE", help="Turn away from it; repeatable.")
    ] = None,
    text: Annotated[
        str | None, typer.Option(help="Words to search with, alone or added to an image.")
    ] = None,
    crop: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="The part to search with, in pixels.", callback=_box),
    ] = None,
    rerank: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Let local features decide: mutual or geometric."),
    ] = None,
    shortlist: Annotated[
        int | None, typer.Option(min=1, help="With how many images they are compared; 60.")
    ] = None,
    exhaustive: Annotated[
        bool,
        typer.Option("--exhaustive", help="Compare local features with those of all images."),
    ] = False,
    folder: Annotated[
        list[str] | None, typer.Option(metavar="PATH", help="Only images in it; repeatable.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Only with this metadata; repeatable."),
    ] = None,
    measure: Annotated[
        list[str] | None,
        typer.Option(help="cosine, l2 or dot in place of the encoder's; several are fused."),
    ] = None,
    also: Annotated[
        list[Path] | None,
        typer.Option(metavar="DB", help="Another catalogue to ask; repeatable.", dir_okay=False),
    ] = None,
    fuse: Annotated[
        str, typer.Option(help="How catalogues' rankings become one: reciprocal, borda or scores.")
    ] = "reciprocal",
    weight: Annotated[
        list[float] | None,
        typer.Option(min=0, help="Of each catalogue, the first being --db; repeatable."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(metavar="SCORE", help="Leave out what scores less.")
    ] = None,
    matches_only: Annotated[
        bool, typer.Option("--matches-only", help="Leave out what is no match (see calibrate).")
    ] = False,
    allow_private: AllowPrivate = False,
    encoder: SameEncoder = None,
    option: Options = None,
    as_json: Json = False,
) -> None:
    """Find the most similar images."""
    quiet_libraries()
    options: dict[str, Any] = {
        "text": text,
        "crop": _parsed(crop) if crop else None,
        "measures": measure or (),
        "rerank": rerank,
        "threshold": threshold,
        "matches_only": matches_only,
        "folders": folder or (),
        "where": parsed(where),
    }
    if exhaustive or shortlist:
        options["shortlist"] = shortlist
    if (exhaustive or shortlist) and not rerank:
        raise typer.BadParameter("--shortlist and --exhaustive go with --rerank")
    if exhaustive and shortlist:
        raise typer.BadParameter("--exhaustive leaves no --shortlist: give one of them")
    if (weight or fuse != "reciprocal") and not also:
        raise typer.BadParameter("--fuse and --weight go with --also")
    if not (images or text):
        raise typer.BadParameter("name an image, or give --text", param_hint="IMAGE")
    with ExitStack() as stack:
        first = stack.enter_context(opened(db, encoder, option))
        others = [stack.enter_context(opened(other)) for other in also or ()]
        asked = [source_of(image, allow_private) for image in images or ()]
        options["minus"] = [source_of(image, allow_private) for image in minus or ()]
        names = [finder.recipe.encoder for finder in (first, *others)]
        try:
            if others:
                from imagefinder.search.ensemble import Ensemble

                together = Ensemble([first, *others], fuse, weight)  # type: ignore[arg-type]  # it checks
                hits = together.search(asked, k, **options)
            else:
                hits = first.search(asked, k, **options)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error
    limited = matches_only or threshold is not None
    _show(hits, [*(images or ()), *([text] if text else [])], names, limited, as_json)


def _show(hits: Hits, query: list[str], names: list[str], limited: bool, as_json: bool) -> None:
    by = " + ".join(names)
    if as_json:
        found = [hit_as_json(hit) for hit in hits]
        about = {"query": query[0] if len(query) == 1 else query, "encoder": by}
        print_json({**about, "hits": found, "matches": hits.match_ids})
    else:
        print_hits(
            hits, f"nearest to {plain(', '.join(query))} by {by}", NONE if limited else EMPTY
        )


def match(
    one: Annotated[str, typer.Argument(metavar="IMAGE", help="A file, a URL, or - for stdin.")],
    other: Annotated[str, typer.Argument(metavar="IMAGE", help="Another.")],
    local: Annotated[
        str, typer.Option(metavar="NAME", help="The local features (see `imagefinder encoders`).")
    ] = "sift",
    rerank: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="mutual, or geometric for flat things; else any geometry."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the matches.", dir_okay=False)
    ] = None,
    allow_private: AllowPrivate = False,
    as_json: Json = False,
) -> None:
    """Say whether two images show the same thing, and draw what in them corresponds."""
    from imagefinder.local_features.compare import compare

    quiet_libraries()
    left, right = (source_of(image, allow_private) for image in (one, other))
    found = compare(left, right, local=local, matcher=rerank)
    if out is not None:
        _draw(found, out)
    if as_json:
        counts = [len(features) for features in found.local]
        pairs = found.correspondences
        about = {"correspondences": len(pairs), "verified": pairs.verified}
        print_json({"images": [one, other], "features": counts, **about})
    else:
        typer.echo(_verdict(found))


def _draw(found: Comparison, out: Path) -> None:
    try:
        found.drawn().save(out)
    except ValueError as error:  # Pillow's, for an ending that it does not know
        raise ImageFinderError(f"{out}: its name must end like an image's, .png say") from error


def _verdict(found: Comparison) -> str:
    of = f"of {len(found.local[0])} and {len(found.local[1])} local features"
    if found.correspondences.verified is None:
        return f"{len(found.correspondences)} mutual nearest neighbours, {of}"
    if found.correspondences.verified:
        return f"the same thing: {len(found.correspondences)} pairs {of} agree on one geometry"
    return f"not the same thing: only {len(found.correspondences)} pairs {of} agree on one geometry"
