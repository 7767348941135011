"""Catalogues in PostgreSQL, with pgvector: each is a schema of its own."""
