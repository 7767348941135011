"""Executes notebooks, each in a fresh kernel, and stores their outputs.

python notebooks/execute.py notebooks/*.ipynb
"""

from __future__ import annotations

import sys
from contextlib import chdir
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from traitlets.config import Config

_PATIENCE = 600  # seconds for a cell
_SOCKETS = Config({"KernelManager": {"transport": "ipc"}})  # no ports that another may take


def execute(path: Path) -> None:
    """In the notebook's own folder. Raises CellExecutionError, and leaves the file as it is."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook,
        timeout=_PATIENCE,
        resources=where,
        record_timing=False,
        coalesce_streams=True,
        config=_SOCKETS,
    )
    with chdir(path.parent):  # the sockets have relative names
        client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # whatever version ran it
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        execute(Path(name).absolute())
