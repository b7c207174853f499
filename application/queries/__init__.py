"""Queries: look-ups, positions, derivations, LSF history, refused messages."""
