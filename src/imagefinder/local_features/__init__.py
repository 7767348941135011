"""Local features: what is seen where in an image."""
