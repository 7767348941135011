"""Retrieval evaluation: precision, recall, mAP and nDCG against a ground truth."""

from imagefinder.evaluation.config import EvalConfig
from imagefinder.evaluation.evaluate import evaluate
from imagefinder.evaluation.html_report import prepare, save
from imagefinder.evaluation.report import Evaluation

__all__ = ["EvalConfig", "Evaluation", "evaluate", "prepare", "save"]
