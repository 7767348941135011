"""ASGI middleware, one file for each."""
