"""The supervisor's cases send signals to their own process, so they have one of their own.

What other tests have left in a process (handlers, threads, children) does not decide them there,
and a signal too many ends them alone.
"""

import subprocess
import sys
from pathlib import Path

CASES = Path(__file__).with_name("supervisor_cases.py")


def test_all_cases_of_the_supervisor_pass() -> None:
    words = ("-q", "-p", "no:xdist", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *words, str(CASES)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
