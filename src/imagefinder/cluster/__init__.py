"""Cluster: catalogues that many machines fill and search. The only room that knows Ray."""

from imagefinder.cluster.add import add
from imagefinder.cluster.options import ClusterOptions
from imagefinder.cluster.search import search

__all__ = ["ClusterOptions", "add", "search"]
