"""The shapes of messages, in and out. Knows no transport."""
