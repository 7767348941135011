"""How well images that belong together are found."""

from imagefinder.evaluation.evaluate import evaluate
from imagefinder.evaluation.html_report import ready, save
from imagefinder.evaluation.report import Evaluation

__all__ = ["Evaluation", "evaluate", "ready", "save"]
