"""The loops of a worker and their supervisor."""
