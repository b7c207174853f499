"""What a worker shows: journal, metrics, health."""
