"""Instruments from files, and sources combined."""
