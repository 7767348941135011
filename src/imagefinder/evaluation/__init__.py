"""How well pictures that belong together are found."""

from imagefinder.evaluation.evaluation import Evaluation
from imagefinder.evaluation.evaluator import evaluate
from imagefinder.evaluation.saving import ready, save

__all__ = ["Evaluation", "evaluate", "ready", "save"]
