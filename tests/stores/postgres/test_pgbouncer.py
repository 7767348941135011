"""Behind PgBouncer, which gives every transaction another connection of the server."""

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import psycopg
import pytest

from imagefinder.stores.postgres.store import PostgresStore
from imagefinder.testing.contracts import check_store, check_upgradable, random_entries
from imagefinder.types import Entry, IndexChoice, Recipe, Store

from ...ports import free_port
from ...postgres_server import Server

RECIPE = Recipe("test", {}, 8, "cosine")
SETTINGS = """
[databases]
postgres = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
auth_type = any
pool_mode = transaction
default_pool_size = 3
server_reset_query_always = 1
server_reset_query = DISCARD ALL
unix_socket_dir =
"""


@pytest.fixture(scope="module")
def pooler(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Its port; three connections serve all clients."""
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")
    if program is None:
        pytest.skip("there is no pgbouncer: apt-get install pgbouncer")
    port = free_port()
    settings = postgres.folder / "pgbouncer.ini"
    as_user = "user = nobody\n" if os.geteuid() == 0 else ""  # it refuses to run as root
    settings.write_text(SETTINGS.format(server=postgres.port, port=port) + as_user)
    with subprocess.Popen([program, "-q", str(settings)]) as process:
        wait_for(port, process)
        yield port
        process.terminate()


def wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    while True:
        assert process.poll() is None, "pgbouncer has ended"
        try:
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            continue
        return


def behind(url: str, port: int) -> str:
    account, _, name = url.partition("#")
    return f"{account.rpartition(':')[0]}:{port}/postgres#{name}"


def test_a_store_behind_it_keeps_the_contract(postgres: Server, pooler: int, caches: Path) -> None:
    def create(recipe: Recipe) -> Store:
        return PostgresStore.create(
            behind(postgres.url(), pooler), recipe, IndexChoice("pgvector-hnsw")
        )

    check_store(create, "cosine")
    check_upgradable(create, "cosine")


def test_many_clients_share_few_connections(postgres: Server, pooler: int, caches: Path) -> None:
    url = behind(postgres.url(), pooler)
    entries = random_entries(80, 8)
    failed: list[BaseException] = []

    def work(part: list[Entry]) -> None:
        try:
            with closing(PostgresStore.open(url)) as own:
                own.write(part)
                for entry in part[:3]:
                    assert own.search(np.asarray(entry.features), 1).keys[0, 0] == entry.record.key
        except BaseException as error:
            failed.append(error)

    with closing(PostgresStore.create(url, RECIPE)) as store:
        threads = [
            threading.Thread(target=work, args=(entries[start : start + 10],))
            for start in range(0, 80, 10)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failed
        assert len(store) == 80
