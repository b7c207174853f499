"""Simulating the positions of a file on candles, and their totals."""
