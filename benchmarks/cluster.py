"""What a cluster costs and gains: images a second of `cluster add`, beside `add`.

    python -m benchmarks.cluster [--images 4000] [--encoder compact] [--rounds 3]

The images are drawn, of the size of small photographs. In turn: `add` on all cores; a cluster of
one machine with all cores; one machine with one core; two machines with one core each. Each adds a
few images and then all; the rate is that of the difference, so that the start of workers and models
does not count.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import PIL.Image

from benchmarks.cluster_kills import local_cluster
from benchmarks.ingest import processor
from benchmarks.upgrade import drawn
from imagefinder._utils.concurrency import cores
from imagefinder.cluster import ClusterOptions
from imagefinder.cluster import add as add_by_cluster
from imagefinder.finder import Finder

_SIZE = 348, 348
_FEW = 256


def main() -> None:
    """Measure, and print."""
    given = _arguments()
    print(processor())
    with TemporaryDirectory() as folder:
        few, many = Path(folder, "few"), Path(folder, "many")
        _draw(few, range(_FEW))
        _draw(many, range(_FEW, _FEW + given.images))
        rates: dict[str, list[float]] = {name: [] for name in _MACHINES}
        for number in range(given.rounds):
            for name, machines in _MACHINES.items():
                catalogue = Path(folder, f"{len(machines)}{sum(machines)}-{number}.db")
                seconds = [
                    _seconds(catalogue, given.encoder, images, machines) for images in (few, many)
                ]
                rates[name].append((given.images - _FEW) / (seconds[1] - seconds[0]))
                print(f"{name}: {rates[name][-1]:.0f} images/s", flush=True)
    here, whole, one, two = (median(found) for found in rates.values())
    print(f"a cluster on the same cores: {whole / here:.2f} of `add`")
    print(f"two machines: {two / one:.2f} of one")


_MACHINES: dict[str, Sequence[int]] = {
    "add": (),
    "cluster of one machine, all cores": (cores(),),
    "cluster of one machine, one core": (1,),
    "cluster of two machines, one core each": (1, 1),
}
"""Ways to add, and the cores of each machine."""


def _seconds(catalogue: Path, encoder: str, images: Path, machines: Sequence[int]) -> float:
    opening = Finder.open if catalogue.exists() else Finder.create
    with opening(catalogue, encoder) as finder:
        if not machines:
            return finder.add(images).seconds
        with local_cluster(machines) as cluster:
            options = ClusterOptions(cluster.address)
            return add_by_cluster(finder, catalogue, images, options).seconds


def _draw(folder: Path, seeds: range) -> None:
    folder.mkdir()
    for seed in seeds:
        image = PIL.Image.fromarray(drawn(seed)).resize(_SIZE, PIL.Image.Resampling.BICUBIC)
        image.save(folder / f"{seed:06}.jpg")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--encoder", default="compact")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()
