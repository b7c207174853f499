"""ExitBrain: record, replay, question and prove the exit decisions of leveraged futures positions."""

__version__ = "0.1.0"
