"""Stores: the system of record behind a catalogue, one folder for each kind."""
