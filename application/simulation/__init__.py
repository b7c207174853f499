"""Positions of a file on candles, and their totals."""
