"""What the verification of the first hits adds to the time of a search.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.verification [--images 2485 100000] [--queries 60]
        [--data FOLDER]

Searches for ten hits with ``verify=10`` and with ``verify=0``, alternating in one run, warm: one at
a time, and 32 at once in threads whose images are encoded in shared batches, as a server does.
Queries are JPEG files in memory: photographs that are not stored, and changed copies of stored
ones. Also the time of each step that verification adds, and of aligning a candidate: the pixels of
a query with those of one of its ten nearest images.

The catalogue holds clothing and grocery photographs; beyond their number it is filled with vectors
between those of near neighbors, each with the signature of one of the two under some noise, so that
every hit is compared by its pixels.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from imagefinder import Finder
from imagefinder._utils.concurrency import cores
from imagefinder.images.decode import decode_each
from imagefinder.images.ncc import align
from imagefinder.images.signature import SIGNATURE_RESIZE, signature_of
from imagefinder.images.transforms import COPIES
from imagefinder.server.dynamic_batching import BatchingEncoder
from imagefinder.similarity import unit
from imagefinder.types import Entry, Record, Signature, key_of

_SEED = 7
_K = 10
_AT_ONCE = 32
_ROUNDS = 12  # of searches at once, with and without
_HELD_OUT = 372  # photographs that are not stored
_NEIGHBORS = 50
_NOISE = 4  # gray levels
_PAGE = 5000
_WARM = 5  # queries

Queries = dict[str, list[bytes]]


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    rng = np.random.default_rng(_SEED)
    paths = [path for name in ("clothing", "grocery") for path in images_of(given.data, name)]
    order = [paths[number] for number in rng.permutation(len(paths))]
    stored, others = order[_HELD_OUT:], order[:_HELD_OUT]
    print(f"{processor()}, {cores()} cores; {given.queries} queries of each kind\n")
    with (
        tempfile.TemporaryDirectory() as folder,
        Finder.create(Path(folder) / "c.db") as finder,
    ):
        for size in sorted(given.images):
            finder.add(stored[:size])
            queries = {
                "not stored": [path.read_bytes() for path in others[: given.queries]],
                "changed copies": list(islice(_copies(stored[:size]), given.queries)),
            }
            _fill(finder, size, rng)
            print(f"{len(finder):,} images")
            _print_single(finder, queries)
            _print_at_once(finder, queries)
            _print_steps(finder, queries)


def _copies(paths: Sequence[Path]) -> Iterator[bytes]:
    """Changed in each of the twelve ways in turn."""
    changes = list(COPIES.values())
    for number, path in enumerate(paths):
        with PIL.Image.open(path) as image, BytesIO() as data:
            copy = changes[number % len(changes)](image.convert("RGB"))
            copy.save(data, "JPEG", quality=90)
            yield data.getvalue()


def _fill(finder: Finder, size: int, rng: np.random.Generator) -> None:
    """Add vectors between stored ones, with signatures, up to ``size``."""
    if len(finder) >= size:
        return
    keys, rows = _stored(finder)
    signatures = finder.store.signatures(keys)
    near = np.argsort(-(rows @ rows.T), axis=1)[:, 1 : _NEIGHBORS + 1]
    while missing := size - len(finder):
        some = rng.integers(len(rows), size=min(missing, _PAGE))
        toward = near[some, rng.integers(near.shape[1], size=len(some))]
        share = rng.uniform(0.05, 0.5, (len(some), 1)).astype(np.float32)
        made = unit(rows[some] + share * (rows[toward] - rows[some]))
        finder.store.write(
            [
                _entry(row, signatures[keys[neighbor]], rng)
                for row, neighbor in zip(made, toward.tolist(), strict=True)
            ]
        )


def _stored(finder: Finder) -> tuple[list[int], NDArray[np.float32]]:
    """Of the photographs."""
    keys, rows = [], []
    for record, features in finder.store.iter_records():
        if record.path is not None:
            keys.append(record.key)
            rows.append(features)
    return keys, np.concatenate(rows)


def _entry(row: NDArray[np.float32], like: Signature, rng: np.random.Generator) -> Entry:
    sha256 = rng.bytes(32)
    noise = rng.integers(-_NOISE, _NOISE + 1, like.pattern.shape)
    pattern = (like.pattern + noise).clip(-128, 127).astype(np.int8)
    signature = Signature(pattern, like.chroma, like.content, like.plain)
    return Entry(Record(key_of(sha256), sha256, 1, 1, 1), row[None], signature=signature)


def _print_single(finder: Finder, queries: Queries) -> None:
    for kind, images in queries.items():
        for image in images[:_WARM]:
            _alternately(partial(_search, finder, image), 0)
        pairs = [
            _alternately(partial(_search, finder, image), number)
            for number, image in enumerate(images)
        ]
        _print_ratio(f"one at a time, {kind}", pairs)


def _print_at_once(finder: Finder, queries: Queries) -> None:
    images = [image for pair in zip(*queries.values(), strict=False) for image in pair]
    batching = BatchingEncoder(finder.encoder)
    served = Finder(finder.store, batching)
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        pairs = [
            _alternately(partial(_search_all, threads, served, images, at), at)
            for at in range(_ROUNDS + 1)
        ]
    batching.close()
    _print_ratio(f"{_AT_ONCE} at once, each", [(a / _AT_ONCE, b / _AT_ONCE) for a, b in pairs[1:]])


def _search_all(
    threads: Executor, finder: Finder, images: Sequence[bytes], at: int, depth: int
) -> None:
    chosen = [images[(at * _AT_ONCE + number) % len(images)] for number in range(_AT_ONCE)]
    _ = list(threads.map(lambda image: _search(finder, image, depth), chosen))


def _search(finder: Finder, image: bytes, depth: int) -> None:
    finder.search(image, _K, verify=depth)


def _alternately(search: Callable[[int], None], number: int) -> tuple[float, float]:
    """Seconds with and without verification; every other time in the other order."""
    seconds = {}
    for depth in (_K, 0) if number % 2 else (0, _K):
        seconds[depth] = _seconds(partial(search, depth))
    return seconds[_K], seconds[0]


def _print_ratio(what: str, pairs: Sequence[tuple[float, float]]) -> None:
    verified, plain = (1000 * median(column) for column in zip(*pairs, strict=True))
    print(f"  {what:<30} {verified:6.2f} ms verified, {plain:6.2f} ms not:", end=" ")
    print(f"{verified / plain:.2f}", flush=True)


def _print_steps(finder: Finder, queries: Queries) -> None:
    """What verification adds, step by step, and the alignment of a candidate."""
    for kind, images in queries.items():
        steps = [_steps(finder, image) for image in images]
        names = steps[0].keys()
        medians = {name: 1000 * median(step[name] for step in steps) for name in names}
        parts = ", ".join(f"{name} {milliseconds:.2f} ms" for name, milliseconds in medians.items())
        print(f"  steps, {kind}: {parts}", flush=True)


def _steps(finder: Finder, image: bytes) -> dict[str, float]:
    """Seconds of each."""
    keys = [hit.record.key for hit in finder.search(image, _K, verify=0)]
    resize = finder.encoder.resize
    once = _seconds(lambda: decode_each(image, resize, ()))
    twice = _seconds(lambda: decode_each(image, resize, [SIGNATURE_RESIZE]))
    small = decode_each(image, resize, [SIGNATURE_RESIZE])[1][0]
    assert small is not None
    own, others = signature_of(small.pixels), list(finder.store.signatures(keys).values())
    assert len(others) == len(keys), "a hit without a signature"
    return {
        "another size": twice - once,
        "signature": _seconds(lambda: signature_of(small.pixels)),
        "reading": _seconds(lambda: finder.store.signatures(keys)),
        "a candidate": _seconds(lambda: align(own, others)) / len(others),
    }


def _seconds(call: Callable[[], Any]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, nargs="+", default=[2485, 100_000])
    parser.add_argument("--queries", type=int, default=60, help="of each kind")
    parser.add_argument("--data", type=Path, default=assets() / "data")
    return parser.parse_args()


if __name__ == "__main__":
    main()
