"""What the ports of the streams have in common: MessageSource, Publisher and DeadLetters."""

from exitbrain.domain.errors import ExitBrainError


class StreamsUnusable(ExitBrainError):
    """The server refuses what is asked and will go on doing so until a setting, a right or a key is changed."""
