"""The checker: reads what a run left behind, and names every promise that was broken."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.faults.processes.evidence import (
    DEAD_LETTERS,
    EVENTS,
    INCOMING,
    LEVELS,
    RECEIPT,
    Entry,
    Evidence,
    Row,
    published_as,
)

REPORTED = "exitbrain.CloseReported"
DECISIONS = ("exitbrain.LevelsComputed", "exitbrain.LevelsRefused")
OPENED, CLOSED = "exitbrain.PositionOpened", "exitbrain.PositionClosed"

Published = tuple[str, int]
"""Event type and log position."""


def violations(evidence: Evidence) -> list[str]:
    """Return every broken promise in words; none when all were kept."""
    receipts = [row for row in evidence.rows if row.topic == RECEIPT]
    return [
        *_acknowledged_messages_are_in_the_streams(evidence),
        *_each_message_has_one_receipt(evidence, receipts),
        *_each_accepted_opening_has_one_decision(evidence, receipts),
        *_resent_messages_have_one_effect(receipts),
        *_no_exit_is_ignored_silently(receipts),
        *_a_round_trip_has_one_result(evidence.rows),
        *_messages_of_a_symbol_are_decided_in_order(receipts),
        *_versions_have_no_gaps(evidence.rows),
        *_one_position_is_open_at_most(evidence.rows),
        *_everything_is_published_once_and_in_order(evidence, receipts),
        *_nothing_is_pending(evidence),
    ]


def _acknowledged_messages_are_in_the_streams(evidence: Evidence) -> Iterator[str]:
    there = {(stream, entry.entry_id) for stream in INCOMING for entry in evidence.streams[stream]}
    for stream, entry_id in evidence.acknowledged:
        if (stream, entry_id) not in there:
            yield f"{stream} {entry_id}: acknowledged by the server and no longer there"


def _each_message_has_one_receipt(evidence: Evidence, receipts: list[Row]) -> Iterator[str]:
    found: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in receipts:
        found[row.content["stream"], row.content["entry_id"]].append(row)
    sent = {(stream, entry.entry_id): entry for stream in INCOMING for entry in evidence.streams[stream]}
    for key, entry in sent.items():
        rows = found.pop(key, [])
        if len(rows) != 1:
            yield f"{' '.join(key)}: {len(rows)} receipts"
        elif rows[0].content["fields"]["values"] != entry.fields:
            yield f"{' '.join(key)}: the receipt holds other fields"
        elif rows[0].content["origin"] != "LIVE":
            yield f"{' '.join(key)}: the receipt has origin {rows[0].content['origin']}"
    for key in found:
        yield f"{' '.join(key)}: a receipt for a message that is in no stream"


def _each_accepted_opening_has_one_decision(evidence: Evidence, receipts: list[Row]) -> Iterator[str]:
    decisions: Counter[str] = Counter()
    for row in evidence.rows:
        if row.topic in DECISIONS:
            decisions.update(cause.replace("-", "") for cause in row.content["causes"])
    for receipt in receipts:
        wanted = 1 if receipt.content["disposition"] == "ACCEPTED" and _opens(receipt) else 0
        if decisions[receipt.stream_id] != wanted:
            yield (
                f"{receipt.content['stream']} {receipt.content['entry_id']}: "
                f"{decisions[receipt.stream_id]} decisions instead of {wanted}"
            )
    known = {receipt.stream_id for receipt in receipts}
    for cause in decisions.keys() - known:
        yield f"a decision caused by {cause}, which is no receipt"


def _opens(receipt: Row) -> bool:
    """Return whether a message, as the producer of the runs writes them, asks for a position."""
    if receipt.content["source"] != "trade.intent":
        return False
    said = json.loads(receipt.content["fields"]["values"]["payload"])
    return said["side"] in {"BUY", "SELL"} and not said.get("reduce_only")


def _resent_messages_have_one_effect(receipts: list[Row]) -> Iterator[str]:
    accepted = Counter(
        row.content["fields"]["values"].get("trace_id")
        for row in receipts
        if row.content["disposition"] == "ACCEPTED"
    )
    for trace_id, count in accepted.items():
        if trace_id is not None and count > 1:
            yield f"{trace_id}: accepted {count} times"


def _no_exit_is_ignored_silently(receipts: list[Row]) -> Iterator[str]:
    for receipt in receipts:
        said = receipt.content
        if (
            said["source"] == "trade.closed"
            and said["disposition"] != "ACCEPTED"
            and not said["ignored_exit"]
        ):
            yield f"{said['stream']} {said['entry_id']}: ended nothing, and nothing tells of it"


def _a_round_trip_has_one_result(rows: list[Row]) -> Iterator[str]:
    results = Counter(
        row.stream_id for row in rows if row.topic in (CLOSED, REPORTED) and row.content["result"]
    )
    yield from (f"position {one}: {count} results" for one, count in results.items() if count > 1)


def _messages_of_a_symbol_are_decided_in_order(receipts: list[Row]) -> Iterator[str]:
    """Compare entry ids along the log; within a millisecond ids of two streams do not tell which came first."""
    newest: dict[str, dict[str, tuple[int, int]]] = defaultdict(dict)
    for receipt in receipts:
        symbol, stream, entry_id = _symbol(receipt), receipt.content["stream"], receipt.content["entry_id"]
        if symbol is None:
            continue
        ms, seq = map(int, entry_id.split("-"))
        earlier = newest[symbol]
        for other, (other_ms, other_seq) in earlier.items():
            if (other_ms, other_seq if other == stream else seq) > (ms, seq):
                yield f"{symbol}: {stream} {entry_id} was decided after {other} {other_ms}-{other_seq}"
        earlier[stream] = (ms, seq)


def _symbol(receipt: Row) -> str | None:
    """Return the symbol of a message as the producer of the runs writes it; None when it names none."""
    values = receipt.content["fields"]["values"]
    said = json.loads(values["payload"]) if "payload" in values else values
    return said.get("symbol") or None


def _versions_have_no_gaps(rows: list[Row]) -> Iterator[str]:
    versions: Counter[str] = Counter()
    for row in rows:
        versions[row.stream_id] += 1
        if row.version != versions[row.stream_id]:
            yield f"log position {row.position}: version {row.version} instead of {versions[row.stream_id]}"


def _one_position_is_open_at_most(rows: list[Row]) -> Iterator[str]:
    cycles: Counter[tuple[str, str]] = Counter()
    keys: dict[str, tuple[str, str]] = {}
    opened: dict[tuple[str, str], str] = {}
    for row in rows:
        if row.topic == OPENED:
            key = (row.content["account"], row.content["symbol"])
            keys[row.stream_id] = key
            cycles[key] += 1
            if row.content["cycle"] != cycles[key]:
                yield f"{key}: cycle {row.content['cycle']} where {cycles[key]} was due"
            if key in opened:
                yield f"{key}: cycle {row.content['cycle']} opened while the one before was open"
            opened[key] = row.stream_id
        elif row.topic == CLOSED and opened.pop(keys[row.stream_id], None) != row.stream_id:
            yield f"{keys[row.stream_id]}: closed at log position {row.position} without being open"


def _everything_is_published_once_and_in_order(evidence: Evidence, receipts: list[Row]) -> Iterator[str]:
    rows = evidence.rows
    computed = [("exitbrain.adaptive_levels", row.position) for row in rows if row.topic == DECISIONS[0]]
    yield from _same(LEVELS, computed, evidence.streams[LEVELS])
    yield from _same_decisions(evidence)
    events = [(kind, row.position) for row in rows if (kind := published_as(row)) is not None]
    yield from _same(EVENTS, events, evidence.streams[EVENTS])
    for source, stream in DEAD_LETTERS.items():
        refused = [
            ("message_refused", row.position)
            for row in receipts
            if row.content["source"] == source and row.content["disposition"] == "REFUSED"
        ]
        yield from _same(stream, refused, evidence.streams[stream])


def _same(stream: str, wanted: list[Published], entries: list[Entry]) -> Iterator[str]:
    found = [(entry.fields["event_type"], _payload(entry)["log_position"]) for entry in entries]
    if found == wanted:
        return
    counts, due = Counter(found), Counter(wanted)
    for event_type, position in sorted((due - counts).keys(), key=_by_position):
        yield f"{stream}: {event_type} of log position {position} is missing"
    for one in sorted((counts - due).keys(), key=_by_position):
        what = f"published {counts[one]} times" if one in due else "published without being in the log"
        yield f"{stream}: {one[0]} of log position {one[1]} is {what}"
    for (_, before), (event_type, position) in pairwise(found):
        if position < before:
            yield f"{stream}: {event_type} of log position {position} comes after that of {before}"


def _same_decisions(evidence: Evidence) -> Iterator[str]:
    """Compare what readers know a decision by, its plan and revision, with the log at the position published."""
    decided = {row.position: row for row in evidence.rows if row.topic == DECISIONS[0]}
    for entry in evidence.streams[LEVELS]:
        payload = _payload(entry)
        row = decided.get(payload["log_position"])
        said = (payload["plan_id"].replace("-", ""), payload["revision"])
        if row is not None and said != (row.stream_id, row.content["revision"]):
            yield f"{LEVELS}: log position {row.position} is published as another decision"
    ids = Counter(_payload(entry)["decision_id"] for entry in evidence.streams[LEVELS])
    for decision_id, count in ids.items():
        if count > 1:
            yield f"{LEVELS}: decision {decision_id} is published {count} times"


def _nothing_is_pending(evidence: Evidence) -> Iterator[str]:
    for stream, group in evidence.groups.items():
        if group.pending or group.undelivered:
            yield f"{stream}: {group.pending} entries pending, {group.undelivered} never delivered"


def _by_position(published: Published) -> int:
    return published[1]


def _payload(entry: Entry) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(entry.fields["payload"])
    return payload
