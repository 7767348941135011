"""A client or a server that is killed while images are added: the end is the same."""

import signal
from pathlib import Path

from imagefinder import Finder
from imagefinder.catalogue.comparison import compare_catalogues

from ..postgres_server import Server
from .program import answer, run_in, started, until


def test_a_killed_client_and_a_crashed_server_cost_nothing(
    postgres: Server, caches: Path, gallery: Path, images: list[Path], tmp_path: Path
) -> None:
    whole, url = postgres.url(), postgres.url()
    with Finder.create(whole, "dhash") as finder:
        finder.add(gallery)
    words = ("add", gallery, "--encoder", "dhash", "--db", url)
    with started(tmp_path, *words) as client:
        until(lambda: postgres.images(url) > 0)
        client.kill()
    first = postgres.images(url)
    assert first > 0
    with started(tmp_path, *words) as client:
        until(lambda: postgres.images(url) > first or client.poll() is not None)
        postgres.stop(signal.SIGQUIT)
        postgres.start()
        assert client.wait() == 0, client.stderr and client.stderr.read()
    assert postgres.images(url) == len(images)
    assert answer(run_in(tmp_path, *words, "--json"))["unchanged"] == len(images)
    assert compare_catalogues(whole, url).is_equal
