"""Positions, their events, and the window of an account's recent results."""
