"""Task: one thing that one machine of a cluster does, again elsewhere if its worker is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from imagefinder.cluster.session import first_done
from imagefinder.errors import ClusterError, ImageFinderError

_RETRIES = 3  # after the first attempt

Result = TypeVar("Result")


def run_task(ray: Any, function: Callable[..., Result], *arguments: object) -> Result:
    """What a function returns that one worker runs, with all cores of the largest machine.

    Raises what it raises, and ClusterError if every worker that tries it is lost.
    """
    task = ray.remote(num_cpus=_most_cores(ray), max_retries=_RETRIES)(function)
    try:
        result: Result = ray.get(first_done(ray, [task.remote(*arguments)]))
    except ray.exceptions.RayTaskError as error:
        raise own_error(error) from error
    except ray.exceptions.RayError as error:
        raise ClusterError(
            f"{_RETRIES + 1} workers were lost with it, one after the other: is memory short?"
        ) from error
    return result


def own_error(error: Any) -> Exception:
    """The error of ours that a worker has raised, or else that of Ray, which shows where it was."""
    cause = error.cause
    return cause if isinstance(cause, ImageFinderError) else error


def _most_cores(ray: Any) -> float:
    """Of one machine, so that the task has it for itself."""
    machines = [node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"]]
    return max(machines, default=1) or 1
