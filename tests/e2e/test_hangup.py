"""SIGHUP at a server of one process, which has nobody to replace it."""

import signal
import sys
from pathlib import Path

import pytest

from .program import served, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")


def test_a_single_process_goes_on_and_says_what_to_do(tmp_path: Path) -> None:
    words = ("--db", tmp_path / "new.db", "--writable", "--encoder", "dhash")
    with served(tmp_path, *words) as (client, process, log):
        process.send_signal(signal.SIGHUP)
        until(lambda: process.poll() is not None or "restart it" in log.read_text())
        assert client.get("/readyz").status_code == 200
