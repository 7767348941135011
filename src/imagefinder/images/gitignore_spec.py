"""Patterns as in a .gitignore, matched in a time that no pattern and no name can stretch.

An ignore file comes with a folder, perhaps from a stranger: compiled as usual, a line of twenty
letters and a file's name would hold a walk up for days.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pathspec import GitIgnoreSpec
from pathspec.pattern import RegexPattern

_ASTERISK = "[^/]*"  # as pathspec writes it
_LETTER = "[^/]"  # for a question mark
_FOLDERS = ".+"  # within what it writes for **
_MOST_FOLDERS = 4
_SIMPLE: Any = {"backend": "simple"}  # Python's own regular expressions, whatever is installed


def gitignore_spec(lines: Iterable[str]) -> GitIgnoreSpec:
    """What the lines match. Raises ValueError for a line that is none, or has too many ``**``."""
    spec = GitIgnoreSpec.from_lines(lines, **_SIMPLE)
    return GitIgnoreSpec([_bounded(pattern) for pattern in spec.patterns], **_SIMPLE)


def _bounded(pattern: Any) -> Any:
    """The same pattern, in which an asterisk takes the fewest letters, once and for all.

    Within a name more could not help what comes after the next asterisk (so does Python's fnmatch).
    """
    if pattern.regex is None:
        return pattern
    text = pattern.regex.pattern
    if text.count(_FOLDERS) > _MOST_FOLDERS:
        raise ValueError(f"a pattern has more than {_MOST_FOLDERS} times **")
    first, *rest = text.split(_ASTERISK)
    if not rest:
        return pattern
    middle = "".join(map(_after_asterisk, rest[:-1]))
    return RegexPattern(re.compile(f"{first}{middle}{_ASTERISK}{rest[-1]}"), pattern.include)


def _after_asterisk(part: str) -> str:
    is_in_name = "/" not in part.replace(_LETTER, "")
    return f"(?>{_ASTERISK}?{part})" if is_in_name else f"{_ASTERISK}{part}"
