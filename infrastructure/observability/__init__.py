"""Journal, metrics and health of a worker."""
