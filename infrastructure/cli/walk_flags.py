"""Turn the flags of a simulation into its terms and market data."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Protocol

from exitbrain.application.ports.market import MarketData, Omitted
from exitbrain.application.simulation.positions import BreakEven, Terms
from exitbrain.application.whatif.closes import AfterClose, CloseRules, Reading, UnknownCloses
from exitbrain.domain.errors import InvalidValue
from exitbrain.domain.evidence.sizes import ResultUnit
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.positions.ended_by import ReasonTable
from exitbrain.domain.simulation.candle import PriceKind
from exitbrain.domain.simulation.exit_setup import TpExecution, Trailing
from exitbrain.infrastructure.cli.options import CloseFlags, WalkFlags
from exitbrain.infrastructure.cli.percents import decimal_of
from exitbrain.infrastructure.files.limits import FileLimits
from exitbrain.infrastructure.lab.intervals import interval_named

AT_COST = "cost"


class WalkedMarket(MarketData, Protocol):
    """Market data, with what could not be used and what was assumed."""

    left_out: list[Omitted]
    remarks: list[str]


_in_memory: ContextVar[dict[str, WalkedMarket]] = ContextVar("market_in_memory")


def terms_of(flags: WalkFlags, policy: Policy) -> Terms:
    """Return the terms common to all positions; raises InvalidValue."""
    return Terms(
        policy=policy,
        fee_bps=flags.fee_bps,
        slippage_bps=flags.slippage_bps,
        maker_fee_bps=flags.maker_fee_bps,
        break_even=_break_even(flags.break_even),
        trailing=_trailing(flags.trailing),
        time_stop_ms=_duration("--time-stop", flags.time_stop),
        rule_interval_ms=_duration("--rule-interval", flags.rule_interval),
        tp_execution=TpExecution(
            _one_of("--tp-execution", flags.tp_execution, [kind.value for kind in TpExecution])
        ),
        working_type=PriceKind(
            _one_of("--working-type", flags.working_type, [kind.value for kind in PriceKind])
        ),
    )


def close_rules_of(flags: CloseFlags, table: ReasonTable) -> CloseRules:
    """Return how recorded closes are read; raises InvalidValue."""
    unknown = _one_of("--unknown-closes", flags.unknown_closes, [each.value for each in UnknownCloses])
    after = _one_of("--after-close", flags.after_close, [each.value for each in AfterClose])
    return CloseRules(
        table, Reading(UnknownCloses(unknown), AfterClose(after)), _duration("--horizon", flags.horizon)
    )


def unit_of(flags: CloseFlags) -> ResultUnit:
    """Return the unit that results are judged in; raises InvalidValue."""
    return ResultUnit(_one_of("--judge", flags.judge, [each.value for each in ResultUnit]))


def market_of(flags: WalkFlags, candles: str, limits: FileLimits) -> WalkedMarket:
    """Return the market data that the flags name, apart from the path of the candles."""
    if (market := _in_memory.get({}).get(candles)) is not None:
        return market
    # Imported here: it loads the libraries that read market data files.
    from exitbrain.infrastructure.lab.market_files import MarketFiles  # noqa: PLC0415 - an extra

    return MarketFiles(
        Path(candles),
        mark=_path(flags.mark),
        lower_timeframe=_path(flags.finer),
        funding=_path(flags.funding),
        limits=limits,
    )


@contextmanager
def market_in_memory(candles: str, market: WalkedMarket) -> Iterator[None]:
    """Let commands use this market data where --candles names it: files need the extra `lab`, which a demo may lack."""
    token = _in_memory.set({candles: market})
    try:
        yield
    finally:
        _in_memory.reset(token)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _break_even(text: str | None) -> BreakEven | None:
    if text is None:
        return None
    return BreakEven() if text == AT_COST else BreakEven(_fraction_of("--break-even", text, text))


def _trailing(text: str | None) -> Trailing | None:
    if text is None:
        return None
    activation, separator, distance = text.partition(":")
    if not separator:
        raise InvalidValue("--trailing", text, "ACTIVATION:DISTANCE, like 1%:0.5% or 0.01:0.005")
    return Trailing(_fraction_of("--trailing", activation, text), _fraction_of("--trailing", distance, text))


def _duration(flag: str, text: str | None) -> int | None:
    if text is None:
        return None
    duration = interval_named(f"{text}m") or interval_named(text)
    if duration is None:
        allowed = "minutes, or a number with s, m, h, d or w, like 90, 30s or 4h, up to a hundred years"
        raise InvalidValue(flag, text, allowed)
    return duration


def _fraction_of(flag: str, text: str, whole: str) -> float:
    """Return `text`, a part of `whole`, as a fraction; raises InvalidValue, which quotes `whole`."""
    number = decimal_of(text)
    if number.is_nan():
        raise InvalidValue(flag, whole, "a fraction or a percentage, like 0.001 or 0.1%")
    return float(number)


def _one_of(flag: str, text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise InvalidValue(flag, text, f"{', '.join(allowed[:-1])} or {allowed[-1]}")
    return text
