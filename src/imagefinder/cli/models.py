"""The verbs `models`: pretrained models on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from imagefinder.cli.command import Command, Group
from imagefinder.cli.completion import model_names
from imagefinder.cli.options import Json
from imagefinder.cli.output import plain, print_json, print_models
from imagefinder.cli.terminal import quiet_libraries

if TYPE_CHECKING:
    from imagefinder.registry.pretrained import PretrainedModel

models = typer.Typer(cls=Group, help="List, download, add and verify pretrained models.")

Names = Annotated[
    list[str],
    typer.Argument(metavar="NAME", help="Names of models.", autocompletion=model_names),
]


@models.callback(invoke_without_command=True)
def list_models(
    context: typer.Context,
    as_json: Json = False,
) -> None:
    """List, download, add and verify pretrained models."""
    if context.invoked_subcommand is not None:
        return
    from imagefinder.registry.pretrained import models as rows

    known = [_as_json(model) for model in rows().values()]
    if as_json:
        print_json({"models": known})
    else:
        print_models(known)


@models.command(cls=Command)
def pull(names: Names) -> None:
    """Download models from their hub; those already here, and in packages, are only verified."""
    from imagefinder.encoders.model_store import find_model, pull
    from imagefinder.encoders.pretrained import check

    quiet_libraries()
    for model in [find_model(name) for name in names]:
        if model.terms:
            typer.echo(plain(f"{model.name}: {model.license}, {model.terms}"))
        pull(model, check)
        typer.echo(f"{model.name} is installed")


@models.command(cls=Command)
def verify() -> None:
    """Check the files of all installed models against their SHA-256."""
    from imagefinder.encoders.model_store import verify

    found = list(verify())
    for model, part, wrong in found:
        typer.echo(f"{model.name} {part}: {plain(wrong) or 'ok'}")
    if not found:
        typer.echo("no models are installed")
    if any(wrong for *_, wrong in found):
        raise typer.Exit(1)


@models.command(cls=Command)
def add(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The model.", autocompletion=model_names)
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file obtained by other means.")],
    part: Annotated[
        Literal["graph", "text", "tokenizer"],
        typer.Option(metavar="PART", help="Which of its files: graph, text or tokenizer."),
    ] = "graph",
) -> None:
    """Add a model's file by hand, on a machine without network access."""
    from imagefinder.encoders.model_store import add, find_model
    from imagefinder.encoders.pretrained import check

    quiet_libraries()
    path = add(find_model(name), file, check, part)
    typer.echo(f"{name} {part}: {plain(str(path))}")


def _as_json(model: PretrainedModel) -> dict[str, Any]:
    from imagefinder.encoders.model_store import installation, is_present

    return {
        "name": model.name,
        "about": model.about,
        "dim": model.dim,
        "bytes": model.bytes,
        "license": model.license,
        "terms": model.terms,
        "text": model.text is not None,
        "patches": model.patches,
        "present": is_present(model),
        "install": installation(model),
        "source": str(model.graph),
    }
