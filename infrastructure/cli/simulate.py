"""The command `simulate`: simulate positions of a file under a policy on market data."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from msgspec import UNSET

from exitbrain.application.ports.instruments import Instruments, NoInstruments
from exitbrain.application.ports.market import MarketData
from exitbrain.application.ports.walks import RowWalks, Walks
from exitbrain.application.simulation.positions import (
    GivenPosition,
    Simulated,
    Simulation,
    Terms,
    UnusablePosition,
)
from exitbrain.application.simulation.totals import totals_of
from exitbrain.application.whatif.policy_rows import label_of_simulation, policies_of_simulation
from exitbrain.application.whatif.simulated_rows import legs_of_simulated, row_of_simulated, row_of_unusable
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.policies.formulas.registry import SHIPPED, V3_5
from exitbrain.domain.policies.policy import Policy
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.engines import engine_for, own_engine, speaking_aside
from exitbrain.infrastructure.cli.errors import FINE, FOUND
from exitbrain.infrastructure.cli.grid import changed_policy
from exitbrain.infrastructure.cli.options import (
    BareBreakEven,
    EngineUnit,
    Json,
    TableFlags,
    WalkFlags,
    Wide,
    flag,
    takes_flags,
    verbs,
)
from exitbrain.infrastructure.cli.outcome_table import new_table
from exitbrain.infrastructure.cli.progress import ProgressBar
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.lab.positions import usable_positions
from exitbrain.infrastructure.presentation.printable import printable
from exitbrain.infrastructure.presentation.simulation import simulate_report, simulate_text
from exitbrain.infrastructure.presentation.wording import left_out_lines
from exitbrain.infrastructure.settings import ENV_FILE, load_settings

if TYPE_CHECKING:  # an extra
    from exitbrain.infrastructure.lab.outcome_files import OutcomeTable

MANY = 10_000
"""Number of positions from which it pays to load the compiled kernel, even if it must be compiled first."""

_AT_ONCE = 5_000

_LISTED = 100
"""How many positions stderr lists if none could be simulated."""


verb = verbs()


@verb.command(
    cls=BareBreakEven,
    epilog="Example: exitbrain simulate --positions positions.jsonl --candles candles/ --policy v3.6 --break-even",
)
@takes_flags(WalkFlags, TableFlags)
def simulate(
    given: WalkFlags,
    table: TableFlags,
    positions: Annotated[
        str, flag("FILE", "Positions, JSON lines or CSV: symbol, side, entry_price, opened_at, ...")
    ],
    candles: Annotated[str, flag("PATH", "Folder or file of candles, SYMBOL.csv[.gz] and the like.")],
    policy: Annotated[str | None, flag("P", "Policy, or foreign:MODULE:CLASS; default v3.5.")] = None,
    unit: EngineUnit = None,
    changes: Annotated[
        list[str] | None,
        flag("NAME=VALUE", "Change this parameter; can be given several times.", "--set"),
    ] = None,
    instruments: Annotated[
        str | None, flag("FILE", "Ticks, steps and leverage brackets of symbols; default none.")
    ] = None,
    report: Annotated[str | None, flag("FILE", "Write a report, one HTML page, to this file.")] = None,
    wide: Wide = False,
    as_json: Json = False,
) -> int:
    """Simulate positions of a file: every possible exit, bounded by worst and best.

    With --strict, exit code 1 if a position or market data had to be left out.
    """
    from exitbrain.infrastructure.cli.walk_flags import market_of, terms_of  # noqa: PLC0415 - an extra

    terms = terms_of(given, changed_policy(_named(policy, unit), changes or []))
    rules: Instruments = NoInstruments() if instruments is None else InstrumentsFile(Path(instruments))
    limits = load_settings(env_file=ENV_FILE).file_limits
    market = market_of(given, candles, limits)
    with speaking_aside(), _new_table(table, terms) as written:
        engine = engine_for([terms.policy], BuiltInFormulas())
        unusable: list[UnusablePosition] = []
        given_positions = usable_positions(positions, unusable, limits)
        walks, at_once = walks_for(len(given_positions))
        simulation = Simulation(engine, rules, market, walks, at_once)
        simulated = _walked(simulation, given_positions, terms, unusable)
        if not simulated:
            _raise_first(unusable)
        if written is not None:
            _write(written, simulated, unusable, market, include_off_market=given.include_off_market)
    left_out = [*(one.left_out for one in unusable), *market.left_out]
    notes = tuple(left_out_lines(left_out, market.remarks))
    totals = totals_of(simulated, include_off_market=given.include_off_market)
    if report is not None:
        from exitbrain.infrastructure.lab.reports.left_out import omitted_tables  # noqa: PLC0415 - brings plotly
        from exitbrain.infrastructure.lab.reports.simulation import write_simulation  # noqa: PLC0415 - brings plotly

        with speaking_aside():
            write_simulation(
                Path(report),
                terms.policy,
                simulated,
                totals,
                market,
                engine,
                given.include_off_market,
                omitted_tables(left_out, market.remarks),
            )
        output.say(f"Report: {report}")
    if as_json:
        printed = simulate_report(terms.policy, simulated, totals)
        printed.left_out, printed.remarks = left_out, market.remarks
        printed.table = UNSET if table.table is None else table.table
        output.emit(printed)
    else:
        text = simulate_text(terms.policy, simulated, totals, include_off_market=given.include_off_market)
        output.show(*text, *notes, wide=wide)
        if table.table is not None:
            output.say(f"Table of outcomes: {table.table}")
    return FOUND if given.strict and left_out else FINE


def _named(name: str | None, unit: str | None) -> Policy:
    policy = own_engine(name, unit) or (V3_5 if name is None else SHIPPED.get(name))
    if policy is None:
        raise UnknownPolicy(name or "", tuple(SHIPPED))
    return policy


def walks_for(positions: int) -> tuple[Walks, int]:
    """Return the walker for this many positions and how many it takes at once; all walkers give the same results."""
    if positions < MANY or find_spec("numba") is None:  # numba comes with an extra
        return RowWalks(), 1
    from exitbrain.infrastructure.lab.walking.walker import KernelWalks  # noqa: PLC0415 - only many are worth it

    return KernelWalks(), _AT_ONCE


def _walked(
    simulation: Simulation, positions: list[GivenPosition], terms: Terms, unusable: list[UnusablePosition]
) -> list[Simulated]:
    simulated: list[Simulated] = []
    with ProgressBar("walking", len(positions)) as work:
        for one in simulation.run(positions, terms, unusable):
            simulated.append(one)
            work.reached(len(simulated), count=len(simulated), unit="positions")
    return simulated


def _new_table(flags: TableFlags, terms: Terms) -> "AbstractContextManager[OutcomeTable | None]":
    return new_table(flags, lambda: (label_of_simulation(terms.policy), policies_of_simulation(terms)))


def _write(
    table: "OutcomeTable",
    simulated: Sequence[Simulated],
    unusable: Sequence[UnusablePosition],
    market: MarketData,
    *,
    include_off_market: bool,
) -> None:
    """Write each position that was simulated, then each that could not be."""
    for one in simulated:
        candles = market.market(one.position.market_symbol).candles
        row = row_of_simulated(one, candles, include_off_market=include_off_market)
        table.take([row], list(legs_of_simulated(one)))
    table.take([row_of_unusable(one) for one in unusable])


def _raise_first(unusable: Sequence[UnusablePosition]) -> None:
    """Raise the error of the first position, since none could be simulated; list several reasons on stderr."""
    if not unusable:
        return
    left_out = [one.left_out for one in unusable]
    if len({one.reason for one in left_out}) > 1:
        for line in left_out_lines(left_out[:_LISTED], ()):
            output.say(printable(line))
    raise unusable[0].error
