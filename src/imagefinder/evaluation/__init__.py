"""How well pictures that belong together are found."""

from imagefinder.evaluation.evaluator import evaluate

__all__ = ["evaluate"]
