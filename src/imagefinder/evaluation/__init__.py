"""How well an encoder finds what belongs together."""
