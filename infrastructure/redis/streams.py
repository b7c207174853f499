"""The names that others rely on: streams, consumer groups, keys."""

from exitbrain.domain.messages import TRADE_CLOSED, TRADE_INTENT
from exitbrain.infrastructure.wire.incoming import STREAM_PREFIX

TRADE_INTENTS = f"{STREAM_PREFIX}{TRADE_INTENT}"
TRADE_CLOSES = f"{STREAM_PREFIX}{TRADE_CLOSED}"
INCOMING = (TRADE_INTENTS, TRADE_CLOSES)

ADAPTIVE_LEVELS = f"{STREAM_PREFIX}exitbrain.adaptive_levels"
EVENTS = f"{STREAM_PREFIX}exitbrain.events"

TURN = "quantum:turn:exitbrain"
"""The key that names the consumer whose turn it is to read."""


def group_of(stream: str) -> str:
    """Return the consumer group under which we read a stream."""
    return f"quantum:group:exitbrain:{stream.removeprefix(STREAM_PREFIX)}"


def dead_letters_of(stream: str) -> str:
    """Return the stream for what of an incoming stream was refused."""
    return f"quantum:dlq:{stream.removeprefix(STREAM_PREFIX)}"


def published_key(stream: str) -> str:
    """Return the key that says up to where a stream is published; in a cluster it shares its slot."""
    return f"{{{stream}}}:published"
