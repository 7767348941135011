"""Where images' records and vectors are kept: one file for each kind."""
