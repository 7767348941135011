"""Text: numbers of things, and what an exception says on one line."""

from __future__ import annotations


def plural(count: int, noun: str) -> str:
    """``1 image``, ``2,000 images``."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def one_line(error: BaseException) -> str:
    """The message of an exception without line breaks, or its class's name if it has none."""
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(text.split())


def one_line_with_file(error: OSError) -> str:
    """The same, after the name of the file that it is about, if it tells that."""
    return ": ".join(str(part) for part in (error.filename, one_line(error)) if part)
