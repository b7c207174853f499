"""The laboratory: the same history under other policies, many decisions at a time."""
