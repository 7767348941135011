"""Fine-tuning: train an encoder on your own images.

Needs the extra ``train``; searching with the encoder does not.
"""

from imagefinder.training.progress import ProgressEvent
from imagefinder.training.result import TrainingResult
from imagefinder.training.settings import OBJECTIVES, Settings
from imagefinder.training.train import train

__all__ = ["OBJECTIVES", "ProgressEvent", "Settings", "TrainingResult", "train"]
