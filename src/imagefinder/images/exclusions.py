"""Exclusions: which files and folders below a folder are passed over.

By the catalogue's globs, then by the files ``.imagefinderignore`` (the deepest first), then by
default. All are patterns as in a ``.gitignore``; one that begins with ``!`` takes back.
"""

from __future__ import annotations

import errno
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from imagefinder._utils.object_urls import OBJECT_URL
from imagefinder.images.files import read
from imagefinder.images.limits import Limits

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

IGNORE_FILE = ".imagefinderignore"

_FOLDERS = frozenset(
    (
        "@eadir",  # thumbnails of a Synology NAS
        "@recycle",  # of QNAP
        "#recycle",  # of Synology
        "#snapshot",
        "@recently-snapshot",
        "$recycle.bin",  # of Windows
        "recycler",
        "system volume information",
        "lost+found",  # of ext4
        "__macosx",  # in archives made on a Mac
        "node_modules",
    )
)
_PREVIEWS = (".lrdata",)  # of Lightroom
_LIBRARIES = (".photoslibrary", ".photolibrary", ".migratedphotolibrary", ".aplibrary")
_ORIGINALS = frozenset(("originals", "masters"))
_SEP = os.sep
_DRIVE = re.compile(r"[A-Za-z]:[/\\]|\\\\")  # or a share, as Windows names them
_LIMITS = Limits(max_bytes=2**20)


@dataclass(frozen=True)
class Exclusions:
    """What is excluded in a folder; ``inside`` adds its own ignore file."""

    kept: tuple[_Patterns, ...] = ()
    """From the catalogue's globs."""
    ignored: tuple[_Patterns, ...] = ()
    """From the ignore files of this folder and of those above it, the deepest first."""

    @classmethod
    def above(cls, folder: str, globs: Sequence[str] = ()) -> Self:
        """Those that hold in a folder where a walk begins, but for its own ignore file.

        The folder itself was asked for, so a pattern that excludes it does not count. Raises
        ValueError for a glob that is none, OSError for an ignore file that cannot be used.
        """
        ignored = [one for parent in Path(folder).parents for one in _ignore_file(str(parent))]
        others = tuple(one.without(_rooted(folder)) for one in ignored)
        return replace(cls.of_globs(folder, globs), ignored=others)

    @classmethod
    def of_globs(cls, folder: str, globs: Sequence[str]) -> Self:
        """The same without any ignore file. Raises ValueError for a glob that is none."""
        folder, lines = _rooted(folder), [_line(glob) for glob in globs]
        of_paths = _patterns("/", [line for line in lines if _has_folder(line)])
        of_names = _patterns(folder, [line for line in lines if not _has_folder(line)])
        return cls(tuple(one for one in (of_paths.without(folder), of_names) if one.lines))

    def inside(self, folder: str) -> Self:
        """With the ignore file of a folder, if it has one. Raises OSError if that is unusable."""
        more = _ignore_file(folder)
        return replace(self, ignored=(*more, *self.ignored)) if more else self

    def kind(self, parent: str, name: str, is_folder: bool) -> str | None:
        """Why a file or folder is passed over: ``excluded``, ``hidden``; None if it is not."""
        for patterns in (*self.kept, *self.ignored):
            verdict = patterns.verdict(f"{_rooted(parent).rstrip('/')}/{name}", is_folder)
            if verdict is not None:
                return "excluded" if verdict else None
        if is_folder and _is_clutter(name, parent):
            return "excluded"
        return "hidden" if name.startswith(".") else None


@dataclass(frozen=True)
class _Patterns:
    """The patterns of one place, relative to its folder; all paths are rooted."""

    folder: str
    lines: tuple[str, ...]
    spec: GitIgnoreSpec

    def verdict(self, path: str, is_folder: bool) -> bool | None:
        """Whether the last pattern that matches excludes the path; None if none matches."""
        found: bool | None = self.spec.check_file(self._relative(path, is_folder)).include
        return found

    def without(self, folder: str) -> _Patterns:
        """Only the patterns that do not match a folder."""
        name = self._relative(folder, is_folder=True)
        return _patterns(self.folder, [one for one in self.lines if not _matches(one, name)])

    def _relative(self, path: str, is_folder: bool) -> str:
        relative = path[len(self.folder.rstrip("/")) + 1 :]
        return _composed(f"{relative}/" if is_folder else relative)


def check_globs(globs: Iterable[str]) -> None:
    """Raises ValueError for a glob that is none."""
    for glob in globs:
        patterns = _patterns("/", [_line(glob)]).spec.patterns
        if any(pattern.include is None for pattern in patterns):
            raise ValueError(f"the glob {glob!r} would match nothing: write it as in a .gitignore")


def glob_of(path: str) -> str:
    """The glob that matches just this path, and what is in it."""
    text = path if OBJECT_URL.match(path) else _rooted(path)
    return "".join(f"[{c}]" if c in "*?# \t\r\n" else f"\\{c}" if c in "[]\\" else c for c in text)


def place_of(url: str) -> str:
    """The URL of an object store as an absolute path, which is how patterns see it."""
    scheme = OBJECT_URL.match(url)
    return f"/{scheme[1].lower()}:/{url[scheme.end() :]}" if scheme else url


def _line(glob: str) -> str:
    """A glob as a pattern relative to some folder above: not only at its top, unless absolute."""
    sign = "!" if glob.startswith("!") else ""
    body = place_of(_expanded(glob.removeprefix("!")).removeprefix("./"))
    if not body.strip() or "\0" in body:
        raise ValueError("a glob to exclude is empty: give one such as '*.gif' or 'private/'")
    if body.startswith("#"):
        body = f"\\{body}"
    inner = _has_folder(body) and not body.startswith(("/", "**/"))
    return f"{sign}**/{body}" if inner else f"{sign}{body}"


def _expanded(body: str) -> str:
    """With the home folder, and a drive below the root. Raises ValueError."""
    expanded = os.path.expanduser(body)
    if _SEP == "/":
        return expanded
    if expanded != body:
        return _rooted(expanded)
    if _DRIVE.match(body) and "\\" in body:
        raise ValueError(f"write the glob {body} with / instead of \\, as in a .gitignore")
    if _DRIVE.match(body):
        return f"/{body}"
    return body.removeprefix("/") if body.startswith("//") else body


def _rooted(path: str) -> str:
    """With slashes below one root, as patterns have them: /C:/Pictures for a folder of Windows."""
    return path if _SEP == "/" else "/" + path.replace(_SEP, "/").lstrip("/")


def _has_folder(line: str) -> bool:
    """Whether a pattern is one of paths, not of names."""
    return "/" in line.rstrip("/")


def _patterns(folder: str, lines: Sequence[str]) -> _Patterns:
    # takes a while, and most walks have no patterns
    from imagefinder.images.gitignore_spec import gitignore_spec

    try:
        return _Patterns(folder, tuple(lines), gitignore_spec(map(_composed, lines)))
    except ValueError as error:
        raise ValueError(
            f"{error}: write it as in a .gitignore, such as '*.gif' or 'private/'"
        ) from error


def _matches(line: str, path: str) -> bool:
    return _patterns("", [line]).spec.check_file(path).include is not None


def _ignore_file(folder: str) -> tuple[_Patterns, ...]:
    """The patterns of a folder's ignore file, if it has one."""
    path = f"{folder.rstrip(os.sep)}{os.sep}{IGNORE_FILE}"
    if not os.path.lexists(path):
        return ()
    try:
        text = read(path, _LIMITS).decode("utf-8-sig")
        return (_patterns(_rooted(folder), text.splitlines()),)
    except UnicodeDecodeError as error:
        raise OSError(errno.EINVAL, "it is not UTF-8, so its folder is left alone", path) from error
    except Exception as error:
        raise OSError(errno.EINVAL, f"{error}; its folder is left alone", path) from error


def _is_clutter(name: str, parent: str) -> bool:
    """Whether a folder has what nobody means: thumbnails, previews, what was thrown away."""
    name = name.lower()
    if name in _FOLDERS or name.endswith(_PREVIEWS):
        return True
    return parent.lower().endswith(_LIBRARIES) and name not in _ORIGINALS


def _composed(text: str) -> str:
    """In Unicode's composed form: a Mac's file names are decomposed, what is typed is not."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)
