"""Stores: the truth behind a catalogue, one folder for each kind."""
