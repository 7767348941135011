"""The verb `encoders`: the registered encoders, extractors and matchers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from imagefinder.cli.options import Json
from imagefinder.cli.output import print_json, print_pairs

if TYPE_CHECKING:
    from imagefinder.registry.plugins import Family

_TITLES: dict[Family, str] = {
    "encoders": "encoders, for --encoder:",
    "extractors": "\nlocal features, for --local:",
    "matchers": "\nmatchers of local features, for --rerank:",
}


def encoders(as_json: Json = False) -> None:
    """List encoders, local features and matchers."""
    known = {family: _plugins(family) for family in _TITLES}
    if as_json:
        print_json(
            {
                family: [{"name": name, "about": about} for name, about in listed]
                for family, listed in known.items()
            }
        )
        return
    for family, listed in known.items():
        typer.echo(_TITLES[family])
        print_pairs(listed)
    typer.echo(f"\n{_default()}")


def _default() -> str:
    from imagefinder.encoders.default import missing_package
    from imagefinder.registry.plugins import DEFAULT_ENCODER, FALLBACK_ENCODER

    if missing := missing_package():
        return f"the default is {FALLBACK_ENCODER}: {DEFAULT_ENCODER} is not installed, {missing}"
    return f"the default is {DEFAULT_ENCODER}"


def _plugins(family: Family) -> list[tuple[str, str]]:
    from imagefinder.registry.plugins import plugins

    return [
        (f"{name}:{plugin.argument}" if plugin.argument else name, plugin.about)
        for name, plugin in plugins(family).items()
    ]
