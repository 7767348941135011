"""``python -m imagefinder``."""

from imagefinder.cli import main

main()
