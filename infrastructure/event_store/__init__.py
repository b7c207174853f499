"""The event store behind the exit ledger."""
