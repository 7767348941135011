"""The default encoder: `standard`, or `compact` where the package of its network is missing."""

from __future__ import annotations

import warnings
from functools import cache

from imagefinder.encoders.model_store import find_model, installation, is_present
from imagefinder.errors import DefaultEncoderMissing, ModelError
from imagefinder.registry.plugins import DEFAULT_ENCODER, FALLBACK_ENCODER


def default_encoder() -> str:
    """Its name. Warns once in a process where it is not the usual one."""
    missing = missing_package()
    if not missing:
        return DEFAULT_ENCODER
    _warn(missing)
    return FALLBACK_ENCODER


def usual_default_encoder() -> str:
    """Its name, never that of the lesser one. Raises ModelError if its package is missing."""
    missing = missing_package()
    if missing:
        raise ModelError(
            f"the default encoder {DEFAULT_ENCODER} is not installed: {missing}, "
            "or name the encoder to use"
        )
    return DEFAULT_ENCODER


def missing_package() -> str:
    """The command that installs what the usual default encoder needs; empty if that is there."""
    from imagefinder.encoders.joined import MODELS

    network = find_model(MODELS[DEFAULT_ENCODER].network)
    return "" if is_present(network) else installation(network)


@cache
def _warn(command: str) -> None:
    warnings.warn(
        f"the default encoder {DEFAULT_ENCODER} is not installed, so {FALLBACK_ENCODER} is used, "
        f"which is worse at things it was not trained on: {command}",
        DefaultEncoderMissing,
        stacklevel=3,
    )
