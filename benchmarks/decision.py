"""One decision in memory: the formula with its guards, and the whole way from a message to its events."""

from collections.abc import Iterator

from benchmarks.measure import Figure, best_of
from benchmarks.peer import plain_levels
from exitbrain.application import opening
from exitbrain.application.intake import Context, Intake
from exitbrain.application.planning import DecisionSettings
from exitbrain.application.ports.instruments import NoInstruments
from exitbrain.application.recording import Recorder
from exitbrain.domain.decision import judge_levels
from exitbrain.domain.formulas.registry import V3_5
from exitbrain.domain.guards import Freshness
from exitbrain.domain.levels import LevelInputs
from exitbrain.domain.values import Side
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.demo.synthetic import lines
from exitbrain.infrastructure.engine.builtin import BuiltInFormulas
from exitbrain.infrastructure.paper.ledger import InMemoryLedger
from exitbrain.infrastructure.wire.jsonl import read_messages
from exitbrain.infrastructure.wire.translator import WireTranslator

DECISIONS = 100_000
MESSAGES = 20_000


def figures() -> Iterator[Figure]:
    yield _formula_and_guards()
    yield _whole_decide()


def _formula_and_guards() -> Figure:
    inputs = [
        LevelInputs(
            Side.LONG,
            float(1 + n % 125),
            False,
            0.5 + n % 7 / 4,
            0.0001,
            0.1,
            0.8,
            0.0,
            1.0,
            0.5,
            5.0,
            0.0,
            None,
            None,
        )
        for n in range(DECISIONS)
    ]
    engine, unit, freshness = BuiltInFormulas(), V3_5.unit, Freshness(1.0, 300.0)
    ours: list[float] = []
    theirs: list[float] = []

    def decide() -> None:
        ours[:] = [
            judge_levels(unit, x, engine.compute(V3_5, x, ()), None, freshness).raw.tp1 for x in inputs
        ]

    def plain() -> None:
        theirs[:] = [plain_levels(x.leverage, x.volatility).tp1 for x in inputs]

    taken, plain_taken = best_of(5, decide), best_of(5, plain)
    if any(abs(a - b) > 1e-15 for a, b in zip(ours, theirs, strict=True)):
        raise AssertionError("the two computed different levels")
    return Figure(
        "one decision: formula, guards, no triggers, no events",
        "decisions/s",
        DECISIONS / taken,
        "plain Python formula, without guards",
        DECISIONS / plain_taken,
        "300k",
        "450k",
        f"{DECISIONS:,} decisions, leverages 1 to 125, policy v3.5; the same TP1 to 1e-15",
    )


def _whole_decide() -> Figure:
    incoming = list(read_messages(lines(MESSAGES, symbols=500, refused=False), max_bytes=65_536))
    intake = Intake(BuiltInFormulas(), WireTranslator())
    ledger = InMemoryLedger()
    clock = SystemClock()
    opening.begin(ledger, clock, "benchmark")
    recorder = Recorder(ledger, intake, NoInstruments(), clock, DecisionSettings())
    states = [recorder.state_of(message) for message in incoming]
    context = Context(clock.now(), DecisionSettings())
    opens = [
        (message, state)
        for message, state in zip(incoming, states, strict=True)
        if intake.decide(message, state, context).outcome.decision is not None
    ]
    made: list[int] = []

    def decide() -> None:
        made[:] = [len(intake.decide(message, state, context).records) for message, state in opens]

    taken = best_of(5, decide)
    return Figure(
        "the whole decide: message translated, decided, events built",
        "decisions/s",
        len(opens) / taken,
        "",
        0.0,
        "30k",
        "60k",
        f"{len(opens):,} opening intents, {sum(made) / len(opens):.1f} events each",
    )
