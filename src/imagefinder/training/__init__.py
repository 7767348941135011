"""Training of image encoders; needs the extra ``train``, and nothing here is needed to search."""
