"""What it costs to decode an image, read from its header before a decoder sees it."""
