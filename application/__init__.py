"""The use cases: what ExitBrain does with a message, a decision or a question."""
