"""The command line."""

from imagefinder.cli.app import app, main

__all__ = ["app", "main"]
