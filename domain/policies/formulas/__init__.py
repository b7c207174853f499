"""The level formulas, each written once in a small closed algebra, and their interpreters."""
