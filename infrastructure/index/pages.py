"""Turn a page of the log into rows of the index. Of each event only the keys are decoded."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from sqlite3 import Connection
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.domain.identity import decision_id
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import ExitPlanOpened, LevelsComputed, LevelsRefused
from exitbrain.domain.positions.events import CloseReported, PositionClosed, PositionOpened, PositionReduced
from exitbrain.infrastructure.event_store.mapper import EventMapper

_ID_BYTES = 16
_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class OrderKey(Struct, frozen=True, gc=False):
    """What the index keeps of an event that names an order."""

    order_id: str


class ReceiptKeys(Struct, frozen=True, gc=False):
    """What the index keeps of a receipt."""

    source: str
    stream: str
    entry_id: str
    disposition: str
    reason: str | None
    ignored_exit: OrderKey | None


class OpenedKeys(Struct, frozen=True, gc=False):
    """What the index keeps of the opening of a position."""

    symbol: str


class PlanKeys(Struct, frozen=True, gc=False):
    """What the index keeps of the opening of a plan."""

    position_id: UUID


class _Policy(Struct, frozen=True, gc=False):
    name: str


class _Context(Struct, frozen=True, gc=False):
    occurred_at: Annotated[datetime, Meta(tz=True)]
    order_id: str


class _Guards(Struct, frozen=True, gc=False):
    failed: dict[str, Any]
    unknown: dict[str, Any]


class _Levels(Struct, frozen=True, gc=False):
    guards: _Guards


class DecisionKeys(Struct, frozen=True, gc=False):
    """What the index keeps of a decision."""

    revision: Annotated[int, Meta(ge=0, le=2**31)]
    cause: str
    account: str
    symbol: str
    policy: _Policy
    context: _Context
    levels: _Levels


_READ_AS: dict[type, type] = {
    MessageReceived: ReceiptKeys,
    PositionOpened: OpenedKeys,
    PositionReduced: OrderKey,
    PositionClosed: OrderKey,
    CloseReported: OrderKey,
    ExitPlanOpened: PlanKeys,
    LevelsComputed: DecisionKeys,
    LevelsRefused: DecisionKeys,
}
_MAPPER = EventMapper(read_as=_READ_AS)
_TOPICS = frozenset(cls.TOPIC for cls in _READ_AS)  # type: ignore[attr-defined]

_INSERTED = {
    "decisions": 9,
    "findings": 3,
    "positions": 4,
    "plans": 3,
    "receipts": 7,
    "orders": 2,
    "unreadable": 3,
}
"""The tables in the order in which a page is written, with their numbers of columns."""


class IndexedPage:
    """The rows that some entries of the log add; `receipt` is the log position of the last receipt before them."""

    def __init__(self, receipt: int) -> None:
        self._receipt = receipt
        self._rows: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        self._closed: list[tuple[int, bytes]] = []
        self._totals: Counter[tuple[str, str, str]] = Counter()
        self.count = 0
        self.last: RawRow | None = None

    def read(self, rows: Iterable[RawRow]) -> None:
        """Take entries of the log, oldest first; one that cannot be read becomes a row that says so."""
        for row in rows:
            position, stream, _, topic, state = self.last = row
            self.count += 1
            if topic not in _TOPICS:
                continue
            try:
                keys = _MAPPER.to_domain_event(position, topic, state)
                id_ = _stream_of(position, topic, stream)
            except UnreadableEvent as error:
                self._rows["unreadable"].append((position, topic, error.why))
            else:
                self._take(position, topic, id_, keys)

    def write(self, connection: Connection) -> None:
        """Add the rows within the transaction of the connection."""
        for table, columns in _INSERTED.items():
            marks = ",".join("?" * columns)
            connection.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", self._rows[table])
        connection.executemany(
            "INSERT INTO lifespans SELECT opened, opened, ?1 - 1 FROM positions WHERE id = ?2 AND closed IS NULL",
            self._closed,
        )
        connection.executemany(
            "UPDATE positions SET closed = ? WHERE id = ? AND closed IS NULL", self._closed
        )
        connection.executemany(
            "INSERT INTO totals VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
            [(*key, count) for key, count in self._totals.items()],
        )

    def _take(self, position: int, topic: str, id_: bytes, keys: Any) -> None:
        match keys:
            case DecisionKeys():
                self._take_decision(position, id_, keys, computed=topic == LevelsComputed.TOPIC)
            case ReceiptKeys():
                self._take_receipt(position, id_, keys)
            case OpenedKeys():
                self._rows["positions"].append((position, id_, keys.symbol, None))
            case PlanKeys():
                self._rows["plans"].append((position, id_, keys.position_id.bytes))
            case OrderKey():
                self._take_order(keys)
                if topic == PositionClosed.TOPIC:
                    self._closed.append((position, id_))

    def _take_decision(self, position: int, plan: bytes, keys: DecisionKeys, *, computed: bool) -> None:
        id_ = decision_id(UUID(bytes=plan), keys.revision).bytes
        occurred_us = micros_of(keys.context.occurred_at)
        name = keys.policy.name
        self._rows["decisions"].append(
            (position, id_, plan, computed, keys.symbol, keys.account, name, keys.cause, occurred_us)
        )
        self._totals["symbol", keys.symbol, ""] += 1
        self._totals["account", keys.account, ""] += 1
        self._totals["policy", name, ""] += 1
        self._totals["cause", keys.cause, ""] += 1
        guards = keys.levels.guards
        for state, found in (("failed", guards.failed), ("unknown", guards.unknown)):
            for guard in found:
                self._rows["findings"].append((guard, state, position))
                self._totals["guard", guard, state] += 1
        self._take_order(keys.context)

    def _take_receipt(self, position: int, id_: bytes, keys: ReceiptKeys) -> None:
        self._receipt = position
        row = (position, id_, keys.entry_id, keys.source, keys.stream, keys.disposition, keys.reason)
        self._rows["receipts"].append(row)
        self._totals["disposition", keys.disposition, ""] += 1
        if keys.ignored_exit is not None:
            self._take_order(keys.ignored_exit)

    def _take_order(self, keys: OrderKey | _Context) -> None:
        if keys.order_id:
            self._rows["orders"].append((keys.order_id, self._receipt))


def micros_of(at: datetime) -> int:
    """Return an aware time in microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def _stream_of(position: int, topic: str, stream: str) -> bytes:
    try:
        id_ = bytes.fromhex(stream)
    except (ValueError, TypeError):
        id_ = b""
    if len(id_) != _ID_BYTES:
        raise UnreadableEvent(position, topic, f"its stream is {stream!r}, not 32 hex digits")
    return id_
