"""Caches that answer "which rows are nearest?": one file for each kind."""
