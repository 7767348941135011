"""Index: that of a catalogue in Lance, built by a machine of a cluster.

The others are built where they are searched: in the memory of each program, or by a database.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from imagefinder.catalogue.catalogue import Catalogue
from imagefinder.cluster.options import ClusterOptions
from imagefinder.cluster.session import ray_session
from imagefinder.cluster.task import run_task
from imagefinder.errors import PluginError
from imagefinder.registry.factory import check_index_choice
from imagefinder.registry.plugins import find_plugin
from imagefinder.stores.location import store_of
from imagefinder.stores.opening import located, open_store
from imagefinder.types import IndexChoice

_STORE = "lance"  # whose indexes lie among its files, where any machine can put them


def build_index(
    catalogue: Catalogue,
    location: str | os.PathLike[str],
    kind: str,
    index_options: Mapping[str, Any] | None = None,
    options: ClusterOptions | None = None,
) -> IndexChoice:
    """Build an index as ``Catalogue.use_index`` does, by one machine of a cluster.

    Returns the choice with all of its options. If the worker is lost, another begins again. Until
    the index is built and its audit is passed, searches go on as before; a catalogue that is open
    searches by it when it is opened again. Raises PluginError for a kind that is not built in the
    catalogue's files, or finds too little, and ClusterError.
    """
    choice = IndexChoice(kind, dict(index_options or {}))
    check_kind(location, kind)
    check_index_choice(choice, catalogue.recipe.dim, catalogue.recipe.measure)
    with ray_session((options or ClusterOptions()).address) as ray:
        return run_task(ray, _build, str(located(location)), choice)


def check_kind(location: str | os.PathLike[str], kind: str) -> None:
    """Raises PluginError for an index that no machine can build for the others."""
    by = find_plugin("indexes", kind).store
    if by == store_of(location) == _STORE:
        return
    where = "by the database itself" if by == "postgres" else "in the memory of each program"
    raise PluginError(
        f"a cluster builds indexes that lie in the files of a catalogue, as lance-ivf-pq and "
        f"lance-ivf-rq do in Lance: {kind} is built {where}, by `imagefinder index build {kind}`"
    )


def _build(location: str, choice: IndexChoice) -> IndexChoice:
    store = open_store(location)
    try:
        store.use_index(choice)
        return store.index
    finally:
        store.close()
