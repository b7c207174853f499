"""The tolerant shape of each known message: accepted field names and forms.

`asked` reads what an intent asks for, `remaining` what an exit leaves open, `paper` the mark of paper
trading.
"""

from collections.abc import Container

from pydantic import AliasChoices, BaseModel, Field, ValidationError

from exitbrain.domain.messages.receipt import Reason, Refusal
from exitbrain.domain.names import NAME_ALLOWED
from exitbrain.infrastructure.wire.scalars import (
    Account,
    Amount,
    Confidence,
    Context,
    Id,
    Leverage,
    Positive,
    Ratio,
    Size,
    Symbol,
    Volatility,
    Words,
    shown,
)

ABSENT = "absent"
TIME_NAME, PRODUCER_NAME = "timestamp", "source"
"""`message_time` reads the time, since it may come from the envelope."""
SIZE_NAMES = ("quantity", "qty")
CLOSED_SIZE_NAMES = (
    *SIZE_NAMES, "closed_quantity", "closed_qty", "closedQuantity", "closedQty", "close_quantity", "close_qty",
    "filled_quantity", "filled_qty", "filledQty", "executed_quantity", "executed_qty", "executedQty",
)  # fmt: skip
USD_NAMES = ("position_size_usd", "position_usd", "ai_size_usd")
LEVERAGE_NAMES = ("leverage", "ai_leverage")
NEEDED = ("symbol", "account")
"""Fields that every message must give in readable form; an exit needs no others."""


class MarketShape(BaseModel):
    """The fields of every message: symbol and account."""

    symbol: Symbol
    account: Account = None


class IdentifiedShape(MarketShape):
    """A message with the ids of its producer."""

    order_id: Id = None
    trace_id: Id = None
    event_id: Id = None
    correlation_id: Id = None

    @property
    def ids(self) -> dict[str, str]:
        """Return the ids that the producer gave the message."""
        ids: dict[str, str] = {}
        if self.trace_id is not None:
            ids["trace_id"] = self.trace_id
        if self.event_id is not None:
            ids["event_id"] = self.event_id
        if self.correlation_id is not None:
            ids["correlation_id"] = self.correlation_id
        return ids


class NothingShape(IdentifiedShape):
    """An intent that asks for nothing. Its numbers, often zeros, are not read."""

    regime: Context = None


class IntentShape(NothingShape):
    """An intent that asks for something."""

    entry_price: Positive = Field(None, validation_alias=AliasChoices("entry_price", "price"))
    quantity: Size = Field(None, validation_alias=AliasChoices(*SIZE_NAMES))
    size_usd: Size = Field(None, validation_alias=AliasChoices(*USD_NAMES))
    leverage: Leverage = Field(None, validation_alias=AliasChoices(*LEVERAGE_NAMES))
    volatility_factor: Volatility = None
    funding_rate: Ratio = None
    exchange_divergence: Ratio = None
    confidence: Confidence = None
    atr_value: Ratio = None


class CloseShape(IdentifiedShape):
    """A report of a closed position. Its side never decides alone, so the translator reads it leniently."""

    trade_id: Id = Field(None, validation_alias=AliasChoices("trade_id", "tradeId"))
    entry_price: Positive = None
    exit_price: Positive = None
    quantity: Size = Field(None, validation_alias=AliasChoices(*CLOSED_SIZE_NAMES))
    pnl_percent: Amount = None
    pnl_usd: Amount = None
    reason: Words = Field("", validation_alias=AliasChoices("reason", "exit_reason"))


class BookShape(MarketShape):
    """An operator's statement that a position has ended."""

    price: Positive = None
    why: Words
    by: Words


def names_of(shape: type[BaseModel]) -> frozenset[str]:
    """Return every field name that a shape reads."""
    names: set[str] = set()
    for name, field in shape.model_fields.items():
        alias = field.validation_alias
        choices = alias.choices if isinstance(alias, AliasChoices) else [alias or name]
        names.update(str(choice) for choice in choices)
    return frozenset(names)


def refusal_of(error: ValidationError, needed: Container[str]) -> Refusal:
    """Return the refusal of the first unusable needed field, in the order of the shape."""
    first = next(each for each in error.errors(include_url=False) if str(each["loc"][0]) in needed)
    field, given = str(first["loc"][0]), first["input"]
    if isinstance(given, Refusal):  # it could not be decoded
        return given
    if first["type"] != "missing":
        return Refusal(Reason(first["type"]), field, shown(given), str(first["ctx"]["allowed"]))
    if field == "symbol":
        return Refusal(Reason.NO_SYMBOL, field, ABSENT, NAME_ALLOWED)
    return Refusal(Reason.BAD_VALUE, field, ABSENT, "a text")
