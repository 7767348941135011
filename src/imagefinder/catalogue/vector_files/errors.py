"""Errors of vector files, translated to ExchangeError on one line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager

from imagefinder._utils.text import one_line
from imagefinder.errors import ExchangeError


@contextmanager
def translate_errors(where: str) -> Iterator[None]:
    """Errors of reading or parsing a file become an ExchangeError that names it."""
    try:
        yield
    except OSError as error:
        raise ExchangeError(f"{where}: {one_line(error)}") from error
    except MemoryError as error:
        raise ExchangeError(f"{where}: not enough memory to read it") from error
    except RecursionError as error:
        raise ExchangeError(f"{where}: nested too deeply") from error
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise ExchangeError(f"{where}: {one_line(error)}") from error
