"""Position, and the window of its recent results."""
