"""What the ports of the streams have in common: MessageSource, Publisher and DeadLetters."""


class StreamsUnusable(Exception):
    """The server refuses what is asked and will go on doing so until a setting, a right or a key is changed."""
