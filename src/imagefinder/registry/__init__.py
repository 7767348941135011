"""Registry: names to plug-ins, recipes to encoders."""
