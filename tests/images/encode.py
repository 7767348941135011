"""Images as the bytes of a file."""

from io import BytesIO
from typing import Any

import PIL.Image
import pillow_heif


def encoded(image: PIL.Image.Image, kind: str, **options: Any) -> bytes:
    """Without registering HEIF with Pillow, which is for the package to do."""
    file = BytesIO()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(file, **options)
    else:
        image.save(file, kind, **options)
    return file.getvalue()
