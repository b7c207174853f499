"""What a run leaves behind, read raw: the rows of the store, the entries of the streams, the state of the groups."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import redis

INTENTS, CLOSES = "quantum:stream:trade.intent", "quantum:stream:trade.closed"
INCOMING = (INTENTS, CLOSES)
LEVELS, EVENTS = "quantum:stream:exitbrain.adaptive_levels", "quantum:stream:exitbrain.events"
DEAD_LETTERS = {"trade.intent": "quantum:dlq:trade.intent", "trade.closed": "quantum:dlq:trade.closed"}
OUTGOING = (LEVELS, EVENTS, *DEAD_LETTERS.values())
PUBLISHED_AS = {
    "exitbrain.LevelsComputed": "levels_computed",
    "exitbrain.LevelsRefused": "levels_refused",
    "exitbrain.PositionClosed": "position_closed",
    "exitbrain.ExitPlanCancelled": "plan_cancelled",
    "exitbrain.ExitPlanCompleted": "plan_completed",
}
"""The topics that lead to an entry of the stream of events, and its type there."""
RECEIPT = "exitbrain.MessageReceived"

PAGE = 5_000

Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One stored event; `stream_id` is the 32 hex digits of the aggregate it belongs to."""

    position: int
    stream_id: str
    version: int
    topic: str
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a stream."""

    entry_id: str
    fields: Fields


@dataclass(frozen=True, slots=True)
class Group:
    """What a consumer group has not done: entries delivered and never acknowledged, entries never delivered."""

    pending: int
    undelivered: int


@dataclass(slots=True)
class Evidence:
    """Everything a verdict is made of.

    `acknowledged` are the entries, as stream and id, of which the producer knows that the server has them.
    """

    rows: list[Row]
    streams: dict[str, list[Entry]]
    groups: dict[str, Group]
    acknowledged: list[tuple[str, str]]


def gather(store_url: str, redis_url: str, acknowledged: Path) -> Evidence:
    """Read everything."""
    with redis.Redis.from_url(redis_url, decode_responses=True, socket_timeout=30) as client:
        return Evidence(
            list(rows(store_url)),
            {stream: list(_entries(client, stream)) for stream in (*INCOMING, *OUTGOING)},
            {stream: group(client, stream) for stream in INCOMING},
            [_pair(line) for line in acknowledged.read_text().splitlines()],
        )


def group(client: redis.Redis, stream: str) -> Group:
    """Return what our group has not done; what was never delivered is counted, since the server only guesses."""
    name = f"quantum:group:exitbrain:{stream.removeprefix('quantum:stream:')}"
    found = [one for one in client.xinfo_groups(stream) if one["name"] == name]
    if not found:
        return Group(0, client.xlen(stream))
    after = found[0]["last-delivered-id"]
    return Group(found[0]["pending"], len(_page(client, stream, f"({after}")))


def published_upto(client: redis.Redis) -> int:
    """Return the log position of the last published event; 0 when there is none."""
    newest: Any = client.xrevrange(EVENTS, count=1)
    return int(json.loads(newest[0][1]["payload"])["log_position"]) if newest else 0


def published_as(row: Row) -> str | None:
    """Return the type under which a row is published on the stream of events, None where it is not."""
    if row.topic == RECEIPT:
        return "exit_ignored" if row.content["ignored_exit"] is not None else None
    return PUBLISHED_AS.get(row.topic)


def newest_to_publish(store_url: str) -> int:
    """Return the log position of the newest event that is to be published; 0 when there is none."""
    return max((row.position for row in rows(store_url) if published_as(row) is not None), default=0)


def _entries(client: redis.Redis, stream: str) -> Iterator[Entry]:
    after = "-"
    while page := _page(client, stream, after):
        yield from page
        after = f"({page[-1].entry_id}"


def _page(client: redis.Redis, stream: str, after: str) -> list[Entry]:
    answer: Any = client.xrange(stream, min=after, count=PAGE)
    return [Entry(entry_id, fields) for entry_id, fields in answer]


def rows(store_url: str) -> Iterator[Row]:
    columns = "rowid, originator_id, originator_version, topic, CAST(state AS BLOB)"
    if not store_url.startswith("sqlite"):
        columns = "notification_id, originator_id::text, originator_version, topic, state"
    everything = f"SELECT {columns} FROM stored_events ORDER BY 1"  # noqa: S608 - names of our own
    for position, stream_id, version, topic, state in _selected(store_url, everything):
        yield Row(position, stream_id.replace("-", ""), version, topic, json.loads(state))


def _selected(store_url: str, statement: str) -> list[Any]:
    if store_url.startswith("sqlite:///"):
        with closing(sqlite3.connect(store_url.removeprefix("sqlite:///"))) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(store_url) as connection:
        return connection.execute(statement.encode()).fetchall()


def _pair(line: str) -> tuple[str, str]:
    stream, _, entry_id = line.partition(" ")
    return stream, entry_id
