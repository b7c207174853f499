"""What the application asks of the outside, one conversation per file."""
