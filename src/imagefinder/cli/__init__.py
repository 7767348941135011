"""The command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C leaves no traceback, even while the program loads."""
    try:
        from imagefinder.cli.app import main as run
    except KeyboardInterrupt:
        sys.stderr.write("imagefinder: interrupted\n")
        sys.exit(130)
    run()
