"""Runs notebooks, each in a fresh kernel, and keeps what they show.

python notebooks/execute.py notebooks/*.ipynb
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

_PATIENCE = 600  # seconds for a cell


def execute(path: Path) -> None:
    """In the notebook's own folder. Raises CellExecutionError, and leaves the file as it is."""
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(
        notebook, timeout=_PATIENCE, resources=where, record_timing=False, coalesce_streams=True
    )
    client.execute()
    notebook.metadata["language_info"] = {"name": "python"}  # whatever version ran it
    nbformat.write(notebook, path)  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        execute(Path(name))
