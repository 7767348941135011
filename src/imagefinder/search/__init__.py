"""Retrieval: from a query to a ranking to hits."""
