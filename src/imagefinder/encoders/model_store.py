"""Model store: where the files of pretrained models are on this machine, with checksums.

The SHA-256 of a file is pinned when it is first added, unless its row gives one, and verified from
then on. The pins of a model are a small JSON file in the library's folder. Downloaded files stay in
the hub's cache, except for graphs with weights beside them, which are linked into the library;
those of Python packages stay where these are installed; files added by hand are copied into the
library, and what is made of a model's files is kept there.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from io import BufferedReader
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from imagefinder._utils.atomic import atomic_write
from imagefinder._utils.file_hashes import FileHashes
from imagefinder._utils.text import one_line
from imagefinder.encoders.hub import download
from imagefinder.encoders.onnx_files import external_files
from imagefinder.encoders.packages import packaged_file
from imagefinder.errors import ModelError
from imagefinder.registry.pretrained import ModelFile, ModelPart, PretrainedModel, home, models

Check: TypeAlias = Callable[[PretrainedModel, ModelPart, Path], None]
"""Raises ModelError for a file that does not fit its row."""
_hashes = FileHashes(most=64)


@dataclass(frozen=True)
class PinnedFile:
    """The path of a file, and the SHA-256 that it must have."""

    path: Path
    sha256: str


def find_model(name: str) -> PretrainedModel:
    """The model of that name. Raises ModelError."""
    known = models()
    if name not in known:
        raise ModelError(f"there is no model {name!r}; there are {', '.join(known)}")
    return known[name]


def pinned(model: PretrainedModel, part: ModelPart = "graph") -> PinnedFile:
    """The path of a model's file, unread. Raises ModelError if it is not on this machine."""
    source = model.sources[part]
    path = Path(source.file) if source.is_local else packaged_file(source)
    if path:
        return PinnedFile(path, source.sha256 or known_digest(path))
    pin = _pins(model).get(str(source))
    if pin is None or not pin.path.is_file():
        raise ModelError(_missing(model, part))
    return PinnedFile(pin.path, source.sha256 or pin.sha256)


def locate(model: PretrainedModel, part: ModelPart = "graph") -> PinnedFile:
    """The same, with its checksum verified; needs no network. Raises ModelError."""
    pin = pinned(model, part)
    if digest(pin.path) != pin.sha256:
        raise ModelError(
            f"{pin.path} has changed since its SHA-256 was pinned: {_renewal(model, part)}"
        )
    return pin


def is_present(model: PretrainedModel) -> bool:
    """Whether all its files exist; they are not read."""
    try:
        return all(pinned(model, part).path.is_file() for part in model.sources)
    except ModelError:
        return False


def installation(model: PretrainedModel, part: ModelPart = "graph") -> str:
    """The command that brings a model's file; empty for a file on this disk."""
    source = model.sources[part]
    if source.package:
        return f"pip install {source.requirement}"
    return f"imagefinder models pull {model.name}" if source.repository else ""


def pull(model: PretrainedModel, check: Check) -> None:
    """Download missing and damaged files. A rejected file is not pinned. Raises ModelError."""
    for part, source in model.sources.items():
        if source.repository:
            _pull(model, part, source, check)
        else:  # of an installed package, or on this disk
            check(model, part, locate(model, part).path)


def add(model: PretrainedModel, file: Path, check: Check, part: ModelPart = "graph") -> Path:
    """Copy a file obtained by other means into the library. Raises ModelError."""
    if part not in model.sources:
        raise ModelError(f"{model.name} has no {part}; its files: {', '.join(model.sources)}")
    source = model.sources[part]
    if source.is_local:
        raise ModelError(f"{model.name} uses a file on this disk: {source.file}")
    target = _target(model, part)
    weights = external_files(file)
    if weights:  # nothing is replaced before all of them fit
        _check_added(model, part, file, str(file), check)
        for one in weights:
            with _replacing(target.parent / one.relative_to(file.parent)) as copy:
                _copy(one, copy)
    with _replacing(target) as copy:
        _copy(file, copy)
        found = _check_added(model, part, copy, str(file), check)
    _pin(model, str(source), PinnedFile(target, found))
    return target


def _check_added(
    model: PretrainedModel, part: ModelPart, file: Path, name: str, check: Check
) -> str:
    """Its digest. Raises ModelError if it does not fit the row."""
    found = digest(file)
    _check_sha256(model, part, found, name)
    check(model, part, file)
    return found


def keep(model: PretrainedModel, key: str, name: str, content: bytes) -> PinnedFile:
    """Keep a file that was made of a model's own in the library. Raises ModelError."""
    target = home() / "models" / model.name / name
    with _replacing(target) as file:
        file.write_bytes(content)
    pin = PinnedFile(target, hashlib.sha256(content).hexdigest())
    _pin(model, key, pin)
    return pin


def kept(model: PretrainedModel, key: str) -> PinnedFile | None:
    """What was kept by that key, or ``None`` if it, or the list of it, is missing or damaged."""
    try:
        pin = _pins(model).get(key)
        return pin if pin and digest(pin.path) == pin.sha256 else None
    except ModelError:
        return None


def verify() -> Iterator[tuple[PretrainedModel, ModelPart, str]]:
    """Check every installed file: what is wrong with it, or an empty text."""
    for model in models().values():
        for part, source in model.sources.items():
            if not source.is_local and not _is_known(model, part):
                continue
            try:
                locate(model, part)
            except ModelError as error:
                yield model, part, str(error)
            else:
                yield model, part, ""


def digest(file: Path) -> str:
    """The SHA-256 of a file; of a graph whose weights are in other files, of all of them.

    Raises ModelError.
    """
    return _combined(file, file_digest)


def known_digest(file: Path) -> str:
    """The same, computed again only once a file has changed; what is then run is still verified."""
    return _combined(file, _known_file_digest)


def file_digest(file: Path) -> str:
    """The SHA-256 of a single file. Raises ModelError."""
    with _opened(file) as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _known_file_digest(file: Path) -> str:
    with _opened(file) as content:
        return _hashes.sha256(content).hex()


@lru_cache(maxsize=16)
def _external_files(file: Path, sha256: str) -> list[Path]:
    return external_files(file)


def _combined(file: Path, digest_of: Callable[[Path], str]) -> str:
    parts = [digest_of(file)]
    weights = _external_files(file, parts[0])
    if not weights:
        return parts[0]
    for one in weights:
        parts += [one.relative_to(file.parent).as_posix(), digest_of(one)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@contextmanager
def _opened(file: Path) -> Iterator[BufferedReader]:
    try:
        if not file.is_file():  # opening a pipe would wait forever
            raise FileNotFoundError(0, "No such file")
        with file.open("rb") as content:
            yield content
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({one_line(error)})") from error


def _pull(model: PretrainedModel, part: ModelPart, source: ModelFile, check: Check) -> None:
    pin = _pins(model).get(str(source))
    exists = pin is not None and pin.path.is_file()
    if exists and pin and _holds(pin.path, source.sha256 or pin.sha256):
        return
    path = download(source, again=exists)
    weights = external_files(path)
    for one in weights:
        name = PurePosixPath(source.file).parent / one.relative_to(path.parent).as_posix()
        download(replace(source, file=str(name)), again=exists)
    if weights:  # the cache's files are links to elsewhere, which OpenVINO does not follow
        path = _gathered(path, weights, _target(model, part))
    found = digest(path)
    _check_sha256(model, part, found, str(source))
    check(model, part, path)
    _pin(model, str(source), PinnedFile(path, found))


def _gathered(path: Path, weights: list[Path], target: Path) -> Path:
    """A graph and its weights in one folder, without taking space again where that is possible."""
    pairs = [(one, target.parent / one.relative_to(path.parent)) for one in weights]
    for one, beside in (*pairs, (path, target)):
        with _replacing(beside) as new:
            new.unlink(missing_ok=True)
            try:
                os.link(one.resolve(), new)
            except OSError:  # on another disk
                _copy(one, new)
    return target


def _target(model: PretrainedModel, part: ModelPart) -> Path:
    """Where the library keeps a file of a model."""
    return home() / "models" / model.name / f"{part}{Path(model.sources[part].file).suffix}"


def _holds(path: Path, sha256: str) -> bool:
    """Whether a file, and those with its weights, are there and have that digest."""
    try:
        return digest(path) == sha256
    except ModelError:
        return False


def _is_known(model: PretrainedModel, part: ModelPart) -> bool:
    """Whether a file was downloaded or added, or is in an installed package."""
    source = model.sources[part]
    return packaged_file(source) is not None or str(source) in _pins(model)


def _check_sha256(model: PretrainedModel, part: ModelPart, found: str, where: str) -> None:
    source = model.sources[part]
    pin = _pins(model).get(str(source))
    expected = source.sha256 or (pin.sha256 if pin else found)
    if found != expected:
        raise ModelError(
            f"{where} is rejected: its SHA-256 is {found[:16]}…, not {expected[:16]}… as pinned"
            + ("" if source.sha256 else f"; delete {_pins_file(model)} to accept it")
        )


def _missing(model: PretrainedModel, part: ModelPart) -> str:
    option = "" if part == "graph" else f" --part {part}"
    return (
        f"{model.name} is not installed: `{installation(model, part)}` downloads it, "
        f"`imagefinder models add {model.name} FILE{option}` adds a file that you have"
    )


def _renewal(model: PretrainedModel, part: ModelPart) -> str:
    package = model.sources[part].requirement
    if package:
        return f"`pip install --force-reinstall {package}` brings it again"
    return f"`imagefinder models pull {model.name}` downloads it again"


def _pins_file(model: PretrainedModel) -> Path:
    return home() / "pins" / f"{model.name}.json"


def _pins(model: PretrainedModel) -> dict[str, PinnedFile]:
    """By source, so that another revision counts as another file; those kept, by their key."""
    file = _pins_file(model)
    try:
        pins = json.loads(file.read_text(encoding="utf-8"))
        return {
            source: PinnedFile(Path(pin["path"]), str(pin["sha256"]))
            for source, pin in pins.items()
        }
    except (FileNotFoundError, NotADirectoryError, PermissionError):  # nothing of ours
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(f"{file} is damaged: delete it and pull {model.name} again") from error


def _pin(model: PretrainedModel, key: str, pin: PinnedFile) -> None:
    pins = {**_pins(model), key: pin}
    text = {key: {**asdict(pin), "path": str(pin.path)} for key, pin in pins.items()}
    with _replacing(_pins_file(model)) as file:
        file.write_text(json.dumps(text, indent=2), encoding="utf-8")


def _copy(file: Path, target: Path) -> None:
    if not file.is_file():
        raise ModelError(f"{file} is not a file")
    shutil.copyfile(file, target)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """An atomic write that creates the folder. Raises ModelError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(path) as temporary:
            yield temporary
    except OSError as error:
        raise ModelError(f"{path} cannot be written ({one_line(error)})") from error
