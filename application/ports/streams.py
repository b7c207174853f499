"""What the stream ports MessageSource, Publisher and DeadLetters share."""

from exitbrain.domain.errors import ExitBrainError


class StreamsUnusable(ExitBrainError):
    """The server refuses the request, and will until a setting, a permission or a key is changed."""
