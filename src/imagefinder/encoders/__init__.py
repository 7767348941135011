"""From images to features: one file for each kind of encoder."""
