"""The commands of the library of pretrained models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imagefinder.cli.output import plain, print_json, print_models
from imagefinder.cli.terminal import quiet_libraries

if TYPE_CHECKING:
    from imagefinder.registry.pretrained import Model

models = typer.Typer(help="Pretrained models: list, fetch, add and check them.")

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Models, by their names.")]


@models.callback(invoke_without_command=True)
def list_models(
    context: typer.Context,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document, and nothing else.")
    ] = False,
) -> None:
    """Pretrained models: list, fetch, add and check them."""
    if context.invoked_subcommand is not None:
        return
    from imagefinder.registry.pretrained import models as rows

    known = [_as_json(model) for model in rows().values()]
    if as_json:
        print_json({"models": known})
    else:
        print_models(known)


@models.command()
def pull(names: Names) -> None:
    """Fetch models from their hub; what is here already is only checked."""
    from imagefinder.encoders.model_store import model_named, pull
    from imagefinder.encoders.pretrained import check

    quiet_libraries()
    for model in [model_named(name) for name in names]:
        pull(model, check)
        typer.echo(f"{model.name} is here")


@models.command()
def verify() -> None:
    """Read every model that is here, and compare it with what it was when it was taken."""
    from imagefinder.encoders.model_store import verify

    found = list(verify())
    for model, part, wrong in found:
        typer.echo(f"{model.name} {part}: {plain(wrong) or 'as it was'}")
    if not found:
        typer.echo("there are no models on this machine")
    if any(wrong for *_, wrong in found):
        raise typer.Exit(1)


@models.command()
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The model.")],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file brought by hand.")],
    part: Annotated[
        Literal["graph", "text", "tokenizer"], typer.Option(help="Which of its files.")
    ] = "graph",
) -> None:
    """Take a model's file that was brought by hand, where there is no network."""
    from imagefinder.encoders.model_store import add, model_named
    from imagefinder.encoders.pretrained import check

    quiet_libraries()
    place = add(model_named(name), file, check, part)
    typer.echo(f"{name} {part}: {plain(str(place))}")


def _as_json(model: Model) -> dict[str, Any]:
    from imagefinder.encoders.model_store import is_present

    return {
        "name": model.name,
        "about": model.about,
        "dim": model.dim,
        "bytes": model.bytes,
        "licence": model.licence,
        "text": model.text is not None,
        "patches": model.patches,
        "present": is_present(model),
        "source": str(model.graph),
    }
