"""Encoders that learn from one's own images; needs the extra ``train``, searching does not."""

from imagefinder.training.progress import Moment
from imagefinder.training.result import Outcome
from imagefinder.training.settings import OBJECTIVES, Settings
from imagefinder.training.train import train

__all__ = ["OBJECTIVES", "Moment", "Outcome", "Settings", "train"]
