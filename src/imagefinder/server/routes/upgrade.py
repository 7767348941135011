"""Upgrade of a catalogue to another encoder, while the server answers from it."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException

from imagefinder.catalogue.upgrade import other_vectors
from imagefinder.encoders.default import usual_default_encoder
from imagefinder.errors import PluginError
from imagefinder.registry.factory import make_encoder
from imagefinder.registry.plugins import DEFAULT_ENCODER, plugins
from imagefinder.server.dependencies import FormCatalogue, Upgrades, WriteAccess
from imagefinder.server.form_data import FormRoute
from imagefinder.server.problems import error_responses
from imagefinder.server.schemas import UpgradeStatus
from imagefinder.server.upgrades import ForMissing, UpgradeRunning

log = logging.getLogger("imagefinder.server")
router = APIRouter(route_class=FormRoute, tags=["server"])


@router.post(
    "/v1/upgrade",
    summary="Upgrade a catalogue to another encoder",
    status_code=202,
    responses=error_responses(400, 403, 409),
    dependencies=[WriteAccess],
)
def start_upgrade(
    catalogue: FormCatalogue,
    upgrades: Upgrades,
    to: Annotated[
        str | None,
        Form(description="The new encoder, by its name; default: the default encoder."),
    ] = None,
    missing: Annotated[
        ForMissing,
        Form(
            description="What becomes of images that cannot be encoded again: the upgrade stops "
            "before the switch, or they are dropped from the catalogue."
        ),
    ] = "stop",
    keep: Annotated[bool, Form(description="Keep the old vectors, to go back to.")] = False,
    back: Annotated[bool, Form(description="Go back to the vectors that were kept.")] = False,
) -> UpgradeStatus:
    """All images are encoded again in the background, from their files.

    Searches go on with the old vectors until all are done, and then change over in one step. If it
    is interrupted, the same request goes on. One upgrade runs at a time.
    """
    finder = catalogue.finder
    other = other_vectors(finder.store)
    if back:
        if to is not None:
            raise HTTPException(422, "to: leave it out with back")
        if other is None or not other.is_kept:
            raise HTTPException(422, "back: no former vectors are kept")
    else:
        to = _installed(to)
    try:
        state = upgrades.start(finder, to, missing=missing, keep=keep, back=back)
    except UpgradeRunning:
        raise HTTPException(409, "an upgrade is running already: GET it to see how far") from None
    return UpgradeStatus.of(state)


@router.get("/v1/upgrade", summary="See how far an upgrade is")
def get_upgrade(upgrades: Upgrades) -> UpgradeStatus:
    """The one that runs, or the last one since the server began."""
    return UpgradeStatus.of(upgrades.state)


def _installed(name: str | None) -> str:
    """The name of an encoder, or of the default one.

    Only names, no paths: a client is not to choose files of the server.
    """
    named = {name for name, plugin in plugins("encoders").items() if not plugin.argument}
    if name is not None and name not in named:
        raise HTTPException(422, f"to: there is no such encoder, but {', '.join(sorted(named))}")
    try:
        chosen = name or usual_default_encoder()
        make_encoder(chosen)
    except PluginError as error:  # it may name files of the server
        log.error("no upgrade to %s: %s", name or DEFAULT_ENCODER, error)
        told = f"to: {name or DEFAULT_ENCODER} cannot be used on this server: its log says why"
        raise HTTPException(422, told) from None
    return chosen
