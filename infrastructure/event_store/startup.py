"""Check whether a store may be opened, before anything is written to it."""

from dataclasses import dataclass

import msgspec

from exitbrain.application.ports.exit_ledger import ExitLedger, StoreUnavailable, UnreadableEvent
from exitbrain.application.recording.opening import identity_of
from exitbrain.application.replay.intake import whole_log
from exitbrain.domain.identity import STORE_ID
from exitbrain.domain.store import FORMAT, StoreOpened
from exitbrain.infrastructure.event_store.mapper import MAPPER

NEWEST_ENTRIES = 1000
"""How many entries a look takes in: enough to meet a newer writer, few enough to open a large store at once."""


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What a look at a store shows: its encoded `StoreOpened`, and a log position of each of the newest topics.

    `under_log` is the `StoreOpened` of the file alone, where a write-ahead log lies over it.
    """

    opened: bytes | None
    newest_topics: dict[str, int]
    under_log: bytes | None = None


class _Format(msgspec.Struct):
    format: int


class _Identity(msgspec.Struct):
    store_id: str


def check(glimpse: Glimpse, name: str) -> None:
    """Raise StoreUnavailable for a store of another format, one that a newer version has written to, or two in one."""
    if glimpse.opened is not None and glimpse.under_log is not None:
        _check_log_is_its_own(glimpse.opened, glimpse.under_log, name)
    if glimpse.opened is not None:
        _check_format(_format_of(glimpse.opened, name), name)
    for topic, position in glimpse.newest_topics.items():
        _check_topic(topic, position, name)


def check_ledger(ledger: ExitLedger, name: str = "the ledger") -> None:
    """Check the ledger of a host in the same way, through its reads.

    Raises StoreUnavailable, also where the beginning or the register is lost or damaged.
    """
    try:
        head = ledger.head()
        if head == 0:
            return
        identity_of(ledger)
        for record in ledger.history(STORE_ID):
            if isinstance(record.event, StoreOpened):
                _check_format(record.event.format, name)
        for entry in whole_log(ledger, max(0, head - NEWEST_ENTRIES)):
            if isinstance(entry, UnreadableEvent):
                _check_topic(entry.topic, entry.position, name)
        ledger.register()
    except UnreadableEvent as damaged:
        raise StoreUnavailable(f"{name} cannot be worked on: {damaged}") from damaged


def _check_format(found: int, name: str) -> None:
    if found > FORMAT:
        raise StoreUnavailable(f"{name} is of format {found}; this version of ExitBrain reads up to {FORMAT}")
    if found < FORMAT:
        raise StoreUnavailable(
            f"{name} is of format {found}, this version of ExitBrain reads format {FORMAT} alone: read it with the "
            "version that wrote it, and take its messages into a new store with `exitbrain ingest`"
        )


def _check_topic(topic: str, position: int, name: str) -> None:
    if topic not in MAPPER.topics:
        raise StoreUnavailable(
            f"{name} holds at log position {position} the topic {topic!r}, "
            "which this version of ExitBrain does not know"
        )


def _check_log_is_its_own(opened: bytes, under_log: bytes, name: str) -> None:
    try:
        ids = {msgspec.json.decode(one, type=_Identity).store_id for one in (opened, under_log)}
    except (msgspec.MsgspecError, ValueError):
        return  # what it is then will be said where it is read
    if len(ids) > 1:
        raise StoreUnavailable(
            f"{name} lies beside the -wal of another store: put the one back that belongs to it; a store that was closed"
            " has none, so take the -wal and the -shm away"
        )


def _format_of(opened: bytes, name: str) -> int:
    try:
        return msgspec.json.decode(opened, type=_Format).format
    except (msgspec.MsgspecError, ValueError) as e:
        raise StoreUnavailable(f"{name} does not say which format it has: {e}") from e
