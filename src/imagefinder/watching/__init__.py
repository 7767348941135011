"""Watching: a catalogue follows folders while their files change."""

from imagefinder.watching.watch import Watched, WatchOptions, watch, watched_folders

__all__ = ["WatchOptions", "Watched", "watch", "watched_folders"]
