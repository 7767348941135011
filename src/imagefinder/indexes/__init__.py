"""Indexes: embeddings to k nearest neighbors (k-NN), one file for each kind."""
