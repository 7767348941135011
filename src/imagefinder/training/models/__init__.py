"""Networks that can be fine-tuned."""
