"""The tests; a package, so that shared helpers are imported as `tests.<folder>.<module>`."""
