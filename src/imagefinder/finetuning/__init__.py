"""Encoders that learn from one's own pictures; needs the extra ``train``, searching does not."""

from imagefinder.finetuning.moment import Moment
from imagefinder.finetuning.outcome import Outcome
from imagefinder.finetuning.run import train
from imagefinder.finetuning.settings import OBJECTIVES, Settings

__all__ = ["OBJECTIVES", "Moment", "Outcome", "Settings", "train"]
