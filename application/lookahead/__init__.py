"""The look-ahead test: everything after a moment is perturbed, and nothing decided by then may move."""
