"""The names of streams, groups and keys as they are without settings."""

from exitbrain.infrastructure.wire.stream_names import Names

NAMES = Names()
STORE = "0b7f3f0e-0000-4000-8000-000000000001"
"""The id of the store for which streams are read."""

TRADE_INTENTS, TRADE_CLOSES = INCOMING = NAMES.incoming
ADAPTIVE_LEVELS, EVENTS, LEASE = NAMES.adaptive_levels, NAMES.events, NAMES.lease
PUBLISHED = NAMES.published
group_of, dead_letters_of = NAMES.group_of, NAMES.dead_letters_of
