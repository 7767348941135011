"""Verification: whether two images are the same, at a stated false-positive rate."""
