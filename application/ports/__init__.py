"""Interfaces to the outside world, one per file."""
