"""How fast images are taken in, against the sum of its parts and against the plain way.

    python -m benchmarks.ingest [--images FOLDER] [--model FILE.onnx] [--rounds 3] [--tenfold]
                                [--count 500]

All figures of a round come from one machine within a minute, and the ratios are taken round by
round; their medians are printed. ``--tenfold`` also measures memory on ten times as many images.
The package's encoder is also compared with itself where Pillow resizes, and ResNet-50 with torch,
one image and one insert at a time; "of CPU time" is what other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
import PIL.Image

from benchmarks.resnet50 import embedded_one_by_one, save_graph
from imagefinder import embed
from imagefinder._utils.concurrency import batched, cores, prefetch_map
from imagefinder.finder import Finder
from imagefinder.images.decode import decode
from imagefinder.images.walk import find_images
from imagefinder.registry.factory import make_encoder
from imagefinder.types import Encoder

OPTIONS = {"mean": 0.5, "std": 0.5}
_BATCH = 32
_RESNET, _TORCH = 128, 24  # images


class Cost(NamedTuple):
    """In seconds."""

    wall: float
    cpu: float


def measured(run: Callable[[], object]) -> Cost:
    """What it takes to run it once, the CPU time of all threads."""
    wall, cpu = perf_counter(), process_time()
    run()
    return Cost(perf_counter() - wall, process_time() - cpu)


def main() -> None:
    """Measure, and print."""
    given = arguments(__doc__, _count)
    if given.measure_memory:
        print(json.dumps(_memory(given.images, given.model)))
        return
    paths = list(find_images(given.images))
    paths = paths[:: max(1, len(paths) // given.count)][: given.count]
    print(f"{processor()}, {cores()} cores; {len(paths)} images; {given.model.name}")
    encoder = make_encoder(f"onnx:{given.model}", OPTIONS)
    _print([_round(paths, encoder, given.model) for _ in range(given.rounds)])
    _print([_resizing(paths) for _ in range(given.rounds)])
    with TemporaryDirectory() as folder:
        graph = Path(folder, "resnet50.onnx")
        save_graph(graph)
        resnet = make_encoder(f"onnx:{graph}")
        _print([_resnet50(paths, resnet) for _ in range(given.rounds)])
    single = _peak_megabytes(given.images, given.model)
    print(f"{'peak memory, MB':<44} {single:8.0f}")
    if given.tenfold:
        with TemporaryDirectory() as folder:
            _copy_distinct(paths, Path(folder), times=10)
            tenfold = _peak_megabytes(Path(folder), given.model)
        print(
            f"{'the same on ten times as many, MB':<44} {tenfold:8.0f}   ({tenfold / single:.2f})"
        )


def _count(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--count", type=int, default=100_000, help="of images, at most")


def _print(rounds: Sequence[Mapping[str, float]]) -> None:
    for name in rounds[0]:
        values = [figures[name] for figures in rounds]
        each = ", ".join(f"{value:.2f}" for value in values)
        print(f"{name:<44} {median(values):8.2f}   ({each})", flush=True)


def _resizing(paths: Sequence[Path]) -> dict[str, float]:
    """How much faster the package's encoder is than where Pillow resizes."""
    encoder = make_encoder("compact")
    embed(paths[:8], encoder)  # compiled
    figures = {}
    for name, run in (("decode", _decode_seconds), ("end to end", _our_seconds)):
        ours = measured(partial(run, paths, encoder))
        with patch("imagefinder.images.resampling._library", lambda: None):
            pillows = measured(partial(run, paths, encoder))
        figures[f"compact, {name}, images/s"] = len(paths) / ours.wall
        figures[f"compact, {name} / with Pillow's resize"] = pillows.wall / ours.wall
        figures[f"compact, {name}, the same of CPU time"] = pillows.cpu / ours.cpu
    return figures


def _resnet50(paths: Sequence[Path], encoder: Encoder) -> dict[str, float]:
    """How much faster ResNet-50 is than in torch."""
    few, fewer = paths[:_RESNET], paths[:_TORCH]
    embed(few[:8], encoder)  # compiled
    ours = measured(lambda: _our_seconds(few, encoder))
    embedded_one_by_one(fewer[:2], lambda path, embedding: None)
    torch = measured(lambda: _torch_seconds(fewer))
    return {
        "ResNet-50, end to end, images/s": len(few) / ours.wall,
        "torch, one image at a time, images/s": len(fewer) / torch.wall,
        "ResNet-50 / torch": torch.wall / len(fewer) * len(few) / ours.wall,
        "ResNet-50 / torch, of CPU time": torch.cpu / len(fewer) * len(few) / ours.cpu,
    }


def _torch_seconds(paths: Sequence[Path]) -> float:
    began = perf_counter()
    with TemporaryDirectory() as folder, _plain_database(Path(folder)) as insert:
        embedded_one_by_one(paths, insert)
    return perf_counter() - began


def _round(paths: Sequence[Path], encoder: Encoder, model: Path) -> dict[str, float]:
    count = len(paths)
    decode_rate = count / _decode_seconds(paths, encoder)
    encode_rate = count / _encode_seconds(paths, encoder)
    ours = count / _our_seconds(paths, encoder)
    sample = paths[:: max(1, count // 500)]
    plain = len(sample) / _plain_seconds(sample, model)
    ideal = 1 / (1 / decode_rate + 1 / encode_rate)
    return {
        "decode alone, images/s": decode_rate,
        "encode alone, images/s": encode_rate,
        "both one after the other, images/s": ideal,
        "end to end, images/s": ours,
        "end to end / one after the other": ours / ideal,
        "the plain way, images/s": plain,
        "end to end / the plain way": ours / plain,
    }


def _decode_seconds(paths: Sequence[Path], encoder: Encoder) -> float:
    began = perf_counter()
    with ThreadPoolExecutor(cores()) as executor:
        for _ in prefetch_map(
            executor, partial(decode, resize=encoder.resize), paths, ahead=_BATCH
        ):
            pass
    return perf_counter() - began


def _encode_seconds(paths: Sequence[Path], encoder: Encoder) -> float:
    pixels = [decode(path, encoder.resize).pixels for path in paths]
    encoder.encode(pixels[:_BATCH])  # compiled before the clock starts, for this and the next
    began = perf_counter()
    for batch in batched(pixels, _BATCH):
        encoder.encode(batch)
    return perf_counter() - began


def _our_seconds(paths: Sequence[Path], encoder: Encoder) -> float:
    with TemporaryDirectory() as folder, Finder.create(Path(folder, "b.db"), encoder) as finder:
        began = perf_counter()
        report = finder.add(paths)
        seconds = perf_counter() - began
        assert report.added == len(paths), report
    return seconds


def _plain_seconds(paths: Sequence[Path], model: Path) -> float:
    """What a straightforward script does: one image at a time, through each step."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model)
    with TemporaryDirectory() as folder, _plain_database(Path(folder)) as insert:
        began = perf_counter()
        for path in paths:
            with PIL.Image.open(path) as file:
                image = file.convert("RGB").resize((224, 224), PIL.Image.Resampling.BILINEAR)
            pixels = (np.asarray(image, np.float32) / 127.5 - 1).transpose(2, 0, 1)[None]
            (embedding,) = session.run(["embedding"], {"input": pixels})
            insert(path, embedding.tobytes())
        return perf_counter() - began


@contextmanager
def _plain_database(folder: Path) -> Iterator[Callable[[Path, bytes], None]]:
    """What inserts an embedding, in a transaction of its own."""
    database = sqlite3.connect(folder / "plain.db")
    database.execute("CREATE TABLE embeddings (path TEXT PRIMARY KEY, embedding BLOB)")

    def insert(path: Path, embedding: bytes) -> None:
        database.execute("INSERT INTO embeddings VALUES (?, ?)", (str(path), embedding))
        database.commit()

    try:
        yield insert
    finally:
        database.close()


def _peak_megabytes(images: Path, model: Path) -> float:
    """Of a process of its own that adds the images and does nothing else."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--measure-memory"]
    command += ["--images", str(images), "--model", str(model)]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))


def _memory(images: Path, model: Path) -> float:
    encoder = make_encoder(f"onnx:{model}", OPTIONS)
    with TemporaryDirectory() as folder, Finder.create(Path(folder, "b.db"), encoder) as finder:
        finder.add(images)
    return peak_memory()


def peak_memory() -> float:
    """Of this process, in MB."""
    # not getrusage's ru_maxrss: a new process inherits its parent's
    status = dict(line.split(":\t") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 1024


def _copy_distinct(paths: Sequence[Path], folder: Path, times: int) -> None:
    """The same images again and again, each with other bytes behind its end."""
    for copy in range(times):
        for number, path in enumerate(paths):
            (folder / f"{copy}-{number}.jpg").write_bytes(path.read_bytes() + bytes([copy]))


def processor() -> str:
    """Its name and what matters of its instructions."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    about = dict(line.split("\t: ", 1) for line in lines if "\t: " in line)
    flags = {name.strip(): value for name, value in about.items()}.get("flags", "").split()
    known = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return f"{names[0] if names else 'unknown'} ({', '.join(known)})"


def arguments(
    about: str | None, add: Callable[[argparse.ArgumentParser], None] | None = None
) -> argparse.Namespace:
    """What every benchmark takes, and what ``add`` adds."""
    assets = Path(os.environ.get("IMAGEFINDER_TEST_ASSETS", "."))
    parser = argparse.ArgumentParser(description=(about or "").splitlines()[0])
    parser.add_argument("--images", "--pictures", type=Path, default=assets / "data/grocery/test")
    parser.add_argument("--model", type=Path, default=assets / "models/mobilenet_v2_qat.onnx")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tenfold", action="store_true")
    parser.add_argument("--measure-memory", action="store_true", help=argparse.SUPPRESS)
    if add:
        add(parser)
    given = parser.parse_args()
    if not given.images.is_dir() or not given.model.exists():
        sys.exit("give --images and --model, or set IMAGEFINDER_TEST_ASSETS to a folder of both")
    return given


if __name__ == "__main__":
    main()
