"""Which files of models are on this machine, where, and with which content.

What a file must contain is pinned when it is first taken, unless its row says so itself, and is
checked ever after. The pins of a model are one small JSON file in the library's folder. Files that
were downloaded stay in the hub's cache, files added by hand are copied into the library.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

from imagefinder._utils.atomic import atomic_write
from imagefinder.encoders.hub import download
from imagefinder.errors import ModelError
from imagefinder.registry.pretrained import Model, Part, Source, home, models

Check: TypeAlias = Callable[[Model, Part, Path], None]
"""Raises ModelError for a file that is not what its row says."""


@dataclass(frozen=True)
class Pin:
    """Where a file is, and the SHA-256 of what it must contain."""

    path: Path
    sha256: str


def model_named(name: str) -> Model:
    """The row of that name. Raises ModelError."""
    known = models()
    if name not in known:
        raise ModelError(f"there is no model {name!r}; there are {', '.join(known)}")
    return known[name]


def pinned(model: Model, part: Part = "graph") -> Pin:
    """Where a file of a model is, without reading it. Raises ModelError if it is not here."""
    source = model.sources[part]
    if not source.repository:
        path = Path(source.file)
        return Pin(path, source.sha256 or digest(path))
    pin = _pins(model).get(str(source))
    if pin is None or not pin.path.is_file():
        raise ModelError(_missing(model, part))
    return Pin(pin.path, source.sha256 or pin.sha256)


def locate(model: Model, part: Part = "graph") -> Pin:
    """Likewise, and its content is as it must be. Needs no network; raises ModelError."""
    pin = pinned(model, part)
    if digest(pin.path) != pin.sha256:
        raise ModelError(
            f"{pin.path} is not what it was when it was pinned: "
            f"`imagefinder models pull {model.name}` fetches it anew"
        )
    return pin


def is_present(model: Model) -> bool:
    """Whether all its files are here; they are not read."""
    try:
        return all(pinned(model, part).path.is_file() for part in model.sources)
    except ModelError:
        return False


def pull(model: Model, check: Check) -> None:
    """Fetch what is missing or damaged. What is refused is not pinned. Raises ModelError."""
    for part, source in model.sources.items():
        if source.repository:
            _pull(model, part, source, check)
        else:
            check(model, part, locate(model, part).path)


def add(model: Model, file: Path, check: Check, part: Part = "graph") -> Path:
    """Take a file that was brought by hand into the library. Raises ModelError."""
    if part not in model.sources:
        raise ModelError(f"{model.name} has no {part}; its files: {', '.join(model.sources)}")
    source = model.sources[part]
    if not source.repository:
        raise ModelError(f"the row of {model.name} says where its file is: {source.file}")
    place = home() / "models" / model.name / f"{part}{Path(source.file).suffix}"
    with _written(place) as copy:
        _copy(file, copy)
        found = digest(copy)
        _expect(model, part, found, str(file))
        check(model, part, copy)
    _pin(model, source, Pin(place, found))
    return place


def verify() -> Iterator[tuple[Model, Part, str]]:
    """Each file that is here, hashed: what is wrong with it, or nothing."""
    for model in models().values():
        for part, source in model.sources.items():
            if source.repository and str(source) not in _pins(model):
                continue
            try:
                locate(model, part)
            except ModelError as error:
                yield model, part, str(error)
            else:
                yield model, part, ""


def digest(file: Path) -> str:
    """The SHA-256 of a file. Raises ModelError."""
    try:
        if not file.is_file():  # to open a pipe is to wait for ever
            raise FileNotFoundError(0, "No such file")
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({error.strerror or error})") from error


def _pull(model: Model, part: Part, source: Source, check: Check) -> None:
    kept = _pins(model).get(str(source))
    there = kept is not None and kept.path.is_file()
    if there and kept and digest(kept.path) == (source.sha256 or kept.sha256):
        return
    path = download(source, again=there)
    found = digest(path)
    _expect(model, part, found, str(source))
    check(model, part, path)
    _pin(model, source, Pin(path, found))


def _expect(model: Model, part: Part, found: str, where: str) -> None:
    source = model.sources[part]
    kept = _pins(model).get(str(source))
    wanted = source.sha256 or (kept.sha256 if kept else found)
    if found != wanted:
        raise ModelError(
            f"{where} is refused: its SHA-256 is {found[:16]}…, and {wanted[:16]}… is pinned"
            + ("" if source.sha256 else f"; delete {_pins_file(model)} to take it all the same")
        )


def _missing(model: Model, part: Part) -> str:
    option = "" if part == "graph" else f" --part {part}"
    return (
        f"{model.name} is not on this machine: `imagefinder models pull {model.name}` fetches it, "
        f"`imagefinder models add {model.name} FILE{option}` takes a file brought by hand"
    )


def _pins_file(model: Model) -> Path:
    return home() / "pins" / f"{model.name}.json"


def _pins(model: Model) -> dict[str, Pin]:
    """By source, so that another revision of a row is another file."""
    file = _pins_file(model)
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return {source: Pin(Path(pin["path"]), str(pin["sha256"])) for source, pin in kept.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ModelError(
            f"{file} is damaged: delete it, and pull {model.name} once more"
        ) from error


def _pin(model: Model, source: Source, pin: Pin) -> None:
    pins = {**_pins(model), str(source): pin}
    text = {key: {**asdict(pin), "path": str(pin.path)} for key, pin in pins.items()}
    with _written(_pins_file(model)) as file:
        file.write_text(json.dumps(text, indent=2), encoding="utf-8")


def _copy(file: Path, place: Path) -> None:
    if not file.is_file():
        raise ModelError(f"{file} is no file")
    shutil.copyfile(file, place)


@contextmanager
def _written(place: Path) -> Iterator[Path]:
    """Something to write to that becomes ``place`` in one step, or leaves nothing behind."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(place) as beside:
            yield beside
    except OSError as error:
        raise ModelError(f"{place} cannot be written ({error.strerror or error})") from error
