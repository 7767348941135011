"""Cluster: catalogues that many machines fill. The only room that knows Ray."""

from imagefinder.cluster.add import ClusterOptions, add

__all__ = ["ClusterOptions", "add"]
