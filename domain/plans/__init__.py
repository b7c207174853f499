"""Exit plans, their decisions, and the first difference between two decisions."""
