"""What is wrong with a file, in one line."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager

from imagefinder.errors import ExchangeError


@contextmanager
def told(where: str) -> Iterator[None]:
    """Whatever reading or making sense of a file raises becomes an ExchangeError naming it."""
    try:
        yield
    except OSError as error:
        raise ExchangeError(f"{where}: {error.strerror or error}") from error
    except MemoryError as error:
        raise ExchangeError(f"{where}: there is not enough memory to read it") from error
    except RecursionError as error:
        raise ExchangeError(f"{where}: it is nested too deep") from error
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise ExchangeError(f"{where}: {' '.join(str(error).split())}") from error
