"""Read and explain: look-ups, positions, derivations, LSF history, refused messages."""
