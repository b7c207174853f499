"""The in-memory adapters for paper mode, replay and tests."""
