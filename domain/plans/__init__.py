"""ExitPlan, its decisions, and the first difference between two of them."""
