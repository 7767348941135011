"""A real Ray on this machine, whose workers end in the midst of a task."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from imagefinder.cluster.task import run_task
from imagefinder.errors import ClusterError, PluginError


def test_a_task_whose_worker_is_lost_begins_again(ray: Any, tmp_path: Path) -> None:
    def mortal(folder: Path) -> int:
        attempt = len(list(folder.iterdir()))
        (folder / str(attempt)).touch()
        if attempt < 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return attempt

    assert run_task(ray, mortal, tmp_path) == 2


def test_a_task_that_ends_every_worker_is_given_up(ray: Any) -> None:
    def deadly() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(ClusterError, match="4 workers were lost"):
        run_task(ray, deadly)


def test_an_error_of_ours_comes_back_as_it_was(ray: Any) -> None:
    def refused() -> None:
        raise PluginError("too few")

    with pytest.raises(PluginError, match=r"^too few$"):
        run_task(ray, refused)
    with pytest.raises(ray.exceptions.RayTaskError, match="division by zero"):
        run_task(ray, lambda: 1 / 0)
