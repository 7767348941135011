"""Kinds of files: images or something else, by the end of their name or by their first bytes."""

from __future__ import annotations

import os
import stat
from typing import Final

from imagefinder._utils.open_databases import is_open_database
from imagefinder.images.formats import HEIF_BRANDS, SUFFIXES

IMAGE: Final = "image"
UNKNOWN: Final = "not an image"

_SUFFIXES_OF = {
    IMAGE: " ".join(SUFFIXES),
    "raw": (
        ".3fr .ari .arw .bay .cap .cr2 .cr3 .crw .dcr .dcs .dng .drf .eip .erf .fff .gpr .iiq .k25"
        " .kdc .mdc .mef .mos .mrw .nef .nrw .orf .pef .ptx .pxn .r3d .raf .raw .rw2 .rwl .rwz .sr2"
        " .srf .srw .x3f"
    ),
    "other image format": (
        ".afphoto .ai .cdr .cur .dds .djvu .emf .eps .exr .fit .fits .hdr .icns .ico .indd .j2c"
        " .j2k .jp2 .jpf .jpm .jpx .jxl .jxr .kra .ora .pbm .pcx .pgm .pnm .ppm .ps .psb .psd .qoi"
        " .sketch .svg .svgz .tga .wdp .wmf .xcf"
    ),
    "video": (
        ".3g2 .3gp .asf .avi .flv .insv .lrv .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .vob"
        " .webm .wmv"
    ),
    "audio": ".aac .aif .aiff .amr .flac .m4a .mid .mp3 .oga .ogg .opus .wav .wma",
    "document": (
        ".csv .doc .docx .epub .htm .html .json .jsonl .key .log .md .numbers .ods .odp .odt .pages"
        " .parquet .pdf .ppt .pptx .rtf .tsv .txt .url .webloc .xls .xlsx .xml .yaml .yml"
    ),
    "archive": ".7z .bz2 .cbr .cbz .dmg .gz .iso .rar .tar .tgz .xz .zip .zst",
    "sidecar": ".aae .cos .dop .lrcat .on1 .pp3 .thm .xmp",
    "unfinished or backup": (
        ".!ut .aria2 .bak .crdownload .download .opdownload .part .partial .temp .tmp"
    ),
}
_KIND_OF = {suffix: kind for kind, some in _SUFFIXES_OF.items() for suffix in some.split()}
_SYSTEM = frozenset(("desktop.ini", "ehthumbs.db", "picasa.ini", "thumbs.db"))

_MAGIC = (
    b"\xff\xd8\xff",  # JPEG
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",  # TIFF
    b"MM\0*",
    b"II+\0",  # with 64-bit offsets
    b"MM\0+",
)
_BRANDS = HEIF_BRANDS | {b"avif", b"avis"}


def kind_of(name: str) -> str | None:
    """``image`` or another kind, by the end of a file's name; None if that tells nothing."""
    name = name.rstrip(" .").lower()
    if name in _SYSTEM:
        return "system file"
    if name.endswith("~"):
        return "unfinished or backup"
    return _KIND_OF.get(os.path.splitext(name)[1])


def has_image_signature(path: str) -> bool:
    """Whether a regular file begins as images in an accepted format do. Raises OSError.

    A pipe is not waited for, nor is anything else than a regular file read, nor a catalogue that
    is open.
    """
    if is_open_database(path):
        return False
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        return regular and is_image_signature(os.read(descriptor, 32))
    finally:
        os.close(descriptor)


def is_image_signature(head: bytes) -> bool:
    """Whether a file that begins with these 32 bytes is an image of an accepted format."""
    if head.startswith(_MAGIC):
        return True
    if head[:4] == b"RIFF":
        return head[8:12] == b"WEBP"
    if head[:2] == b"BM":  # with the reserved bytes: many a text begins with these two letters
        return len(head) == 32 and head[6:10] == b"\0\0\0\0"
    return head[4:8] == b"ftyp" and head[8:12] in _BRANDS
