"""For tests of plug-ins: contract checks, and synthetic images."""
