"""The verb `search`: the most similar images in one catalogue or several."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias

import typer

from imagefinder._utils.outputs import write_output
from imagefinder.cli.drawings import check_drawing, save_drawing
from imagefinder.cli.options import (
    DB,
    AllowPrivate,
    At,
    Db,
    Force,
    Json,
    Measures,
    Options,
    Rerank,
    SameEncoder,
    open_finder,
    usage_errors,
)
from imagefinder.cli.output import EMPTY, NONE, hit_as_json, plain, print_hits, print_json
from imagefinder.cli.sources import source_of
from imagefinder.cli.terminal import quiet_libraries

if TYPE_CHECKING:
    from imagefinder.finder import Finder
    from imagefinder.search.hits import Hits
    from imagefinder.search.options import SearchOptions
    from imagefinder.types import Box, Recipe

_COMMAND = "search"
_QUERY = "Query"
_FILTERS = "Filters"
_RANKING = "Ranking"
_ENSEMBLE = "Several catalogues"

Fusion: TypeAlias = Literal["reciprocal", "borda", "scores"]


def _check_crop(text: str | None) -> str | None:
    if text is not None and _box(text) is None:
        raise typer.BadParameter(f"expected x,y,width,height in pixels, not {text!r}")
    return text


def _box(text: str) -> Box | None:
    parts = text.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() for part in parts):
        return None
    left, top, width, height = map(int, parts)
    return left, top, width, height


_Images = Annotated[
    list[str] | None,
    typer.Argument(metavar="IMAGE", help="Files, URLs, ids, or - for stdin."),
]
_TopK = Annotated[int, typer.Option("--top-k", "-k", min=1, metavar="K", help="Number of hits.")]
_Text = Annotated[
    str | None,
    typer.Option(
        metavar="WORDS",
        help="Text to search with, alone or together with images.",
        rich_help_panel=_QUERY,
    ),
]
_Vector = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.npy",
        help="Vector to search with, made elsewhere by the catalogue's encoder.",
        dir_okay=False,
        rich_help_panel=_QUERY,
    ),
]
_Minus = Annotated[
    list[str] | None,
    typer.Option(metavar="IMAGE", help="Negative example; repeatable.", rich_help_panel=_QUERY),
]
_Crop = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,W,H",
        help="Region of the image to search with, in pixels.",
        callback=_check_crop,
        rich_help_panel=_QUERY,
    ),
]
_Folder = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PATH", help="Only images in this folder; repeatable.", rich_help_panel=_FILTERS
    ),
]
_Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="Only images with this metadata; also <, <=, >, >=, != and A|B; repeatable.",
        rich_help_panel=_FILTERS,
    ),
]
_Threshold = Annotated[
    float | None,
    typer.Option(
        metavar="SCORE", help="Only hits with at least this score.", rich_help_panel=_FILTERS
    ),
]
_MatchesOnly = Annotated[
    bool,
    typer.Option(
        "--matches-only",
        help="Only matches: the same image or the same thing.",
        rich_help_panel=_FILTERS,
    ),
]
_Rate = Annotated[
    float | None,
    typer.Option(
        metavar="RATE",
        help="Accepted false-positive rate of matches; that of the calibration if not given.",
        rich_help_panel=_FILTERS,
    ),
]
_Verify = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="Number of hits to verify by pixels and local features.",
        rich_help_panel=_RANKING,
    ),
]
_Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.png", help="Draw the query and its hits side by side.", dir_okay=False
    ),
]
_Shortlist = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Number of candidates to re-rank; 40 if not given.",
        rich_help_panel=_RANKING,
    ),
]
_Exhaustive = Annotated[
    bool,
    typer.Option(
        "--exhaustive",
        help="Re-rank all images instead of a shortlist.",
        rich_help_panel=_RANKING,
    ),
]
_Also = Annotated[
    list[str] | None,
    typer.Option(
        metavar="DB",
        help="Search this catalogue too and fuse the rankings; repeatable.",
        dir_okay=False,
        path_type=str,
        rich_help_panel=_ENSEMBLE,
    ),
]
_Fuse = Annotated[
    Fusion,
    typer.Option(
        metavar="METHOD",
        help="Rank fusion: reciprocal (RRF), borda or scores.",
        rich_help_panel=_ENSEMBLE,
    ),
]
_Weight = Annotated[
    list[float] | None,
    typer.Option(
        min=0,
        metavar="W",
        help="Weight of each catalogue, that of --db first; repeatable.",
        rich_help_panel=_ENSEMBLE,
    ),
]


def search(
    images: _Images = None,
    k: _TopK = 3,
    db: Db = DB,
    text: _Text = None,
    vector: _Vector = None,
    minus: _Minus = None,
    crop: _Crop = None,
    folder: _Folder = None,
    where: _Where = None,
    threshold: _Threshold = None,
    matches_only: _MatchesOnly = False,
    rate: _Rate = None,
    measure: Measures = None,
    rerank: Rerank = None,
    shortlist: _Shortlist = None,
    exhaustive: _Exhaustive = False,
    verify: _Verify = 10,
    also: _Also = None,
    fuse: _Fuse = "reciprocal",
    weight: _Weight = None,
    out: _Out = None,
    force: Force = False,
    allow_private: AllowPrivate = False,
    encoder: SameEncoder = None,
    option: Options = None,
    at: At = None,
    as_json: Json = False,
) -> None:
    """Find the most similar images."""
    from imagefinder.catalogue.vector_files.npy import open_npy
    from imagefinder.filters import where_from_text
    from imagefinder.search.options import SearchOptions

    quiet_libraries()
    _check(images, text, vector, rerank, shortlist, exhaustive, also, fuse, weight)
    if out is not None:
        check_drawing(out, _COMMAND, force)
    with ExitStack() as stack:
        finders = [stack.enter_context(open_finder(db, encoder, option, at))]
        finders += [stack.enter_context(open_finder(other)) for other in also or ()]
        query = [source_of(image, allow_private) for image in images or ()]
        with usage_errors():
            options = SearchOptions(
                k=k,
                minus=[source_of(image, allow_private) for image in minus or ()],
                text=text,
                vectors=None if vector is None else open_npy(vector),
                crop=_box(crop) if crop else None,
                measures=measure or (),  # type: ignore[arg-type]  # SearchOptions checks
                rerank=rerank,
                shortlist=shortlist if exhaustive or shortlist else SearchOptions.shortlist,
                folders=folder or (),
                where=where_from_text(where or ()),
                threshold=threshold,
                matches_only=matches_only,
                rate=rate,
                verify=verify,
            )
            hits = _search(finders, query, options, fuse, weight)
        if out is not None:
            _draw(finders[0], query, options.crop, hits, out)
        by = [finder.recipe for finder in finders]
    limited = matches_only or threshold is not None
    named = [*(images or ()), *filter(None, (text, vector and str(vector)))]
    _show(hits, named, by, limited, as_json)


def _check(
    images: Sequence[str] | None,
    text: str | None,
    vector: Path | None,
    rerank: str | None,
    shortlist: int | None,
    exhaustive: bool,
    also: Sequence[str] | None,
    fuse: Fusion,
    weight: Sequence[float] | None,
) -> None:
    """Raises BadParameter for options that do not go together."""
    if (exhaustive or shortlist) and not rerank:
        raise typer.BadParameter("--shortlist and --exhaustive need --rerank")
    if exhaustive and shortlist:
        raise typer.BadParameter("--exhaustive and --shortlist exclude each other")
    if (weight or fuse != "reciprocal") and not also:
        raise typer.BadParameter("--fuse and --weight need --also")
    if not (images or text or vector):
        raise typer.BadParameter("give an image, --text or --vector", param_hint="IMAGE")


def _search(
    finders: Sequence[Finder],
    query: Sequence[Any],
    options: SearchOptions,
    fuse: Fusion,
    weights: Sequence[float] | None,
) -> Hits:
    if len(finders) == 1:
        return finders[0].search(query, options=options)
    from imagefinder.search.ensemble import Ensemble

    return Ensemble(finders, fuse, weights).search(query, options=options)


def _draw(finder: Finder, query: Sequence[Any], crop: Box | None, hits: Hits, out: Path) -> None:
    """The first query image, if it is one that was given, and the hits."""
    from imagefinder.types import is_id
    from imagefinder.visualization.contact_sheet import contact_sheet

    first = next(iter(query), None)
    if is_id(first) and not Path(first).exists():
        first = finder.get(first).path
    with write_output(out) as unfinished:
        save_drawing(contact_sheet(first, hits, finder.limits, crop), unfinished, _COMMAND)


def _show(hits: Hits, query: list[str], by: Sequence[Recipe], limited: bool, as_json: bool) -> None:
    if as_json:
        found = [hit_as_json(hit) for hit in hits]
        about = {
            "query": query[0] if len(query) == 1 else query,
            "encoder": " + ".join(one.encoder for one in by),
        }
        why = {"detail": hits.detail} if hits.detail else {}
        print_json({**about, "hits": found, "matches": hits.match_ids, **why})
    else:
        title = f"nearest to {plain(', '.join(query))} by {' + '.join(map(_encoder, by))}"
        print_hits(hits, title, plain(hits.detail) if hits.detail else NONE if limited else EMPTY)


def _encoder(recipe: Recipe) -> str:
    """Its name; with regions, that of the encoder of each."""
    from imagefinder.encoders.regions import grid_of, whole_recipe

    name = whole_recipe(recipe).encoder
    return name if grid_of(recipe) is None else f"{name} with regions"
