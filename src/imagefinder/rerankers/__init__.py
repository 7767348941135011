"""Second looks at the pictures that a search found."""
