"""The level formulas, each written once over a small closed algebra, and their interpreters."""
