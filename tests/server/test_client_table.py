"""The table of clients: what it remembers, for how many, and that nobody who dies blocks it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagefinder.server.client_table import Bucket, ClientTable

CLIENTS = st.sampled_from([f"203.0.113.{n}" for n in range(6)])


def put(table: ClientTable, client: str, tokens: float, updated: float) -> None:
    with table.bucket(client) as bucket:
        bucket.tokens, bucket.updated = tokens, updated


def get(table: ClientTable, client: str) -> Bucket:
    with table.bucket(client) as bucket:
        return Bucket(bucket.tokens, bucket.updated)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> list[ClientTable]:
    """Three tables over one file."""
    file = tmp_path_factory.mktemp("table") / "clients"
    ClientTable.create(file)
    return [ClientTable(file) for _ in range(3)]


@given(st.lists(st.tuples(st.integers(0, 2), CLIENTS, st.floats(0, 1e6)), max_size=30))
def test_all_see_what_any_of_them_has_written(
    shared: list[ClientTable], writes: list[tuple[int, str, float]]
) -> None:
    expected = {}
    for number, client, tokens in writes:
        put(shared[number], client, tokens, 1.0)
        expected[client] = Bucket(tokens, 1.0)
    for client, bucket in expected.items():
        assert [get(table, client) for table in shared] == [bucket] * 3


def test_the_clients_of_last_are_remembered_and_those_of_long_ago_make_room() -> None:
    table = ClientTable()
    for number in range(60_000):
        put(table, str(number), 1.0, float(number))
    assert get(table, "59999") == Bucket(1.0, 59999.0)
    assert get(table, "0") == Bucket()
    last = sum(get(table, str(number)).updated is not None for number in range(59_000, 60_000))
    assert last == 1000


def test_a_new_client_is_not_known() -> None:
    assert get(ClientTable(), "203.0.113.1") == Bucket()


def test_what_two_servers_hash_is_not_the_same() -> None:
    assert ClientTable()._secret != ClientTable()._secret


@pytest.mark.skipif(os.name != "posix", reason="several workers need its locks")
def test_who_dies_while_writing_locks_nobody_out(tmp_path: Path) -> None:
    file = tmp_path / "clients"
    ClientTable.create(file)
    dying = (
        "import os, sys; from pathlib import Path\n"
        "from imagefinder.server.client_table import ClientTable\n"
        "with ClientTable(Path(sys.argv[1])).bucket('a'): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", dying, file], check=False).returncode == -9
    table = ClientTable(file)
    put(table, "a", 2.0, 3.0)
    assert get(table, "a") == Bucket(2.0, 3.0)
