"""The shapes of what is published: one structure for the payload of each event type.

The JSON Schemas that are shipped and documented are made from these structures. A key may be added; an existing
one keeps its name and meaning, or `SCHEMA_VERSION` grows.
"""

import json
from datetime import datetime
from inspect import cleandoc
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Struct

from exitbrain.domain.formulas.algebra import Bound
from exitbrain.domain.receipt import Reason
from exitbrain.domain.values import Assumption, Cause, Side, TimeOrigin, Unit, Whose
from exitbrain.infrastructure.presentation.guards import Guard

SCHEMA_VERSION = 1

Moment = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time in ISO 8601, UTC."""


class TriggerPrices(Struct):
    """Trigger prices: text with the exact decimal on the tick grid, or a double where no tick is known."""

    tp1: str | float
    tp2: str | float
    tp3: str | float
    sl: str | float


class Levels(Struct):
    """Raw distances in the unit of the policy.

    `LSF` is the adjusted one, `harvest_scheme` what is closed at TP1, TP2 and TP3 as fractions of the original
    quantity, `avg_pnl_last_20` a price return in percent.
    """

    tp1: float
    tp2: float
    tp3: float
    sl: float
    LSF: float
    harvest_scheme: tuple[float, float, float]
    avg_pnl_last_20: float


class IlfMetadata(Struct):
    """What the message said about the market, null where it said nothing."""

    atr_value: float | None
    exchange_divergence: float | None
    funding_rate: float | None
    regime: str | None


class _Event(Struct, kw_only=True):
    schema_version: int = SCHEMA_VERSION
    store_id: UUID
    epoch: int
    log_position: int
    recorded_at: Moment


class _OfPosition(_Event, kw_only=True):
    occurred_at: Moment
    account: str
    symbol: str
    position_id: UUID
    plan_id: UUID


class _OfDecision(_OfPosition, kw_only=True):
    side: Side
    order_id: str
    decision_id: UUID
    revision: int
    cause: Cause
    policy: str
    unit: Unit


class AdaptiveLevels(_OfDecision, kw_only=True):
    """Computed levels with everything that explains them.

    Readers of the former system know `symbol`, `order_id`, `leverage`, `volatility_factor`, `adaptive_levels` and
    `ilf_metadata`; a `leverage` that is whole is written as an integer.
    """

    leverage: int | float
    volatility_factor: float
    adaptive_levels: Levels
    ilf_metadata: IlfMetadata
    lsf: float
    pnl_factor: float
    binding: tuple[Bound, ...]
    guards: tuple[Guard, ...]
    assumptions: tuple[Assumption, ...]
    trigger_prices: TriggerPrices | None


class LevelsComputed(_OfDecision, kw_only=True):
    """Levels were computed: the raw distances in short; the entry of adaptive_levels with this `decision_id` has all.

    `executable` says that every guard passed; the others are listed.
    """

    tp1: float
    tp2: float
    tp3: float
    sl: float
    executable: bool
    failed_guards: list[str]
    unknown_guards: list[str]


class LevelsRefused(_OfDecision, kw_only=True):
    """The policy gives no levels for this signal; those before stay in force. The stop had to keep `floor` and `cap`."""

    refusal: str
    detail: str
    floor: float
    cap: float


class PlanEnded(_OfPosition, kw_only=True):
    """An exit plan ended: completed by a close in the market, or cancelled by an intent that ended its position."""

    reason: str


class PositionClosed(_OfPosition, kw_only=True):
    """A round trip ended. Prices and amounts are decimals as text, `pnl_percent` a price return, null where unknown.

    `pnl_computed` says that the result was computed from prices, not reported.
    """

    side: Side
    leverage: float
    reason: str
    entry_price: str | None
    exit_price: str | None
    pnl_percent: str | None
    pnl_computed: bool
    pnl_usd: str | None
    order_id: str
    assumptions: tuple[Assumption, ...]


class Cycle(Struct):
    """A position that an exit could have meant; `ended_by` and `ended_at` are null while it is open."""

    position_id: UUID
    cycle: int
    side: Side
    entry_price: str | None
    quantity: str | None
    opened_at: Moment
    ended_by: str | None
    ended_at: Moment | None


class ExitIgnored(_Event, kw_only=True):
    """An exit ended nothing: what it said, and the positions it met, null where there is none.

    `occurred_at` and `entry_id` are those of the message, `time_origin` says where its time comes from. `kind` is CLOSE,
    REDUCE or FLAT for an intent (EXIT where it was refused unread), REPORT for a `trade.closed`, BOOK for an operator's
    `book close`. `side` is the one whose end it asks for or reports, null where it names none; `symbol` is empty where
    it could not be read. `open` is the position that was open, `last` the one that ended before it, and `rule` told which
    of them is meant. `held_by` is another account, which alone holds the symbol. `expected` says that no action is needed:
    a repeat, or the report of a position that had ended.
    """

    occurred_at: Moment
    time_origin: TimeOrigin
    source: str
    entry_id: str
    receipt_id: UUID
    reason: Reason
    expected: bool
    account: str
    symbol: str
    kind: str
    side: Side | None
    order_id: str
    price: str | None
    rule: Whose | None
    held_by: str | None
    open: Cycle | None
    last: Cycle | None


class PolicyActivated(_Event, kw_only=True):
    """A policy is in force for a scope: a symbol, or "*" for every symbol without one of its own."""

    policy: str
    scope: str
    by: str


class RefusedValue(Struct):
    """The field that can not be used, what was given, what is allowed."""

    field: str
    value: str
    allowed: str


class MessageRefused(_Event, kw_only=True):
    """A message that can not be used, with its fields as they came.

    `encoded` names the fields whose text stands for `base64` or `json`. `length` is that of the whole, in
    bytes, where only the first part of the fields was kept. `retry_of` is the entry id of the message this one was a
    retry of.
    """

    occurred_at: Moment
    source: str
    stream: str
    entry_id: str
    receipt_id: UUID
    reason: Reason
    refusal: RefusedValue
    fields: dict[str, str]
    encoded: dict[str, str]
    length: int | None
    retry_of: str | None


ADAPTIVE_LEVELS = "exitbrain.adaptive_levels"
"""The one event type with a prefix: the former system named it so."""

SHAPES: dict[str, type[Struct]] = {
    ADAPTIVE_LEVELS: AdaptiveLevels,
    "levels_computed": LevelsComputed,
    "levels_refused": LevelsRefused,
    "plan_cancelled": PlanEnded,
    "plan_completed": PlanEnded,
    "position_closed": PositionClosed,
    "exit_ignored": ExitIgnored,
    "policy_activated": PolicyActivated,
    "message_refused": MessageRefused,
}
"""The structure of the payload of each event type."""


def schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of the payload of each event type."""
    return {event_type: _schema(shape) for event_type, shape in SHAPES.items()}


def schema_texts() -> dict[str, str]:
    """Return the schemas as they are shipped, by the name of their file."""
    return {
        schema_file(event_type): json.dumps(schema, indent=2) + "\n"
        for event_type, schema in schemas().items()
    }


def schema_file(event_type: str) -> str:
    """Return the name of the file that holds the schema of an event type."""
    return f"{event_type.removeprefix('exitbrain.')}.json"


def _schema(shape: type[Struct]) -> dict[str, Any]:
    schema = msgspec.json.schema(shape)
    for structure in schema["$defs"].values():
        if "description" in structure:
            structure["description"] = cleandoc(structure["description"])
        if "properties" in structure:
            structure["required"] = list(structure["properties"])  # every key is always written
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
