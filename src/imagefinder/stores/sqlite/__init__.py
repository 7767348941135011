"""The SQLite store: a catalogue in one file, the embedded default."""
