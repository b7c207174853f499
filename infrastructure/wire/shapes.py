"""The tolerant shape of each message we know: which names it may use for what we read."""

from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field, PlainValidator, ValidationError

from exitbrain.domain.receipt import Reason, Refusal
from exitbrain.infrastructure.wire.scalars import (
    SIDE_ALLOWED,
    SYMBOL_ALLOWED,
    Account,
    Amount,
    CloseReason,
    Confidence,
    Context,
    Direction,
    Flag,
    Leverage,
    OwnId,
    Positive,
    Ratio,
    Symbol,
    Volatility,
    shown,
)

ABSENT = "absent"
SIDE_NAMES = ("side", "action", "direction")
TIME_NAME = "timestamp"
"""The time is read by `message_time`, since its origin may be the envelope."""


def _means_reduce(value: object) -> bool:
    return isinstance(value, str) and value.strip().upper() == "REDUCE_ONLY"


class MarketShape(BaseModel):
    """What every message says: of which symbol it speaks, and for whom."""

    symbol: Symbol
    account: Account = None
    order_id: Context = None
    trace_id: OwnId = None
    event_id: OwnId = None
    correlation_id: OwnId = None

    @property
    def ids(self) -> dict[str, str]:
        """Return the ids by which the producer tells its messages apart, those that it gave."""
        ids: dict[str, str] = {}
        if self.trace_id is not None:
            ids["trace_id"] = self.trace_id
        if self.event_id is not None:
            ids["event_id"] = self.event_id
        if self.correlation_id is not None:
            ids["correlation_id"] = self.correlation_id
        return ids


class NothingShape(MarketShape):
    """An intent that asks for nothing: its numbers are not read, zeros in them are its habit."""

    regime: Context = None


class IntentShape(NothingShape):
    """An intent that asks for something."""

    side: Direction = Field(validation_alias=AliasChoices(*SIDE_NAMES))
    entry_price: Positive = Field(None, validation_alias=AliasChoices("entry_price", "price"))
    quantity: Positive = Field(None, validation_alias=AliasChoices("quantity", "qty"))
    size_usd: Positive = Field(
        None, validation_alias=AliasChoices("position_size_usd", "position_usd", "ai_size_usd")
    )
    leverage: Leverage = Field(None, validation_alias=AliasChoices("leverage", "ai_leverage"))
    volatility_factor: Volatility = None
    funding_rate: Ratio = None
    exchange_divergence: Ratio = None
    confidence: Confidence = None
    atr_value: Ratio = None
    reduce_only: Flag = False
    reduce_only_camel: Flag = Field(False, validation_alias="reduceOnly")
    reduce_only_upper: Flag = Field(False, validation_alias="REDUCE_ONLY")
    intent_type: Annotated[bool, PlainValidator(_means_reduce)] = False

    @property
    def reduces(self) -> bool:
        """Return whether any name says so: what may be an exit must never open."""
        return self.reduce_only or self.reduce_only_camel or self.reduce_only_upper or self.intent_type


class CloseShape(MarketShape):
    """A report of a closed position. Its side decides nothing, so the translator reads it leniently."""

    exit_price: Positive = None
    pnl_percent: Amount = None
    pnl_usd: Amount = None
    reason: CloseReason = Field("", validation_alias=AliasChoices("reason", "exit_reason"))


def names_of(shape: type[BaseModel]) -> frozenset[str]:
    """Return every name under which a shape looks for something."""
    names: set[str] = set()
    for name, field in shape.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias or name]
        names.update(str(choice) for choice in choices)
    return frozenset(names)


def refusal_of(error: ValidationError) -> Refusal:
    """Return the refusal of the first field, in the order of the shape, that can not be used."""
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0])
    if first["type"] == "missing":
        if field == "symbol":
            return Refusal(Reason.NO_SYMBOL, field, ABSENT, SYMBOL_ALLOWED)
        return Refusal(Reason.NO_SIDE, field, ABSENT, SIDE_ALLOWED)
    return Refusal(Reason(first["type"]), field, shown(first["input"]), str(first["ctx"]["allowed"]))
