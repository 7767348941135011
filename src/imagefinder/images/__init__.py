"""Images: any source to upright RGB pixels."""
