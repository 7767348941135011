"""Measurements, each a ratio in one run; see its own first lines."""
