"""Embeddings benchmark: images per second of ``/v1/embeddings``, beside FastEmbed in its process.

    python -m benchmarks.embeddings --peer PYTHON [--images 256] [--batch 16] [--rounds 3]

``PYTHON`` is that of an environment with ``fastembed``, which has no server: it embeds files in its
own process, by ONNX Runtime. Ours are posted to a server as base64, by one client and by four.
Both run the same graph (MobileNetV2) on the same photographs, in turn; FastEmbed's cropping and
interpolation are asked of ours too, and the least cosine of two vectors of an image is reported.
Client and server share the processor.
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx
import numpy as np

from benchmarks.ingest import processor
from benchmarks.retrieval import assets, images_of
from benchmarks.serving import served
from imagefinder import Finder, embed, make_encoder
from imagefinder._utils.concurrency import batched, cores
from imagefinder.types import Encoder, Features

_CLIENTS = 4
_SIDE = 224
_PREPROCESSOR = {
    "image_processor_type": "CLIPImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": _SIDE},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": _SIDE, "width": _SIDE},
    "do_rescale": True,
    "do_normalize": True,
    "image_mean": [0.485, 0.456, 0.406],
    "image_std": [0.229, 0.224, 0.225],
}
_PEER = """\
import json, sys, time
import numpy as np
from fastembed import ImageEmbedding
folder, batch, rounds, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
paths = json.load(sys.stdin)
model = ImageEmbedding("Qdrant/resnet50-onnx", specific_model_path=folder, local_files_only=True)
seconds = []
for _ in range(rounds + 1):
    began = time.perf_counter()
    vectors = list(model.embed(paths, batch_size=batch))
    seconds.append(time.perf_counter() - began)
np.save(out, np.stack(vectors))
print(json.dumps(seconds[1:]))
"""


def main() -> None:
    """Run the benchmark."""
    given = _arguments()
    paths = [str(path) for path in images_of(given.data, "clothing")][: given.images]
    print(f"{processor()}, {cores()} cores; {len(paths)} photographs, {given.batch} at a time\n")
    encoder = make_encoder(
        f"onnx:{given.model}", {"resize": "crop", "keep": 1.0, "filter": "bicubic"}
    )
    with TemporaryDirectory() as folder:
        catalogue = Path(folder, "c.db")
        with Finder.create(catalogue, encoder) as finder:
            name = finder.recipe.encoder
        with served(catalogue, Path(folder, "log")) as (port, _):
            ask = _asking(f"http://127.0.0.1:{port}/v1/embeddings", name, paths, given.batch)
            rates = {
                f"/v1/embeddings, clients: {clients}": _rate(
                    partial(ask, clients), len(paths), given.rounds
                )
                for clients in (1, _CLIENTS)
            }
        rates["embed() in a process"] = _rate(
            lambda: embed(paths, encoder), len(paths), given.rounds
        )
        peer, vectors = _peer(given, paths, Path(folder))
        for name, rate in rates.items():
            print(f"{name}: {rate:.1f} images/s, {rate / peer:.2f} of FastEmbed's {peer:.1f}")
        print(f"least cosine to FastEmbed's vectors: {_least_cosine(paths, encoder, vectors):.4f}")


def _asking(
    url: str, model: str, paths: Sequence[str], batch: int
) -> Callable[[int], Sequence[object]]:
    """Posts all images, by so many clients at a time."""
    encoded = [base64.b64encode(Path(path).read_bytes()).decode() for path in paths]
    bodies = [
        {"model": model, "input": [{"image": one} for one in some], "encoding_format": "base64"}
        for some in batched(encoded, batch)
    ]

    def ask(clients: int) -> Sequence[object]:
        with (
            httpx.Client(timeout=60) as client,
            ThreadPoolExecutor(clients) as threads,
        ):
            return list(
                threads.map(lambda body: client.post(url, json=body).raise_for_status(), bodies)
            )

    return ask


def _rate(work: Callable[[], object], images: int, rounds: int) -> float:
    """Images per second in the median; the first round is left out."""
    rates = []
    for _ in range(rounds + 1):
        began = perf_counter()
        work()
        rates.append(images / (perf_counter() - began))
    return median(rates[1:])


def _peer(given: argparse.Namespace, paths: Sequence[str], folder: Path) -> tuple[float, Features]:
    model = folder / "model"
    model.mkdir()
    (model / "model.onnx").write_bytes(given.model.read_bytes())
    (model / "preprocessor_config.json").write_text(json.dumps(_PREPROCESSOR))
    out = folder / "peer.npy"
    command = [given.peer, "-c", _PEER, model, str(given.batch), str(given.rounds), out]
    done = subprocess.run(
        command, input=json.dumps(list(paths)), stdout=subprocess.PIPE, text=True, check=True
    )
    return len(paths) / median(json.loads(done.stdout)), np.load(out)


def _least_cosine(paths: Sequence[str], encoder: Encoder, others: Features) -> float:
    ours = embed(paths, encoder)
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(others, axis=1)
    return float(((ours * others).sum(axis=1) / lengths).min())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    model = assets() / "models" / "mobilenetv2_backbone.onnx"
    parser.add_argument("--peer", default=sys.executable, help="Python that has fastembed")
    parser.add_argument("--model", type=Path, default=model)
    parser.add_argument("--data", type=Path, default=assets() / "data")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
