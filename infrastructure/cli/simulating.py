"""The command `simulate`: positions of a file through the levels of a policy and what the market did."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from exitbrain.application.ports.instruments import Instruments, NoInstruments
from exitbrain.application.ports.walks import RowWalks, Walks
from exitbrain.application.simulation import GivenPosition, Simulated, Simulation, Terms, Unwalked
from exitbrain.application.simulation_totals import totals_of
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.formulas.registry import SHIPPED, V3_5
from exitbrain.domain.formulas.variant import variant_of
from exitbrain.domain.policy import FOREIGN, Policy
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.engines import engine_for, policy_of, speaking_aside
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.grid import changes_of
from exitbrain.infrastructure.cli.left_out import check_any_walked, code_of
from exitbrain.infrastructure.cli.options import WalkFlags
from exitbrain.infrastructure.cli.progress import Watched
from exitbrain.infrastructure.cli.simulation_text import report_of, text_of
from exitbrain.infrastructure.cli.walk_flags import market_of, terms_of
from exitbrain.infrastructure.engine.builtin import BuiltInFormulas
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.lab.positions import usable_positions
from exitbrain.infrastructure.settings import ENV_FILE, load_settings
from exitbrain.infrastructure.wording import left_out_lines

MANY = 10_000
"""From so many positions on loading the compiled kernel is worth it, and on its first use compiling it."""

_AT_ONCE = 5_000


def simulate(
    given: WalkFlags,
    *,
    positions: str,
    candles: str,
    policy: str | None,
    unit: str | None,
    changes: Sequence[str],
    brackets: str | None,
    report: str | None,
    as_json: bool,
) -> int:
    """Walk every position that can be walked and report the bounds."""
    terms = terms_of(given, variant_of(_named(policy, unit), changes_of(changes)))
    instruments: Instruments = NoInstruments() if brackets is None else InstrumentsFile(Path(brackets))
    limits = load_settings(env_file=ENV_FILE).file_limits
    market = market_of(given, candles, limits)
    with speaking_aside():
        engine = engine_for([terms.policy], BuiltInFormulas())
        unwalked: list[Unwalked] = []
        given_positions = usable_positions(positions, unwalked, limits)
        walks, at_once = walks_for(len(given_positions))
        simulation = Simulation(engine, instruments, market, walks, at_once)
        simulated = _walked(simulation, given_positions, terms, unwalked)
    check_any_walked(len(simulated), unwalked)
    left_out = [*(one.left_out for one in unwalked), *market.left_out]
    notes = tuple(left_out_lines(left_out, market.remarks))
    totals = totals_of(simulated, include_off_market=given.include_off_market)
    if report is not None:
        # Only here, since it brings plotly.
        from exitbrain.infrastructure.lab.report.simulation import write_simulation  # noqa: PLC0415 - start-up

        with speaking_aside():
            write_simulation(
                Path(report), terms.policy, simulated, totals, market, engine, given.include_off_market, notes
            )
        output.say(f"Report: {report}")
    if as_json:
        printed = report_of(terms.policy, simulated, totals)
        printed.left_out, printed.remarks = left_out, market.remarks
        output.emit(printed)
    else:
        text = text_of(terms.policy, simulated, totals, include_off_market=given.include_off_market)
        output.show(*text, *notes)
    return code_of(given.strict, left_out)


def _named(name: str | None, unit: str | None) -> Policy:
    if name is not None and name.startswith(FOREIGN):
        return policy_of(name, unit)
    if unit is not None:
        raise WrongUsage(f"--unit says how to read an engine of your own, --policy {FOREIGN}MODULE:CLASS")
    policy = V3_5 if name is None else SHIPPED.get(name)
    if policy is None:
        raise UnknownPolicy(name or "", tuple(SHIPPED))
    return policy


def walks_for(positions: int) -> tuple[Walks, int]:
    """Return who walks so many positions, and how many at once; whoever does walks them alike."""
    if positions < MANY or find_spec("numba") is None:  # numba comes with an extra
        return RowWalks(), 1
    from exitbrain.infrastructure.lab.walking.walker import KernelWalks  # noqa: PLC0415 - only many are worth it

    return KernelWalks(), _AT_ONCE


def _walked(
    simulation: Simulation, positions: list[GivenPosition], terms: Terms, unwalked: list[Unwalked]
) -> list[Simulated]:
    simulated: list[Simulated] = []
    with Watched("walking", len(positions)) as work:
        for one in simulation.run(positions, terms, unwalked):
            simulated.append(one)
            work.reached(len(simulated), count=len(simulated), unit="positions")
    return simulated
