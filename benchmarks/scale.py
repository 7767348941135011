"""What 10 million, 100 million and a billion images take, calculated from measured figures.

    python -m benchmarks.scale [--core-hour 0.05] [--gigabyte-month 0.023]

It measures nothing: the rates below were measured by other benchmarks (docs/figures.md), and what
is printed is their product with a number of images, as if each step grew in proportion. The tables
are those of docs/scale.md. Prices are in whatever currency yours are.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

SIZES = 10_000_000, 100_000_000, 1_000_000_000

# measured: docs/figures.md says how, and docs/guides/large-catalogues.md the bytes
ENCODED_AMX = 73  # images by `standard` in a second of one core, end to end, AVX-512 and AMX
ENCODED_AVX2 = 30  # the same with AVX2 alone
STORED = 19_900  # images a second that one program commits to Lance, with a million there
IMAGE_BYTES = 6_700  # of a catalogue: signature, vector, record
DIMENSIONS = 384  # of `standard`
EXACT_SECONDS = 0.0246  # a query of a million vectors by `exact`, two cores, AVX-512 and AMX
BUILT_SECONDS = 36 / 320  # a million vectors by `lance-ivf-rq`, for each dimension, two cores
SEARCH_SECONDS = 0.0324  # of one core: a search over HTTP, ten hits verified, 2,485 images

# calculated
_CODE_BYTES = DIMENSIONS // 8 + 16  # one bit for each dimension, with a row id and factors
_QUANTIZED_BYTES = DIMENSIONS + 8  # what `exact` reads of each vector, in 8 bits
_MACHINE = 16  # cores
_CLUSTER = 10  # machines


@dataclass(frozen=True)
class Prices:
    """Of a core for an hour, and of a gigabyte in an object store for a month."""

    core_hour: float = 0.05
    gigabyte_month: float = 0.023


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--core-hour", type=float, default=Prices.core_hour)
    parser.add_argument("--gigabyte-month", type=float, default=Prices.gigabyte_month)
    given = parser.parse_args()
    print("\n\n".join(tables(Prices(given.core_hour, given.gigabyte_month))))


def tables(prices: Prices) -> list[str]:
    """Markdown: encoding, storage, search."""
    return [
        _table("encoding", _encoding(prices)),
        _table("storage", _storage(prices)),
        _table("search", _search(prices)),
    ]


Line = tuple[str, Callable[[int], str]]


def _encoding(prices: Prices) -> Iterator[Line]:
    yield from _encoded_at(ENCODED_AMX, "AVX-512 and AMX", prices)
    yield from _encoded_at(ENCODED_AVX2, "AVX2", prices)
    yield "time to store, by one program", lambda count: _time(count / STORED)


def _encoded_at(rate: float, processor: str, prices: Prices) -> Iterator[Line]:
    yield f"core hours, {processor}", lambda count: _number(count / rate / 3600)
    yield (
        f"time, {_CLUSTER} machines of {_MACHINE} cores",
        lambda count: _time(count / rate / _CLUSTER / _MACHINE),
    )
    yield "price", lambda count: _number(count / rate / 3600 * prices.core_hour)


def _storage(prices: Prices) -> Iterator[Line]:
    yield "catalogue", lambda count: _bytes(count * IMAGE_BYTES)
    yield "of that, vectors", lambda count: _bytes(count * DIMENSIONS * 4)
    yield (
        "price of a month in an object store",
        lambda count: _number(count * IMAGE_BYTES / 1e9 * prices.gigabyte_month),
    )


def _search(prices: Prices) -> Iterator[Line]:
    yield "`exact`: memory for its first pass", lambda count: _bytes(count * _QUANTIZED_BYTES)
    yield "`exact`: a query, two cores", lambda count: _time(count / 1e6 * EXACT_SECONDS)
    yield "`lance-ivf-rq`: codes", lambda count: _bytes(count * _CODE_BYTES)
    yield (
        "`lance-ivf-rq`: to build, two cores",
        lambda count: _time(count / 1e6 * BUILT_SECONDS * DIMENSIONS),
    )
    yield (
        "price of a million searches, decoding and encoding included",
        lambda count: _number(1e6 * SEARCH_SECONDS / 3600 * prices.core_hour),
    )


def _table(title: str, lines: Iterator[Line]) -> str:
    head = [title, *(f"{size:,}" for size in SIZES)]
    rows = ((name, *map(value, SIZES)) for name, value in lines)
    return "\n".join(map(_row, (head, ["---"] * len(head), *rows)))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.10g}"


def _time(seconds: float) -> str:
    for unit, name in ((86400, "days"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= 2 * unit:
            return f"{_number(seconds / unit)} {name}"
    return f"{_number(1000 * seconds)} ms"


def _bytes(count: float) -> str:
    for unit, name in ((1e12, "TB"), (1e9, "GB")):
        if count >= unit:
            return f"{_number(count / unit)} {name}"
    return f"{_number(count / 1e6)} MB"


if __name__ == "__main__":
    main()
