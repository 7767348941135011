"""Catalogues: a store, its encoder, extractor and limits."""
