"""Policies, their register and fingerprints, and the formulas behind them."""
