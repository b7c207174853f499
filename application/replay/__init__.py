"""Recompute and compare: decisions, intake, context, foreign engines."""
