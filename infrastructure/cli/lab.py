"""The commands `lab lookahead`, which perturbs everything after a moment, and `lab example`, which writes a record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from exitbrain.application.lookahead.engines import Ask, EngineCheck
from exitbrain.application.lookahead.findings import PolicyVerdict
from exitbrain.application.lookahead.history import history_of
from exitbrain.application.lookahead.record import RecordCheck
from exitbrain.domain.errors import InvalidValue, UnknownPolicy
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.domain.policies.policy import FOREIGN, Policy
from exitbrain.domain.values import changed
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.engines import find_in_working_folder, policy_of, speaking_aside
from exitbrain.infrastructure.cli.errors import FINE, FOUND, WrongUsage
from exitbrain.infrastructure.cli.options import EngineUnit, Json, Store, Wide, flag, verbs
from exitbrain.infrastructure.cli.progress import ProgressBar
from exitbrain.infrastructure.cli.store import reading
from exitbrain.infrastructure.engines.under_test import WatchedEngineOfPolicy
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.presentation.lab_example import lab_example_text
from exitbrain.infrastructure.presentation.lookahead import (
    LookaheadReport,
    LookaheadVerdict,
    lookahead_text,
    verdict_of,
)
from exitbrain.infrastructure.settings import ENV_FILE, load_settings
from exitbrain.infrastructure.wire.translator import WireTranslator

CUTS_MAX, MESSAGES_MAX = 1000, 1_000_000
"""More moments or messages would take days."""


@dataclass(frozen=True, slots=True)
class LookaheadFlags:
    """The options of a look-ahead test, as typed."""

    policies: Sequence[str]
    unit: str | None
    store: str | None
    positions: str | None
    candles: str | None
    instruments: str | None
    cuts: int
    messages: int


verb = verbs()


@verb.command("lookahead", epilog="Example: exitbrain lab lookahead --policy v3.6 --store sqlite:///t.db")
def lookahead(
    policies: Annotated[
        list[str] | None,
        flag(
            "P",
            "This policy, or your own engine foreign:MODULE:CLASS; can be given several times; default all.",
            "--policy",
        ),
    ] = None,
    unit: EngineUnit = None,
    store: Store = None,
    positions: Annotated[
        str | None, flag("FILE", "Instead of a store: positions as simulate takes them; needs --candles.")
    ] = None,
    candles: Annotated[str | None, flag("DIR", "Candles to simulate the positions on.")] = None,
    instruments: Annotated[
        str | None, flag("FILE", "Ticks, steps and leverage brackets; needs --positions; default none.")
    ] = None,
    cuts: Annotated[int, Option(metavar="N", help="Moments after which everything is perturbed.")] = 8,
    messages: Annotated[
        int, Option(metavar="N", help="How many messages of the record, from the first one on.")
    ] = 1000,
    wide: Wide = False,
    as_json: Json = False,
) -> int:
    """Perturb everything after a moment: no decision or exit by then may move.

    Exit code 1 when one moved.
    """
    flags = LookaheadFlags(policies or [], unit, store, positions, candles, instruments, cuts, messages)
    _check("--cuts", flags.cuts, CUTS_MAX)
    _check("--messages", flags.messages, MESSAGES_MAX)
    if (flags.positions is None) != (flags.candles is None):
        raise WrongUsage("--positions and --candles belong together: exits are simulated on candles")
    if flags.instruments is not None and flags.positions is None:
        raise WrongUsage("--instruments needs --positions: a record has its own instruments")
    if flags.positions is not None and flags.store is not None:
        raise WrongUsage("test either the record of --store or the exits of --positions")
    with speaking_aside():
        tested = _on_store(flags) if flags.positions is None else _on_positions(flags)
    output.give(tested, lookahead_text(tested), as_json=as_json, wide=wide)
    return FINE if not any(verdict.moved for verdict in tested.policies) else FOUND


@verb.command("example", epilog="Example: exitbrain lab example wicks --effect wicks")
def example(
    folder: Annotated[str, Argument(metavar="DIR", help="A new or empty folder for the files.")],
    effect: Annotated[
        str,
        Option(metavar="E", help="wicks: dips beyond the stops that come back; none: the same without them."),
    ] = "wicks",
    days: Annotated[int, Option(metavar="N", help="How many days, 1 to 366; a verdict needs 30.")] = 45,
    seed: Annotated[int, Option(metavar="N", help="Where the generator begins.")] = 7,
    as_json: Json = False,
) -> None:
    """Write synthetic messages and candles on which a sweep of the stop reaches a verdict."""
    # Only here: `lab lookahead` needs none of it.
    from exitbrain.infrastructure.cli.lab_example import write_example  # noqa: PLC0415 - start-up

    report = write_example(folder, effect, days, seed)
    output.give(report, lab_example_text(report), as_json=as_json)


def _on_store(flags: LookaheadFlags) -> LookaheadReport:
    with reading(flags.store, "reading") as store_read:
        history = history_of(store_read.ledger, flags.messages)
        if not history.messages:
            raise WrongUsage(f"{store_read.name} has no messages: there is nothing to perturb")
        known = {name: one.policy for name, one in store_read.ledger.register().policies.items()}
        settings = store_read.container.settings()

    def test(policy: Policy, engine: WatchedEngineOfPolicy, verdict: PolicyVerdict) -> None:
        asks = [_under(policy, ask) for ask in history.asks]
        EngineCheck(policy, engine, asks, cuts=flags.cuts).run(verdict)
        RecordCheck(
            policy,
            engine.new,
            history.messages,
            cuts=flags.cuts,
            new_ledger=InMemoryLedger,
            translator=WireTranslator(),
            instruments=history.instruments,
            settings=settings.decisions,
        ).run(verdict)

    verdicts = _each(_policies(flags, known), _files_of(settings.store), test)
    return LookaheadReport(
        store_read.name, len(history.messages), None, len(history.asks), flags.cuts, verdicts
    )


def _on_positions(flags: LookaheadFlags) -> LookaheadReport:
    # Only runs with candles pay for importing Arrow.
    from exitbrain.infrastructure.lab.lookahead import PositionsUnderTest  # noqa: PLC0415

    assert flags.positions is not None
    assert flags.candles is not None
    policies = _policies(flags, {})
    limits = load_settings(env_file=ENV_FILE).file_limits
    under_test = PositionsUnderTest(flags.positions, Path(flags.candles), flags.instruments, limits)
    verdicts = _each(
        policies,
        [Path(flags.positions), Path(flags.candles)],
        lambda policy, engine, verdict: under_test.check(policy, engine, verdict, cuts=flags.cuts),
    )
    count = len(under_test.positions)
    source = f"{flags.positions} and {flags.candles}"
    return LookaheadReport(source, None, count, count, flags.cuts, verdicts)


def _each(
    policies: Sequence[Policy],
    history: Sequence[Path],
    test: Callable[[Policy, WatchedEngineOfPolicy, PolicyVerdict], None],
) -> list[LookaheadVerdict]:
    verdicts = []
    with ProgressBar("perturbing", len(policies)) as work:
        for number, policy in enumerate(policies):
            work.reached(number, count=number, unit="policies")
            engine = WatchedEngineOfPolicy(policy, history)
            verdict = PolicyVerdict(policy.name)
            test(policy, engine, verdict)
            verdict.when_loaded = engine.when_loaded
            verdicts.append(verdict_of(verdict))
    return verdicts


def _policies(flags: LookaheadFlags, known: dict[str, Policy]) -> list[Policy]:
    every, names = {**SHIPPED, **known}, flags.policies
    if flags.unit is not None and not any(name.startswith(FOREIGN) for name in names):
        raise WrongUsage(f"--unit says how to read your own engine, --policy {FOREIGN}MODULE:CLASS")
    policies = []
    for name in names or every:
        if name.startswith(FOREIGN):
            find_in_working_folder()
            policies.append(policy_of(name, flags.unit))
        elif name in every:
            policies.append(every[name])
        else:
            raise UnknownPolicy(name, (*every, f"{FOREIGN}MODULE:CLASS"))
    return policies


def _under(policy: Policy, ask: Ask) -> Ask:
    """Return a decision with the bases of a policy."""
    base_tp, base_sl = policy.parameters["base_tp"], policy.parameters["base_sl"]
    return changed(ask, inputs=changed(ask.inputs, base_tp=base_tp, base_sl=base_sl))


def _files_of(store: str) -> list[Path]:
    """Return the files of a store on this machine."""
    if not store.startswith("sqlite:///"):
        return []
    path = Path(store.removeprefix("sqlite:///"))
    return [path, path.with_name(f"{path.name}-wal")]


def _check(option: str, value: int, most: int) -> None:
    if not 1 <= value <= most:
        raise InvalidValue(option, value, f"1 to {most}")
