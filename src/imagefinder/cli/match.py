"""The verb `match`: two images compared by their local features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imagefinder._utils.outputs import check_output, mark, write_output
from imagefinder.cli.completion import extractor_names, matcher_names
from imagefinder.cli.options import AllowPrivate, Force, Json
from imagefinder.cli.output import print_json
from imagefinder.cli.sources import source_of
from imagefinder.cli.terminal import quiet_libraries
from imagefinder.errors import ImageFinderError

if TYPE_CHECKING:
    from imagefinder.local_features.compare import Comparison

_COMMAND = "match"
_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")


def match(
    one: Annotated[str, typer.Argument(metavar="IMAGE", help="A file, a URL, or - for stdin.")],
    other: Annotated[str, typer.Argument(metavar="IMAGE", help="The image to compare it with.")],
    local: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="Local features (see `imagefinder encoders`).",
            autocompletion=extractor_names,
        ),
    ] = "sift",
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
    """Match the local features of two images, to see whether they show the same object."""
    from imagefinder.local_features.compare import compare

    quiet_libraries()
    if out is not None:
        _check(out, force)
    left, right = (source_of(image, allow_private) for image in (one, other))
    found = compare(left, right, local=local, matcher=rerank)
    if out is not None:
        _draw(found, out)
    if as_json:
        pairs = found.correspondences
        about = {"correspondences": len(pairs), "verified": pairs.verified}
        counts = [len(features) for features in found.local]
        print_json({"images": [one, other], "features": counts, **about})
    else:
        typer.echo(_verdict(found))


def _check(out: Path, force: bool) -> None:
    """Raises ImageFinderError unless the drawing can be saved there."""
    if out.suffix.lower() not in _SUFFIXES:
        raise ImageFinderError(f"{out}: the name must end in .png, .jpg, .webp or .tif")
    check_output(out, _COMMAND, force)


def _draw(found: Comparison, out: Path) -> None:
    from imagefinder.images.software import software_exif

    with write_output(out) as unfinished:
        found.drawn().save(unfinished, exif=software_exif(mark(_COMMAND)))


def _verdict(found: Comparison) -> str:
    pairs, verified = len(found.correspondences), found.correspondences.verified
    of = f"of {len(found.local[0])} and {len(found.local[1])} local features"
    if verified is None:
        return f"{pairs} mutual nearest neighbors, {of}"
    if verified:
        return f"the same object: {pairs} pairs {of} agree on one geometry"
    return f"not the same object: only {pairs} pairs {of} agree on one geometry"
