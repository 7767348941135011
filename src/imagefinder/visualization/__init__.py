"""Visualization: HTML pages, plots and maps."""
