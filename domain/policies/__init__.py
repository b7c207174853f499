"""Policies, their register and fingerprints, and their formulas."""
