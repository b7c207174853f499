"""The command `simulate`: positions of a file through the levels of a policy and what the market did."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from exitbrain.application.ports.instruments import Instruments, NoInstruments
from exitbrain.application.ports.walks import RowWalks, Walks
from exitbrain.application.simulation import BreakEven, GivenPosition, Simulated, Simulation, Terms
from exitbrain.application.simulation_totals import totals_of
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.formulas.registry import SHIPPED, V3_5
from exitbrain.domain.policy import Policy
from exitbrain.domain.walk.candle import PriceKind
from exitbrain.domain.walk.givens import TpExecution, Trailing
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.progress import Watched
from exitbrain.infrastructure.cli.simulation_text import report_of, text_of
from exitbrain.infrastructure.engine.builtin import BuiltInFormulas
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.lab.candles import interval_named
from exitbrain.infrastructure.lab.market_files import MarketFiles
from exitbrain.infrastructure.lab.positions import read_positions

AT_COST = "cost"

MANY = 10_000
"""From so many positions on loading the compiled kernel is worth it, and on its first use compiling it."""

_AT_ONCE = 5_000
_MINUTE_MS = 60_000


@dataclass(frozen=True, kw_only=True)
class SimulateFlags:
    """What a user gives for a simulation, as typed."""

    positions: str
    candles: str
    policy: str | None
    changes: Sequence[str]
    fee_bps: float | None
    slippage_bps: float | None
    maker_fee_bps: float | None
    funding: str | None
    mark: str | None
    brackets: str | None
    finer: str | None
    break_even: str | None
    trailing: str | None
    time_stop: str | None
    rule_interval: str | None
    tp_execution: str
    working_type: str
    include_off_market: bool


def simulate(flags: SimulateFlags, *, as_json: bool) -> None:
    """Walk every position and report the bounds."""
    terms = terms_of(flags)
    instruments: Instruments = (
        NoInstruments() if flags.brackets is None else InstrumentsFile(Path(flags.brackets))
    )
    market = MarketFiles(
        Path(flags.candles), mark=_path(flags.mark), finer=_path(flags.finer), funding=_path(flags.funding)
    )
    positions = read_positions(flags.positions)
    walks, at_once = walks_for(len(positions))
    simulation = Simulation(BuiltInFormulas(), instruments, market, walks, at_once)
    simulated = _walked(simulation, positions, terms)
    totals = totals_of(simulated, include_off_market=flags.include_off_market)
    if as_json:
        output.emit(report_of(terms.policy, simulated, totals))
    else:
        output.show(*text_of(terms.policy, simulated, totals, include_off_market=flags.include_off_market))


def terms_of(flags: SimulateFlags) -> Terms:
    """Return what holds for all positions; raises InvalidValue or UnknownPolicy."""
    return Terms(
        policy=changed_policy(flags.policy, flags.changes),
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


def changed_policy(name: str | None, changes: Sequence[str]) -> Policy:
    """Return a shipped policy, with other values of some parameters (`name=value`) where asked for."""
    policy = V3_5 if name is None else SHIPPED.get(name)
    if policy is None:
        raise UnknownPolicy(name or "", tuple(SHIPPED))
    parameters = dict(policy.parameters)
    for change in changes:
        parameter, separator, value = change.partition("=")
        if not separator or parameter not in parameters:
            raise InvalidValue("--set", change, f"NAME=VALUE with one of {', '.join(sorted(parameters))}")
        parameters[parameter] = _number("--set", value, change)
    if not changes:
        return policy
    return replace(policy, name=f"{policy.name} with {' '.join(changes)}", parameters=parameters)


def walks_for(positions: int) -> tuple[Walks, int]:
    """Return who walks so many positions, and how many at once; whoever does walks them alike."""
    if positions < MANY or find_spec("numba") is None:  # numba comes with an extra
        return RowWalks(), 1
    from exitbrain.infrastructure.lab.walking.walker import KernelWalks  # noqa: PLC0415 - only many are worth it

    return KernelWalks(), _AT_ONCE


def _walked(simulation: Simulation, positions: list[GivenPosition], terms: Terms) -> list[Simulated]:
    simulated: list[Simulated] = []
    with Watched("walking", len(positions)) as work:
        for one in simulation.run(positions, terms):
            simulated.append(one)
            work.reached(len(simulated), count=len(simulated), unit="positions")
    return simulated


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


def _break_even(text: str | None) -> BreakEven | None:
    if text is None:
        return None
    return BreakEven() if text == AT_COST else BreakEven(_number("--break-even", text, text))


def _trailing(text: str | None) -> Trailing | None:
    if text is None:
        return None
    activation, separator, distance = text.partition(":")
    if not separator:
        raise InvalidValue("--trailing", text, "ACTIVATION:DISTANCE as fractions, like 0.01:0.005")
    return Trailing(_number("--trailing", activation, text), _number("--trailing", distance, text))


def _duration(flag: str, text: str | None) -> int | None:
    if text is None:
        return None
    if re.fullmatch("[0-9]+", text) and int(text):
        return int(text) * _MINUTE_MS
    duration = interval_named(text)
    if duration is None:
        raise InvalidValue(flag, text, "minutes, or a number with s, m, h, d or w, like 90, 30s or 4h")
    return duration


def _number(flag: str, text: str, whole: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidValue(flag, whole, "a number, like 0.001") from error


def _one_of(flag: str, text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise InvalidValue(flag, text, " or ".join(allowed))
    return text
