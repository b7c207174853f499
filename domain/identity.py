"""Ids derived from meaningful parts, so the same thing has the same id in every process and replay."""

from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote
from uuid import NAMESPACE_DNS, UUID, uuid5

NAMESPACE = uuid5(NAMESPACE_DNS, "exitbrain")

# The characters that percent-encoding keeps.
_UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.~-"
_VERSION_AND_VARIANT = ~((0xF << 76) | (0x3 << 62))
_UUID8 = (8 << 76) | (2 << 62)
_HASH_BITS = (1 << 80) - 1


def id_of(*parts: object) -> UUID:
    """Return the uuid5, in our namespace, of the percent-encoded parts joined by "/"."""
    texts = [str(part) for part in parts]
    if "".join(texts).strip(_UNRESERVED):
        texts = [quote(text, safe="") for text in texts]
    return uuid5(NAMESPACE, "/".join(texts))


# Cached, because handling one message needs the same ids several times.


@lru_cache(maxsize=4096)
def position_id(account: str, symbol: str, position_side: str, cycle: int) -> UUID:
    """Return the id of a position (one round trip); the first cycle is 1."""
    return id_of(account, symbol, position_side, cycle)


@lru_cache(maxsize=4096)
def plan_id(position: UUID) -> UUID:
    """Return the id of the exit plan of a position."""
    return id_of("plan", position)


def decision_id(plan: UUID, revision: int) -> UUID:
    """Return the id of a level computation; the first revision of a plan is 1."""
    return id_of(plan, revision)


@lru_cache(maxsize=4096)
def claim_id(kind: str, account: str, symbol: str, value: str) -> UUID:
    """Return the id that lets a business key (such as the order id of a close) be claimed only once."""
    return id_of("claim", kind, account, symbol, value)


def snapshot_id(content_hash: str) -> UUID:
    """Return the id of an instrument snapshot from the hash of its content."""
    return id_of("instrument", content_hash)


@lru_cache(maxsize=4096)
def receipt_id(source: str, entry_id: str, time_ms: int) -> UUID:
    """Return the time-ordered receipt id of a message (UUID version 8).

    The first 48 bits are `time_ms` (from the stream id, else the message, else 0); the rest comes from the
    SHA-256 of source and entry id. Random keys would halve the speed of appending.
    """
    digest = sha256(f"{_percent_encoded(source)}/{_percent_encoded(entry_id)}".encode()).digest()
    tail = int.from_bytes(digest[:10], "big") & _HASH_BITS
    head = min(max(time_ms, 0), (1 << 48) - 1) << 80
    return UUID(int=(head | tail) & _VERSION_AND_VARIANT | _UUID8)


def _percent_encoded(part: str) -> str:
    return quote(part, safe="") if part.strip(_UNRESERVED) else part


REGISTER_ID = id_of("policy-register")
STORE_ID = id_of("store")
CONFIGURATION_ID = id_of("intake-configuration")
