"""Attacks a server of its own on this machine, and checks that it withstands.

    python -m tests.attack [ATTACK…]

All the while its health check must be answered within a second, its memory stay under 600 MB, and
no response be a 500; at the end an ordinary search must find its image. Takes about a minute.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ..e2e.program import PROGRAM, clean_env, served
from .attacks import ATTACKS, IMAGE, Attack
from .client import Target
from .images import png
from .watch import Watch

_IMAGES = 60
_MAX_SECONDS = 1.0
_MAX_MEGABYTES = 600


def main(names: list[str]) -> int:
    chosen = [attack for attack in ATTACKS if not names or attack.__name__ in names]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "images").mkdir()
        for seed in range(_IMAGES):
            (folder / "images" / f"{seed:02}.png").write_bytes(png(seed))
        add = [*PROGRAM, "add", "images", "--db", "a.db"]
        subprocess.run(add, cwd=folder, env=clean_env(), check=True, stdout=subprocess.DEVNULL)
        options = ("--db", "a.db", "--writable", "--uploads", "kept", "--timeout", "15")
        with served(folder, *options) as (client, process, log):
            target = Target(client.base_url.port or 80)
            found = [_withstands(attack, target, process.pid) for attack in chosen]
            assert process.poll() is None, log.read_text()[-2000:]
            found.append(_still_finds(target))
        _print_errors(log)
    return 0 if all(found) else 1


def _withstands(attack: Attack, target: Target, process: int) -> bool:
    target.statuses.clear()
    began = time.monotonic()
    with Watch(target, process) as watch:
        attack(target)
    seconds = time.monotonic() - began
    good = (
        not watch.failures
        and watch.slowest <= _MAX_SECONDS
        and watch.megabytes < _MAX_MEGABYTES
        and not target.statuses[500]
    )
    statuses = ", ".join(f"{status}: {times}" for status, times in sorted(target.statuses.items()))
    print(
        f"{'ok' if good else 'FAILED':6} {attack.__name__:24} {seconds:5.1f} s, health within "
        f"{watch.slowest:.2f} s, {watch.megabytes} MB; {statuses}",
        *(f"health {status}" for status in watch.failures),
        flush=True,
    )
    return good


def _still_finds(target: Target) -> bool:
    status, body = target.send("/v1/search", (IMAGE, png(7)), ('name="k"', b"1"))
    name = json.loads(body)["hits"][0]["name"] if status == 200 else None
    print("ok    " if name == "07.png" else "FAILED", "a search at the end finds", name)
    return name == "07.png"


def _print_errors(log: Path) -> None:
    for line in log.read_text().splitlines():
        if '"error"' in line:
            print(line[:2000])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
