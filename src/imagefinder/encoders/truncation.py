"""Truncation of embeddings to their first dimensions, where those are embeddings as well."""

from __future__ import annotations

from imagefinder.similarity import normalized_for
from imagefinder.types import Encoder, Features


def truncated(vectors: Features, dim: int | None, encoder: Encoder) -> Features:
    """The first ``dim`` columns, of unit length again where the measure is cosine; None for all.

    Raises ValueError unless the encoder has the class attribute ``truncatable``.
    """
    if dim is None or dim == encoder.dim:
        return vectors
    if dim > encoder.dim:
        raise ValueError(f"the vectors have {encoder.dim}, which are fewer than {dim}")
    if not getattr(encoder, "truncatable", False):
        raise ValueError(
            f"vectors of this encoder have {encoder.dim}, and cannot be truncated: serve a "
            f"catalogue made with an encoder of {dim}, which imagefinder reduce makes"
        )
    return normalized_for(encoder.measure, vectors[:, :dim])
