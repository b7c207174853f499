"""The worker loops and their supervisor."""
