"""Tables of datasets: Parquet files, and folders that the library ``datasets`` has saved."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from imagefinder._utils.extras import optional_import
from imagefinder._utils.text import one_line
from imagefinder.downloads.parquet_rows import batch_size
from imagefinder.errors import DownloadError

_STATE = "state.json"
_SPLITS = "dataset_dict.json"
_MOST_BYTES = 2**24  # of a file that only names others


def is_dataset(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder is a saved dataset, or one of several splits."""
    with suppress(OSError):  # it may not be read
        return any((Path(folder) / name).is_file() for name in (_STATE, _SPLITS))
    return False


def schema_of(path: Path) -> Any:
    """The columns of a table. Raises DownloadError."""
    with translate_errors(path):
        if path.is_dir():
            file = next(_files(path), None)
            if file is None:
                raise DownloadError(f"{path.name} is a dataset without any files")
            with _opened(file) as reader:
                return reader.schema
        parquet = optional_import("pyarrow.parquet", "parquet", "'.parquet'")
        return parquet.read_schema(path)


def batches_of(path: Path, columns: list[str]) -> Iterator[Any]:
    """Batches with these columns, each of a size that fits in memory. Raises DownloadError."""
    with translate_errors(path):
        if path.is_dir():
            for file in _files(path):
                with _opened(file) as reader:
                    yield from (batch.select(columns) for batch in reader)
            return
        parquet = optional_import("pyarrow.parquet", "parquet", "'.parquet'")
        with parquet.ParquetFile(path, buffer_size=2**20) as file:
            for group in range(file.num_row_groups):
                size = batch_size(file.metadata.row_group(group), path)
                yield from file.iter_batches(size, [group], columns)


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Errors of reading a table as DownloadError."""
    pa = optional_import("pyarrow", "parquet", "a dataset")
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError) as error:
        raise DownloadError(f"{path.name}: {one_line(error)}") from error


@contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """A stream of batches that are mapped into memory, not read as a whole."""
    pa = optional_import("pyarrow", "parquet", "a dataset")
    ipc = optional_import("pyarrow.ipc", "parquet", "a dataset")
    with pa.memory_map(os.fspath(file)) as mapped, ipc.open_stream(mapped) as reader:
        yield reader


def _files(folder: Path) -> Iterator[Path]:
    """The files of a dataset, in order, of one split after the other."""
    if (folder / _SPLITS).is_file():
        for split in _read(folder / _SPLITS)["splits"]:
            yield from _files(_inside(folder, split))
        return
    for one in _read(folder / _STATE)["_data_files"]:
        yield _inside(folder, one["filename"])


def _inside(folder: Path, name: Any) -> Path:
    """A dataset names its own files, no others. Raises ValueError."""
    if not isinstance(name, str) or name in ("", ".", "..") or {"/", "\\", "\0"} & {*name}:
        raise ValueError(f"it names {name!r}, which is not in it")
    return folder / name


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > _MOST_BYTES:
        raise ValueError(f"{path.name} is too large")
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} is not that of a dataset")
    return found
