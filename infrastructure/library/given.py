"""Check the inputs of a level computation, name an invalid one, and make numbers exact."""

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import nextafter
from sys import float_info
from typing import Required, TypedDict

from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import LEVERAGE_MAX, LEVERAGE_MIN, Side, changed
from exitbrain.infrastructure.library.arguments import check

# Wide enough for any market, narrow enough that no product of inputs overflows.
SMALLEST, LARGEST = 1e-15, 1e15
BPS_MAX = nextafter(10_000.0, 0.0)

_LIMITS = {
    "leverage": (LEVERAGE_MIN, LEVERAGE_MAX),
    "volatility": (0.0, LARGEST),
    "funding": (-LARGEST, LARGEST),
    "divergence": (-LARGEST, LARGEST),
    "confidence": (-float_info.max, float_info.max),  # only compared, never used in computation
    "average_pnl": (-LARGEST, LARGEST),
    "base_tp": (SMALLEST, LARGEST),
    "base_sl": (SMALLEST, LARGEST),
    "fee_bps": (0.0, BPS_MAX),
    "slippage_bps": (0.0, BPS_MAX),
}

Amount = Decimal | float | str


class GivenInputs(TypedDict, total=False):
    """The inputs of a level computation as keywords; only `leverage` must be given.

    `leverage` 1..125; `side` LONG or SHORT; `volatility` a factor (1.0 = normal); `funding` the funding rate as a
    fraction; `divergence` and `confidence` 0..1; `average_pnl` a price return in percent; the bases raw numbers in
    the policy's unit (None: those of the policy); price and quantity None where unknown; fee and slippage in basis
    points per side and per market exit (None: those of the instrument or the settings).
    """

    leverage: Required[float]
    side: Side | str
    volatility: float
    funding: float
    divergence: float
    confidence: float
    average_pnl: float
    base_tp: float | None
    base_sl: float | None
    entry_price: Amount | None
    quantity: Amount | None
    fee_bps: float | None
    slippage_bps: float | None


def level_inputs(
    policy: Policy,
    instrument: Instrument | None,
    settings: DecisionSettings,
    *,
    leverage: float,
    side: Side | str = Side.LONG,
    volatility: float = 1.0,
    funding: float = 0.0,
    divergence: float = 0.0,
    confidence: float = 0.8,
    average_pnl: float = 0.0,
    base_tp: float | None = None,
    base_sl: float | None = None,
    entry_price: Amount | None = None,
    quantity: Amount | None = None,
    fee_bps: float | None = None,
    slippage_bps: float | None = None,
) -> LevelInputs:
    """Return the inputs that `GivenInputs` describe; raises InvalidValue."""
    own_fee = None if instrument is None else instrument.taker_fee_bps
    usual_fee = settings.fee_bps if own_fee is None else own_fee
    return checked(
        LevelInputs(
            side=_side(side),
            leverage=leverage,
            leverage_assumed=False,
            volatility=volatility,
            funding=funding,
            divergence=divergence,
            confidence=confidence,
            average_pnl=average_pnl,
            base_tp=policy.parameters["base_tp"] if base_tp is None else base_tp,
            base_sl=policy.parameters["base_sl"] if base_sl is None else base_sl,
            fee_bps=usual_fee if fee_bps is None else fee_bps,
            slippage_bps=settings.slippage_bps if slippage_bps is None else slippage_bps,
            entry_price=None if entry_price is None else amount("entry_price", entry_price),
            quantity=None if quantity is None else amount("quantity", quantity),
        )
    )


def checked(inputs: LevelInputs) -> LevelInputs:
    """Return inputs with every ratio an exact double inside its limits; raises InvalidValue."""
    exact = {field: double(field, getattr(inputs, field), *limits) for field, limits in _LIMITS.items()}
    return changed(inputs, **exact)


def double(field: str, value: object, low: float = -LARGEST, high: float = LARGEST) -> float:
    """Return a number from `low` to `high` as a double; raises InvalidValue."""
    below = "below " if float(f"{high:g}") > high else ""  # BPS_MAX, in short, is a number too large
    allowed = f"a number from {low:g} to {below}{high:g}"
    if not hasattr(value, "__float__"):  # text is no number, and None is none
        raise InvalidValue(field, value, allowed)
    try:
        number = float(value)
    except OverflowError as error:
        raise InvalidValue(field, value, allowed) from error
    if not low <= number <= high:
        raise InvalidValue(field, value, allowed)
    return number


def amount(field: str, value: Amount) -> Decimal:
    """Return a price or quantity with its digits as written; raises InvalidValue."""
    allowed = f"a number from {SMALLEST:g} to {LARGEST:g}"
    try:
        number = Decimal(str(value))
    except InvalidOperation as error:
        raise InvalidValue(field, value, allowed) from error
    if not number.is_finite() or not Decimal(repr(SMALLEST)) <= number <= Decimal(repr(LARGEST)):
        raise InvalidValue(field, value, allowed)
    return number


def moment(field: str, value: datetime) -> datetime:
    """Return an aware time in UTC; raises InvalidValue for a naive one, which is ambiguous."""
    check(field, value, datetime, "a datetime with its offset, such as datetime.now(UTC)")
    if value.utcoffset() is None:
        raise InvalidValue(field, value.isoformat(), "a time with its offset, such as datetime.now(UTC)")
    return value.astimezone(UTC)


def _side(value: Side | str) -> Side:
    try:
        return Side(value.strip().upper())
    except (ValueError, AttributeError) as error:
        raise InvalidValue("side", value, "LONG or SHORT") from error
