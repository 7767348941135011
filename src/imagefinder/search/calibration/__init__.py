"""Match calibration: score distributions, thresholds and probabilities."""
