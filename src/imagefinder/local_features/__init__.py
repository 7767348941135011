"""Local features: keypoints with descriptors, their matching and aggregation."""
