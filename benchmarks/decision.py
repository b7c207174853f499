"""One decision in memory: the formula with its guards, and the whole way from a message to its events."""

from collections.abc import Iterator
from uuid import uuid4

from benchmarks.measure import Figure, best_of
from benchmarks.peer import plain_levels
from exitbrain.application.ports.instruments import NoInstruments
from exitbrain.application.recording import opening
from exitbrain.application.recording.decided import Context, State
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.recorder import Recorder
from exitbrain.domain.levels.guards import Freshness
from exitbrain.domain.levels.levels import LevelInputs
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.plans.decision import judge_levels
from exitbrain.domain.policies.formulas.registry import V3_5
from exitbrain.domain.values import Side
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.demo.synthetic import lines
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.wire.jsonl import read_messages
from exitbrain.infrastructure.wire.translator import WireTranslator

DECISIONS = 100_000
INTENTS, ROUNDS = 500, 20


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
        theirs[:] = [plain_levels(x.leverage, x.volatility)[0] for x in inputs]

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
    intake = Intake(BuiltInFormulas(), WireTranslator())
    clock = SystemClock()
    context = Context(clock.now(), DecisionSettings())
    met = _opening_intents(intake, clock)
    made: list[int] = []

    def decide() -> None:
        for _ in range(ROUNDS):
            made[:] = [len(intake.decide(message, state, context).records) for message, state in met]

    taken = best_of(7, decide)
    return Figure(
        "the whole decide: message translated, decided, events built",
        "decisions/s",
        INTENTS * ROUNDS / taken,
        "",
        0.0,
        "30k",
        "60k",
        f"{INTENTS} opening intents {ROUNDS} times over, on the states they met when they were recorded; "
        f"{sum(made) / INTENTS:.1f} events each",
    )


def _opening_intents(intake: Intake, clock: SystemClock) -> list[tuple[IncomingMessage, State]]:
    """Return messages that lead to a decision, each with what it met while a ledger in memory took all of them."""
    ledger = InMemoryLedger()
    opening.begin(ledger, clock, "benchmark", store_id=uuid4())
    recorder = Recorder(ledger, intake, NoInstruments(), clock, DecisionSettings())
    met: list[tuple[IncomingMessage, State]] = []
    for message in read_messages(lines(10 * INTENTS, symbols=50, refused=False), max_bytes=65_536):
        state = recorder.state_of(message)
        if recorder.handle(message).decision is not None:
            met.append((message, state))
    return met[-INTENTS:]
