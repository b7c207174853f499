"""The questions that the index answers, as statements. Each names the index that it uses, where SQLite might not."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.application.ports.index import (
    Counts,
    DecisionPlace,
    DecisionsWanted,
    LogIndex,
    PlanPlace,
    PositionPlace,
    ReceiptPlace,
    ReceiptsWanted,
)
from exitbrain.infrastructure.index.pages import micros_of
from exitbrain.infrastructure.index.tables import LAST_POSITION

_FILTERS = ("symbol", "account", "policy", "cause")
_HEX = frozenset("0123456789abcdef")
_DECISION = "SELECT d.pos, d.id, d.plan FROM decisions d "
_RECEIPT = "SELECT r.pos, r.id, r.entry_id, r.source, r.stream FROM receipts r "
_POSITION = "SELECT p.opened, p.id, p.closed FROM positions p"
_ENDED = "SELECT p.opened, p.id, p.closed FROM lifespans l CROSS JOIN positions p ON p.opened = l.opened"
_NEWEST = " ORDER BY {0}.pos DESC LIMIT ?"
_PER_SYMBOL = """
WITH RECURSIVE held(symbol) AS (
    SELECT min(symbol) FROM decisions
    UNION ALL SELECT (SELECT min(symbol) FROM decisions WHERE symbol > held.symbol) FROM held WHERE symbol IS NOT NULL
)
SELECT held.symbol, d.pos, d.id, d.plan FROM held CROSS JOIN decisions d
ON d.pos = (SELECT max(pos) FROM decisions WHERE symbol = held.symbol) WHERE held.symbol IS NOT NULL
"""


class Answers(LogIndex, ABC):
    """Answer from the tables of an index."""

    @abstractmethod
    def _answer(self, statement: str, *values: object) -> list[Any]:
        """Return the rows of a statement."""

    def check_readable(self, topics: Sequence[str]) -> None:
        marks = ",".join("?" * len(topics))
        found = self._answer(
            f"SELECT pos, topic, why FROM unreadable WHERE topic IN ({marks}) ORDER BY pos LIMIT 1", *topics
        )
        for position, topic, why in found:
            raise UnreadableEvent(position, topic, why)

    def decisions(self, wanted: DecisionsWanted) -> list[DecisionPlace]:
        filters = {name: getattr(wanted, name) for name in _FILTERS if getattr(wanted, name) is not None}
        totals = {name: self._total(name, value) for name, value in filters.items()}
        if wanted.guard is not None:
            totals["guard"] = self._total("guard", wanted.guard, wanted.state)
        # The rarest value leads. Left to itself, SQLite has chosen one that nearly all decisions have.
        rarest = min(totals, key=totals.__getitem__, default=None)
        if rarest is not None and totals[rarest] == 0:
            return []
        where, values = _equal("d", filters)
        source, driving = "decisions d", "d"
        if rarest == "guard":
            source, driving = "findings f CROSS JOIN decisions d ON d.pos = f.pos", "f"
        elif rarest is not None:
            source += f" INDEXED BY decisions_{rarest}"
        if wanted.guard is not None:
            if rarest != "guard":
                source += " CROSS JOIN findings f ON f.pos = d.pos"
            where, values = ["f.guard = ?", "f.state = ?", *where], [wanted.guard, wanted.state, *values]
        selected = f"SELECT d.pos, d.id, d.plan FROM {source} "
        return [_decision(row) for row in self._newest(selected, driving, where, values, wanted)]

    def decisions_by_id(self, beginning: str) -> list[DecisionPlace]:
        span = _span(beginning)
        if span is None:
            return []
        return [
            _decision(row)
            for row in self._answer(_DECISION + "WHERE d.id BETWEEN ? AND ? ORDER BY d.pos", *span)
        ]

    def latest_computed(self, plan_id: UUID) -> DecisionPlace | None:
        where = "INDEXED BY decisions_plan WHERE d.plan = ? AND d.computed" + _NEWEST.format("d")
        return next((_decision(row) for row in self._answer(_DECISION + where, plan_id.bytes, 1)), None)

    def latest_per_symbol(self) -> dict[str, DecisionPlace]:
        return {symbol: _decision(row) for symbol, *row in self._answer(_PER_SYMBOL)}

    def decision_at(self, symbol: str, at: datetime) -> DecisionPlace | None:
        where = "WHERE d.symbol = ? AND d.occurred_us <= ? ORDER BY d.occurred_us DESC, d.pos DESC LIMIT 1"
        found = self._answer(_DECISION + where, _text(symbol), micros_of(at))
        return next((_decision(row) for row in found), None)

    def open_positions(self, *, symbol: str | None = None, at: int | None = None) -> list[PositionPlace]:
        more, given = _equal("p", {"symbol": symbol})
        also = "".join(f" AND {one}" for one in more)
        statement = f"{_POSITION} INDEXED BY positions_open WHERE p.closed IS NULL AND p.opened <= ?{also}"
        values: list[object] = [LAST_POSITION if at is None else at, *given]
        if at is not None:
            statement += f" UNION ALL {_ENDED} WHERE l.first <= ? AND l.last >= ?{also}"
            values += [at, at, *given]
        return [_position(row) for row in self._answer(f"{statement} ORDER BY 1", *values)]

    def all_positions(self, *, symbol: str | None = None) -> list[PositionPlace]:
        where, values = _equal("p", {"symbol": symbol})
        statement = f"{_POSITION} {_all(where)} ORDER BY p.opened"
        return [_position(row) for row in self._answer(statement, *values)]

    def plans_by_id(self, beginning: str) -> list[PlanPlace]:
        span = _span(beginning)
        if span is None:
            return []
        statement = (
            "SELECT pos, id, position FROM plans WHERE id BETWEEN ?1 AND ?2 UNION "
            "SELECT pos, id, position FROM plans WHERE position BETWEEN ?1 AND ?2 ORDER BY pos"
        )
        return [
            PlanPlace(pos, UUID(bytes=plan), UUID(bytes=position))
            for pos, plan, position in self._answer(statement, *span)
        ]

    def receipts(self, wanted: ReceiptsWanted) -> list[ReceiptPlace]:
        where, values = _equal("r", {"disposition": wanted.disposition, "reason": wanted.reason})
        joined, driving = _RECEIPT, "r"
        if wanted.reason is not None and wanted.order_id is None:
            joined += "INDEXED BY receipts_reason "
        if wanted.order_id is not None:
            joined = _RECEIPT.replace("FROM", "FROM orders o CROSS JOIN", 1) + "ON r.pos = o.receipt "
            where, values = ["o.order_id = ?", *where], [_text(wanted.order_id), *values]
        return [_receipt(row) for row in self._newest(joined, driving, where, values, wanted)]

    def receipts_by_id(self, entry_id: str, receipt_id: str) -> list[ReceiptPlace]:
        beginning = _text(entry_id)
        statements = ["SELECT pos FROM receipts WHERE entry_id BETWEEN ? AND ?"]
        values: list[object] = [beginning, f"{beginning}\U0010ffff"]
        span = _span(receipt_id)
        if span is not None:
            statements.append("SELECT pos FROM receipts WHERE id BETWEEN ? AND ?")
            values += span
        found = " UNION ".join(statements)
        return [
            _receipt(row)
            for row in self._answer(f"{_RECEIPT} WHERE r.pos IN ({found}) ORDER BY r.pos", *values)
        ]

    def counts(self) -> Counts:
        found = self._answer(
            "SELECT what, value, state, count FROM totals WHERE what NOT IN ('symbol', 'account')"
        )
        of = {
            kind: {value: count for what, value, _, count in found if what == kind}
            for kind in ("policy", "cause", "disposition")
        }
        guards = {(value, state): count for what, value, state, count in found if what == "guard"}
        return Counts(of["policy"], of["cause"], of["disposition"], guards)

    def _total(self, what: str, value: str, state: str = "") -> int:
        found = self._answer(
            "SELECT count FROM totals WHERE what = ? AND value = ? AND state = ?", what, _text(value), state
        )
        return found[0][0] if found else 0

    def _newest(
        self,
        joined: str,
        driving: str,
        where: list[str],
        values: list[object],
        wanted: DecisionsWanted | ReceiptsWanted,
    ) -> list[Any]:
        if wanted.before is not None:
            where, values = [*where, f"{driving}.pos < ?"], [*values, wanted.before]
        return self._answer(joined + _all(where) + _NEWEST.format(driving), *values, wanted.limit)


def _equal(table: str, filters: dict[str, str | None]) -> tuple[list[str], list[object]]:
    given = {name: value for name, value in filters.items() if value is not None}
    return [f"{table}.{name} = ?" for name in given], [_text(value) for value in given.values()]


def _all(where: list[str]) -> str:
    return f"WHERE {' AND '.join(where)}" if where else ""


def _span(beginning: str) -> tuple[bytes, bytes] | None:
    """Return the lowest and the highest id that begins with these hex digits, None if no id can."""
    if len(beginning) > 32 or not _HEX.issuperset(beginning):
        return None
    return bytes.fromhex(beginning.ljust(32, "0")), bytes.fromhex(beginning.ljust(32, "f"))


def _text(value: str) -> str:
    """Return a text that SQLite takes; no stored one has what is replaced here, half a surrogate pair."""
    return value.encode("utf-8", "replace").decode()


def _decision(row: Sequence[Any]) -> DecisionPlace:
    position, id_, plan = row
    return DecisionPlace(position, UUID(bytes=id_), UUID(bytes=plan))


def _position(row: Sequence[Any]) -> PositionPlace:
    opened, id_, closed = row
    return PositionPlace(opened, UUID(bytes=id_), closed)


def _receipt(row: Sequence[Any]) -> ReceiptPlace:
    position, id_, entry_id, source, stream = row
    return ReceiptPlace(position, UUID(bytes=id_), entry_id, source, stream)
