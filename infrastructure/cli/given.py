"""From what a user typed to the inputs of a level computation, within the ranges that messages have too."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from math import nextafter
from pathlib import Path
from sys import float_info

from exitbrain.application.explain import Explanation, explain
from exitbrain.application.planning import DecisionSettings
from exitbrain.application.replay import EVERYTHING, Selection
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.formulas.registry import SHIPPED, V3_5
from exitbrain.domain.guards import Freshness
from exitbrain.domain.instrument import Instrument
from exitbrain.domain.levels import LevelInputs
from exitbrain.domain.policy import Policy
from exitbrain.domain.values import LEVERAGE_MAX, LEVERAGE_MIN, Assumption, Side
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.options import GivenInputs

_DEFAULTS = DecisionSettings()
_FRESH = Freshness(0.0, _DEFAULTS.max_intent_age_s)
"""Inputs typed now are as fresh as can be."""


@dataclass(frozen=True, slots=True)
class _Range:
    low: float
    high: float
    allowed: str


_ANY = _Range(-1e15, 1e15, "-1e15 to 1e15")
_POSITIVE = _Range(1e-15, 1e15, "1e-15 to 1e15")
_COST = _Range(0.0, nextafter(10_000.0, 0.0), "0 up to 10000 basis points")
_RANGES = {
    "leverage": _Range(LEVERAGE_MIN, LEVERAGE_MAX, f"{LEVERAGE_MIN:g} to {LEVERAGE_MAX:g}"),
    "volatility": _Range(0.0, 1e15, "0 to 1e15"),
    "funding": _ANY,
    "divergence": _ANY,
    "confidence": _Range(-float_info.max, float_info.max, "a finite number"),
    "avg_pnl": _ANY,
    "base_tp": _POSITIVE,
    "base_sl": _POSITIVE,
    "fee_bps": _COST,
    "slippage_bps": _COST,
}
_NAMES = {"avg_pnl": "average_pnl"}
"""The inputs whose flag has another name."""
_ASSUMED: dict[str, float] = {
    "volatility": 1.0,
    "funding": 0.0,
    "divergence": 0.0,
    "confidence": 0.8,
    "avg_pnl": 0.0,
}


@dataclass(frozen=True, slots=True)
class Given:
    """An explanation of given inputs, and the defaults that stood in for those not given."""

    explanation: Explanation
    assumptions: tuple[Assumption, ...]


def explain_given(given: GivenInputs) -> Given:
    """Compute and explain the levels for what a user gave; raises InvalidValue, UnknownPolicy or WrongUsage."""
    policy = _policy(given.policy)
    instrument = _instrument(given)
    return Given(explain(policy, _inputs(given, policy, instrument), instrument, _FRESH), _assumptions(given))


def symbol_of(text: str) -> str:
    """Return a symbol as messages are read: trimmed, in upper case when it is ASCII."""
    trimmed = text.strip()
    return trimmed.upper() if trimmed.isascii() else trimmed


def selection_of(since: str | None, until: str | None, symbol: str | None) -> Selection:
    """Return which decisions a user selected; raises InvalidValue for a time that is none."""
    if since is None and until is None and symbol is None:
        return EVERYTHING
    return Selection(
        _time("since", since), _time("until", until), None if symbol is None else symbol_of(symbol)
    )


def _inputs(given: GivenInputs, policy: Policy, instrument: Instrument | None) -> LevelInputs:
    if given.leverage is None:
        raise WrongUsage("--leverage is missing; allowed: 1 to 125")
    own_fee = None if instrument is None else instrument.taker_fee_bps
    return LevelInputs(
        side=_side(given.side),
        leverage=_double("leverage", given.leverage, 1.0),
        leverage_assumed=False,
        volatility=_double("volatility", given.volatility, _ASSUMED["volatility"]),
        funding=_double("funding", given.funding, _ASSUMED["funding"]),
        divergence=_double("divergence", given.divergence, _ASSUMED["divergence"]),
        confidence=_double("confidence", given.confidence, _ASSUMED["confidence"]),
        average_pnl=_double("avg_pnl", given.avg_pnl, _ASSUMED["avg_pnl"]),
        base_tp=_double("base_tp", given.base_tp, policy.parameters["base_tp"]),
        base_sl=_double("base_sl", given.base_sl, policy.parameters["base_sl"]),
        fee_bps=_double("fee_bps", given.fee_bps, _DEFAULTS.fee_bps if own_fee is None else own_fee),
        slippage_bps=_double("slippage_bps", given.slippage_bps, _DEFAULTS.slippage_bps),
        entry_price=_decimal("entry", given.entry),
        quantity=_decimal("quantity", given.quantity),
    )


def _assumptions(given: GivenInputs) -> tuple[Assumption, ...]:
    assumed = [(flag, repr(value)) for flag, value in _ASSUMED.items() if getattr(given, flag) is None]
    if given.side is None:
        assumed.insert(0, ("side", Side.LONG.value))
    return tuple(Assumption(_NAMES.get(flag, flag), value, "not given") for flag, value in assumed)


def _policy(name: str | None) -> Policy:
    if name is None:
        return V3_5
    if name not in SHIPPED:
        raise UnknownPolicy(name, tuple(SHIPPED))
    return SHIPPED[name]


def _instrument(given: GivenInputs) -> Instrument | None:
    if given.instruments is None:
        return None
    if given.symbol is None:
        raise WrongUsage("--instruments needs --symbol: which of the symbols in the file")
    # Only here, since it brings pydantic.
    from exitbrain.infrastructure.instruments.file import InstrumentsFile  # noqa: PLC0415 - start-up

    symbol = symbol_of(given.symbol)
    instrument = InstrumentsFile(Path(given.instruments)).instrument(symbol)
    if instrument is None:
        raise WrongUsage(f"symbol {symbol} is not in {given.instruments}")
    return instrument


def _side(text: str | None) -> Side:
    word = Side.LONG.value if text is None else text.strip().upper()
    if word not in Side.__members__:
        raise InvalidValue("side", text, "LONG or SHORT")
    return Side[word]


def _double(field: str, value: float | None, default: float) -> float:
    if value is None:
        return default
    permitted = _RANGES[field]
    if not permitted.low <= value <= permitted.high:
        raise InvalidValue(field, value, permitted.allowed)
    return value


def _decimal(field: str, text: str | None) -> Decimal | None:
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and Decimal("1e-15") <= number <= Decimal("1e15")):
        raise InvalidValue(field, text, _POSITIVE.allowed)
    return number


def _time(field: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text.strip())
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidValue(
            field, text, "a time in ISO 8601, like 2026-01-31 or 2026-01-31T12:00:00Z"
        ) from error
