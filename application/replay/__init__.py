"""Recomputing the record and comparing: decisions, intake, context, foreign engines."""
