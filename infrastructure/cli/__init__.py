"""The command line: one module per verb, and the few helpers they share."""
