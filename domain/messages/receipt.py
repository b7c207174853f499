"""The receipt of a message: its raw fields and outcome, kept to detect duplicates and replay the intake."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from exitbrain.domain.events import About, Event
from exitbrain.domain.levels.levels import LevelInputs, WindowReading
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.values import Assumption, Origin, Side, TimeOrigin, Whose


class Disposition(StrEnum):
    """The outcome of a message."""

    ACCEPTED = "ACCEPTED"
    IGNORED = "IGNORED"
    REFUSED = "REFUSED"


class Reason(StrEnum):
    """Why a message was ignored or refused."""

    NOT_AN_ENTRY = "NOT_AN_ENTRY"
    NO_OPEN_POSITION = "NO_OPEN_POSITION"
    SUPERSEDED = "SUPERSEDED"
    EARLIER_CYCLE = "EARLIER_CYCLE"
    DUPLICATE_CLOSE = "DUPLICATE_CLOSE"
    DUPLICATE_MESSAGE = "DUPLICATE_MESSAGE"
    PAPER = "PAPER"
    UNKNOWN_STREAM = "UNKNOWN_STREAM"
    ALREADY_IN_FORCE = "ALREADY_IN_FORCE"

    NOT_DECODABLE = "NOT_DECODABLE"
    NO_SYMBOL = "NO_SYMBOL"
    NO_SIDE = "NO_SIDE"
    BAD_NUMBER = "BAD_NUMBER"
    LEVERAGE_OUT_OF_RANGE = "LEVERAGE_OUT_OF_RANGE"
    BAD_VALUE = "BAD_VALUE"
    CONTRADICTION = "CONTRADICTION"
    SPOT_NAME = "SPOT_NAME"
    HEDGE_MODE = "HEDGE_MODE"
    TOO_LARGE = "TOO_LARGE"
    TRIMMED = "TRIMMED"
    UNDECIDABLE = "UNDECIDABLE"
    ENGINE_FAILED = "ENGINE_FAILED"


class RawFields(Struct, frozen=True):
    """The fields of a message as received, every value as text.

    `encoded` names the fields whose text is an encoding: `base64` for bytes that are not UTF-8, `json` for
    imported values that were not text. Only the first part of a message above the size cap is kept; `length`
    is then its full size in bytes.
    """

    values: dict[str, str]
    encoded: dict[str, str]
    length: int | None = None


class Refusal(Struct, frozen=True):
    """Why a message cannot be used: the field, the given value, and what is allowed."""

    reason: Reason
    field: str
    value: str
    allowed: str

    def __str__(self) -> str:
        return f"{self.field} is {self.value}; allowed: {self.allowed}"


class Cycle(Struct, frozen=True):
    """A position that an exit may refer to; `ended_by` and `ended_at` are None while it is open."""

    position_id: UUID
    cycle: int
    side: Side
    entry_price: Decimal | None
    quantity: Decimal | None
    opened_at: datetime
    ended_by: str | None
    ended_at: datetime | None


class IgnoredExit(Struct, frozen=True):
    """An exit that ended nothing: its content and the positions then. `symbol` is empty if unreadable.

    `kind` is CLOSE, REDUCE or FLAT for an intent (EXIT if it was refused unread), REPORT for a `trade.closed`
    and BOOK for an operator's statement; `side` is the side it asks to close or reports as closed, if it
    names one. `open` is the open cycle, `last` the one that ended before it; `rule` chose between them.
    `held_by` is the only account that holds the symbol, if it is not this one. `expected` says that no action
    is needed: producers write each close twice, and the report of a cycle follows its end.
    """

    account: str
    symbol: str
    kind: str
    side: Side | None
    order_id: str
    price: Decimal | None
    open: Cycle | None
    last: Cycle | None
    rule: Whose | None
    held_by: str | None
    expected: bool


class FailedAsking(Struct, frozen=True):
    """The request to an engine that gave no levels, so that a replay can repeat it.

    `engine` is its name; `policy`, `register_version` and `window` are those in force for the message.
    """

    engine: str
    policy: PolicyRef
    inputs: LevelInputs
    register_version: int
    window: WindowReading


class MessageReceived(Event, frozen=True):
    """A message and its outcome, saved in one transaction with its effects.

    `source` is the logical stream, `stream` its physical name; `entry_id` is the stream id, or for imports
    without one the SHA-256 of stream, canonical fields and occurrence. `account` is empty if it cannot be
    determined. `broken` says that the cause of the refusal lies outside the fields (a line that is not JSON,
    a malformed id, too many bytes). `touched` lists the positions and plans that it changed, or the policy
    register. A time in the future is flagged, never corrected. `configured` is the version of the
    IntakeConfigured in force, `snapshot` the content hash of an instrument that was read without a decision.
    `server` gave the entry id. `ignored_exit` describes an exit that ended nothing, `failed_asking` a request
    to an engine that gave no levels.
    """

    TOPIC = "exitbrain.MessageReceived"
    LABEL = "message received"
    ABOUT = About.RECEIPT
    PUBLISHED_AS = ("message_refused", "exit_ignored")

    source: str
    stream: str
    entry_id: str
    fields: RawFields
    origin: Origin
    disposition: Disposition
    reason: Reason | None
    refusal: Refusal | None
    broken: bool
    account: str
    occurred_at: datetime
    time_origin: TimeOrigin
    recorded_at: datetime
    in_future: bool
    assumptions: tuple[Assumption, ...]
    touched: tuple[UUID, ...]
    configured: int
    snapshot: str | None
    server: str | None
    ignored_exit: IgnoredExit | None
    failed_asking: FailedAsking | None
