"""What ``POST /v1/embeddings`` is given, as the clients of several services write it."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from imagefinder.images.data_urls import data_of

Modality: TypeAlias = Literal["image", "text"]

MAX_INPUTS = 128
MAX_TEXT = 8192
"""Characters of one text."""


@dataclass(frozen=True)
class Text:
    """A text to encode."""

    text: str


@dataclass(frozen=True)
class ImageUrl:
    """An image to download."""

    url: str


EmbeddingInput: TypeAlias = bytes | Text | ImageUrl
"""The file of an image, or where there is one, or a text."""


def check_number(given: Any) -> Any:
    """What it is given, unless there is too much of it, or nothing. Raises ValueError."""
    if given == []:
        raise ValueError("give at least one image or text")
    if isinstance(given, list) and len(given) > MAX_INPUTS:
        raise ValueError(f"at most {MAX_INPUTS} images and texts per request")
    return given


def inputs_of(given: Any, modality: Modality | None) -> list[EmbeddingInput]:
    """One or several inputs. Raises ValueError, which says which of them is wrong."""
    several = given if isinstance(given, list) else [given]
    return [_numbered(number, one, modality) for number, one in enumerate(several, start=1)]


def _numbered(number: int, given: Any, modality: Modality | None) -> EmbeddingInput:
    try:
        return _input_of(given, modality)
    except ValueError as error:
        raise ValueError(f"number {number}: {error}") from None


def _input_of(given: Any, modality: Modality | None) -> EmbeddingInput:
    if isinstance(given, dict):
        if len(given) == 1 and isinstance(value := next(iter(given.values())), str):
            if "text" in given:
                return _text(value)
            if "image" in given:
                return _image(value)
    elif isinstance(given, str):
        is_image = modality == "image" or (modality is None and _looks_like_image(given))
        return _image(given) if is_image else _text(given)
    raise ValueError('expected a text, a URL, a data URL, {"image": …} or {"text": …}')


def _looks_like_image(given: str) -> bool:
    """Of a text that does not say what it is."""
    return given.startswith("data:image/") or (_is_url(given) and not given.split()[1:])


def _text(text: str) -> Text:
    if not text.strip():
        raise ValueError("the text is empty")
    if len(text) > MAX_TEXT:
        raise ValueError(f"the text has more than {MAX_TEXT:,} characters")
    _utf8(text)
    return Text(text)


def _image(given: str) -> bytes | ImageUrl:
    """By its URL, a data URL, or in bare base64."""
    if _is_url(given):
        return ImageUrl(given)
    encoded = _utf8(given)
    data = data_of(encoded)
    try:
        data = base64.b64decode(b"".join(encoded.split()), validate=True) if data is None else data
    except binascii.Error:
        raise ValueError("the image is neither a URL nor a data URL nor base64") from None
    if not data:
        raise ValueError("the image is empty")
    return data


def _is_url(given: str) -> bool:
    return given.lower().startswith(("http://", "https://"))


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ValueError("a text that is no Unicode") from None
