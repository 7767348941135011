"""`watch`, alone and beside a server: other processes, and the operating system's events."""

import json
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from .program import Run, misuse, refusal, served, started, until


def next_line(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    assert process.stdout is not None
    told: dict[str, Any] = json.loads(process.stdout.readline())
    return told


def children(pid: int) -> list[int]:
    listed = list(Path(f"/proc/{pid}/task").glob("*/children"))
    if not listed:
        pytest.skip("this system does not list the children of a process")
    return [int(one) for file in listed for one in file.read_text().split()]


def test_changes_are_told_line_by_line_until_it_is_stopped(tmp_path: Path, folder: Path) -> None:
    with started(
        tmp_path, "watch", folder, "--encoder", "phash", "--settle", "0.1", "--json"
    ) as process:
        first = next_line(process)
        assert (first["folder"], first["problem"]) == (str(folder), None)
        shutil.copyfile(folder / "a.jpg", folder / "copy.jpg")
        assert next_line(process)["added"] == 1
        (folder / "copy.jpg").unlink()
        assert next_line(process)["removed"] == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0


def test_a_missing_folder_is_said(run: Run, tmp_path: Path) -> None:
    assert "no folder" in refusal(run("watch", tmp_path / "none", "--encoder", "phash"))
    assert "no folder" in misuse(run("serve", "--watch", tmp_path / "none"))


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_server_watches_by_a_process_that_ends_with_it(
    tmp_path: Path, folder: Path, ending: signal.Signals
) -> None:
    words = ("--watch", folder, "--encoder", "phash")
    with served(tmp_path, *words) as (client, process, _):

        def images() -> int:
            return int(client.get("/readyz").json()["images"])

        until(lambda: images() > 0)
        before = images()
        (folder / "b.jpg").rename(folder / "moved.jpg")
        shutil.copyfile(folder / "a.jpg", folder / "again.jpg")
        (folder / "a.jpg").unlink()
        (folder / "new.jpg").write_bytes((folder / "moved.jpg").read_bytes() + b"\0")
        until(lambda: images() == before + 1)
        watching = children(process.pid)
        assert watching
        process.send_signal(ending)
        process.wait()
        until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in watching))
