"""Local features: what is seen where in a picture."""
