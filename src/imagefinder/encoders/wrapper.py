"""EncoderWrapper: the base of encoders that answer in another one's place."""

from __future__ import annotations

from imagefinder.types import Encoder, Measure, Resize


class EncoderWrapper:
    """Has the recipe and the properties of the encoder that it wraps."""

    def __init__(self, encoder: Encoder) -> None:
        """Wraps any encoder."""
        self.wrapped = encoder

    @property
    def dim(self) -> int:
        """See Encoder."""
        return self.wrapped.dim

    @property
    def measure(self) -> Measure:
        """See Encoder."""
        return self.wrapped.measure

    @property
    def resize(self) -> Resize:
        """See Encoder."""
        return self.wrapped.resize

    @property
    def truncatable(self) -> bool:
        """See Encoder."""
        return bool(getattr(self.wrapped, "truncatable", False))
