"""Clouds: what their object stores need from the environment, as the engine names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """An object store that speaks one of three protocols."""

    bucket: str
    """The word for what the first part of an address names."""
    keys: str
    """The variables with the keys."""
    endpoint: str
    """The variables that say which server, and where."""
    allow_http: str
    urls: tuple[str, ...] = ()
    """Variables that hold a URL, with which the engine would end if it is none."""


CLOUDS = {
    "s3": Cloud(
        "bucket",
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        "AWS_REGION and AWS_ENDPOINT_URL",
        "AWS_ALLOW_HTTP",
        ("AWS_ENDPOINT_URL", "AWS_ENDPOINT"),
    ),
    "gs": Cloud(
        "bucket",
        "GOOGLE_SERVICE_ACCOUNT (the file of a service account)",
        "GOOGLE_SERVICE_ACCOUNT",
        "GOOGLE_ALLOW_HTTP",
    ),
    "az": Cloud(
        "container",
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ENDPOINT",
        "AZURE_ALLOW_HTTP",
        ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT"),
    ),
}
"""By the scheme of an address."""
