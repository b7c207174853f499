"""The options of `ExitBrain.outcomes`: checked, and turned into the terms of a walk."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Literal, TypedDict, TypeVar, cast

from exitbrain.application.simulation.positions import BreakEven, Terms
from exitbrain.application.whatif.closes import AfterClose, CloseRules, Reading, UnknownCloses
from exitbrain.application.whatif.results import SEED
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.positions.ended_by import ReasonTable
from exitbrain.domain.simulation.candle import PriceKind
from exitbrain.domain.simulation.exit_setup import TpExecution, Trailing
from exitbrain.infrastructure.library.arguments import check
from exitbrain.infrastructure.library.given import BPS_MAX, double

AT_COST = "cost"
Choice = TypeVar("Choice", bound=StrEnum)
_BELOW_ONE = 1.0


class OutcomeOptions(TypedDict, total=False):
    """How recorded positions are walked and judged, as keywords; the options of `whatif --candles`.

    `judge` is the unit of the verdict. `unknown_closes`, `after_close` and `horizon` say how recorded closes are read,
    `reasons` is a file like that of the setting. `funding`, `mark` and `finer` are places of more market data. Fees and
    slippage are in basis points, `break_even` a fraction of the entry or "cost", `trailing` activation and distance as
    fractions. `include_off_market` counts positions with a price outside its candle too.
    """

    judge: Literal["committed", "r", "quote", "first"]
    unknown_closes: Literal["trader", "exits", "infer"]
    after_close: Literal["next-entry", "horizon"]
    horizon: timedelta | None
    reasons: str | Path | None
    seed: int
    include_off_market: bool
    funding: str | Path | None
    mark: str | Path | None
    finer: str | Path | None
    fee_bps: float | None
    slippage_bps: float | None
    maker_fee_bps: float | None
    break_even: float | Literal["cost"] | None
    trailing: tuple[float, float] | None
    time_stop: timedelta | None
    rule_interval: timedelta | None
    tp_execution: Literal["market", "limit"]
    working_type: Literal["contract", "mark"]


def check_names(options: Mapping[str, object]) -> None:
    """Raise TypeError for an option that does not exist."""
    if unknown := sorted(options.keys() - OutcomeOptions.__annotations__.keys()):
        known = ", ".join(OutcomeOptions.__annotations__)
        raise TypeError(f"outcomes() has no option {unknown[0]}; known: {known}")


def terms_given(options: OutcomeOptions, policy: Policy) -> Terms:
    """Return what holds for all positions; raises InvalidValue, and TypeError for a value of another type."""
    return Terms(
        policy=policy,
        fee_bps=_bps("fee_bps", options.get("fee_bps"), 0.0),
        slippage_bps=_bps("slippage_bps", options.get("slippage_bps"), 0.0),
        maker_fee_bps=_bps("maker_fee_bps", options.get("maker_fee_bps"), -BPS_MAX),
        break_even=_break_even(options.get("break_even")),
        trailing=_trailing(options.get("trailing")),
        time_stop_ms=_duration("time_stop", options.get("time_stop")),
        rule_interval_ms=_duration("rule_interval", options.get("rule_interval")),
        tp_execution=_one_of("tp_execution", options.get("tp_execution", TpExecution.MARKET), TpExecution),
        working_type=_one_of("working_type", options.get("working_type", PriceKind.CONTRACT), PriceKind),
    )


def closes_given(options: OutcomeOptions, table: ReasonTable) -> CloseRules:
    """Return how recorded closes are read; raises as `terms_given`."""
    reading = Reading(
        _one_of("unknown_closes", options.get("unknown_closes", UnknownCloses.TRADER), UnknownCloses),
        _one_of("after_close", options.get("after_close", AfterClose.NEXT_ENTRY), AfterClose),
    )
    return CloseRules(table, reading, _duration("horizon", options.get("horizon")))


def unit_given(options: OutcomeOptions) -> ResultUnit:
    """Return the unit that results are judged in; raises as `terms_given`."""
    return _one_of("judge", options.get("judge", ResultUnit.COMMITTED), ResultUnit)


def seed_given(options: OutcomeOptions) -> int:
    """Return where resampling begins; raises as `terms_given`."""
    seed = options.get("seed", SEED)
    check("seed", seed, int, "a whole number of 0 or more")
    if seed < 0:
        raise InvalidValue("seed", seed, "0 or more")
    return seed


def off_market_counts(options: OutcomeOptions) -> bool:
    """Return whether positions with a price outside its candle are counted; raises TypeError."""
    counted = options.get("include_off_market", False)
    check("include_off_market", counted, bool, "True or False")
    return counted


def path_given(name: str, given: object) -> Path | None:
    """Return a path, None where none is given; raises TypeError."""
    if given is None:
        return None
    check(name, given, (str, Path), "the path of a file or folder")
    return Path(cast(str | Path, given))


def _bps(name: str, given: object, low: float) -> float | None:
    return None if given is None else double(name, given, low, BPS_MAX)


def _break_even(given: object) -> BreakEven | None:
    if given is None:
        return None
    return (
        BreakEven() if given == AT_COST else BreakEven(double("break_even", given, -_BELOW_ONE, _BELOW_ONE))
    )


def _trailing(given: object) -> Trailing | None:
    if given is None:
        return None
    if not isinstance(given, tuple) or len(given) != 2:
        raise InvalidValue("trailing", given, "(activation, distance) as fractions, like (0.01, 0.005)")
    activation, distance = given
    return Trailing(double("trailing activation", activation), double("trailing distance", distance))


def _duration(name: str, given: object) -> int | None:
    if given is None:
        return None
    check(name, given, timedelta, "a timedelta")
    milliseconds = cast(timedelta, given) // timedelta(milliseconds=1)
    if milliseconds <= 0:
        raise InvalidValue(name, str(given), "a timedelta of a millisecond or more")
    return milliseconds


def _one_of(name: str, given: object, kind: type[Choice]) -> Choice:
    for choice in kind:
        if given == choice.value:
            return choice
    *others, last = [choice.value for choice in kind]
    raise InvalidValue(name, given, f"{', '.join(others)} or {last}")
