"""Cluster: catalogues that many machines fill and search. The only room that knows Ray."""

from imagefinder.cluster.add import add
from imagefinder.cluster.audit import IndexAudit, audit
from imagefinder.cluster.evaluate import evaluate
from imagefinder.cluster.fetching import fetching
from imagefinder.cluster.index import build_index
from imagefinder.cluster.options import ClusterOptions
from imagefinder.cluster.search import search
from imagefinder.cluster.session import connected

__all__ = [
    "ClusterOptions",
    "IndexAudit",
    "add",
    "audit",
    "build_index",
    "connected",
    "evaluate",
    "fetching",
    "search",
]
