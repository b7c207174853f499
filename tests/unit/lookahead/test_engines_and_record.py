"""Every way in which an engine, or the intake, could know what comes later is found, and honest ones pass."""

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from exitbrain.application.lookahead import engines, record
from exitbrain.application.lookahead.engines import Ask, EngineCheck
from exitbrain.application.lookahead.findings import Finding, PolicyVerdict, cuts_of
from exitbrain.application.lookahead.history import RecordedInstruments, history_of
from exitbrain.application.lookahead.record import RecordCheck
from exitbrain.application.ports.translator import Translator
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import IncomingMessage, TradeIntent, Translation
from exitbrain.domain.policies.formulas.registry import SHIPPED
from exitbrain.domain.policies.policy import Policy
from exitbrain.domain.values import changed
from exitbrain.infrastructure.engines.foreign import foreign_policy
from exitbrain.infrastructure.engines.under_test import WatchedEngineOfPolicy
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.wire.translator import WireTranslator
from tests import cheating_engines
from tests.property.level_inputs import random_inputs
from tests.world import World

ENGINE_CUTS = 4
SHIPPED_NAMES = list(SHIPPED)


def cheat(name: str) -> Policy:
    return foreign_policy(f"foreign:tests.cheating_engines:{name}")


@pytest.fixture(autouse=True)
def _nobody_has_seen_anything(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cheating_engines.SharesAHistory, "history", [])
    monkeypatch.setattr(cheating_engines, "HISTORY_FILE", tmp_path / "history.csv")
    (tmp_path / "history.csv").write_text("1.5\n2.5\n", encoding="utf-8")


def asks_of(policy: Policy, count: int = 12) -> list[Ask]:
    inputs = list(random_inputs(policy, seed=3, count=count))
    return [Ask(f"decision {number}", one) for number, one in enumerate(inputs, start=1)]


def engine_verdict(policy: Policy, history: list[Path] | None = None) -> PolicyVerdict:
    verdict = PolicyVerdict(policy.name)
    engine = WatchedEngineOfPolicy(policy, history or [])
    EngineCheck(policy, engine, asks_of(policy), cuts=ENGINE_CUTS).run(verdict)
    verdict.when_loaded = engine.when_loaded
    return verdict


def story() -> World:
    world = World()
    for number in range(1, 7):
        side = "BUY" if number % 3 else "SELL"
        world.intent(symbol="BTCUSDT", side=side, entry_price=100 + number, quantity=2, leverage=5 * number)
        world.intent(symbol="ETHUSDT", side="BUY", entry_price=50, quantity=1, volatility_factor=number / 4)
        if number % 2:
            world.closed(symbol="ETHUSDT", pnl_percent=number - 4)
    return world


def record_verdict(
    policy: Policy,
    *,
    translator: Translator | None = None,
    ledger: Callable[[], Any] = InMemoryLedger,
) -> PolicyVerdict:
    verdict = PolicyVerdict(policy.name)
    RecordCheck(
        policy,
        WatchedEngineOfPolicy(policy).new,
        history_of(story().ledger, 1000).messages,
        cuts=4,
        new_ledger=ledger,
        translator=translator or WireTranslator(),
        instruments=RecordedInstruments(),
        settings=DecisionSettings(),
    ).run(verdict)
    return verdict


@pytest.mark.parametrize("policy", [*SHIPPED.values(), cheat("Honest")], ids=lambda policy: policy.name)
def test_what_computes_from_its_inputs_alone_is_clean(policy: Policy) -> None:
    of_engine, of_record = engine_verdict(policy), record_verdict(policy)

    assert (of_engine.moved, of_record.moved) == ([], [])
    assert of_engine.compared[engines.PART] > 12 * 6
    assert of_record.compared[record.PART] > 4 * 3


@pytest.mark.parametrize(
    ("name", "finding", "how"),
    [
        ("RemembersWhatFollowed", Finding.LOOKS_AHEAD, engines.SEEN_BEFORE),
        ("SharesAHistory", Finding.LOOKS_AHEAD, engines.SEEN_BY_OTHERS),
        ("Averages", Finding.REMEMBERS, engines.IN_ORDER),
        ("Averages", Finding.REMEMBERS, engines.OTHER_PAST),
        ("KnowsTheHighestLeverage", Finding.REMEMBERS, engines.IN_ORDER),
        ("Rolls", Finding.NOT_REPEATABLE, engines.AT_ONCE),
        ("LooksAtTheCalendar", Finding.NOT_REPEATABLE, engines.OTHER_TIME),
    ],
)
def test_an_engine_that_knows_more_is_found_with_what_moved(name: str, finding: Finding, how: str) -> None:
    moved = next(one for one in engine_verdict(cheat(name)).moved if (one.finding, one.how) == (finding, how))

    assert moved.subject.startswith("decision ")
    assert moved.field in {"tp1", "sl"}
    assert float(moved.before) != float(moved.after)


@pytest.mark.parametrize("how", [engines.SEEN_BEFORE, engines.IN_REVERSE, engines.OTHER_FUTURE])
def test_an_instance_that_uses_only_what_came_later_is_found_in_every_way(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of the record the highest leverage is always its own: such an engine has no past to remember."""
    policy = cheat("KnowsTheHighestLeverage")
    asks = [
        changed(ask, inputs=changed(ask.inputs, leverage=2.0 + number))
        for number, ask in enumerate(asks_of(policy))
    ]
    monkeypatch.setattr(engines, "_altered", lambda ask: ask)  # an altered past would show too
    verdict = PolicyVerdict(policy.name)

    EngineCheck(policy, WatchedEngineOfPolicy(policy), asks, cuts=ENGINE_CUTS).run(verdict)

    assert {one.finding for one in verdict.moved} == {Finding.LOOKS_AHEAD}
    assert how in {one.how for one in verdict.moved}


@pytest.mark.parametrize(
    ("name", "words"),
    [("ReadsAFile", "opens"), ("LoadsAFile", "opens"), ("AsksTheStore", "opens the database")],
)
def test_an_engine_that_reads_a_history_is_found(name: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "history.csv"
    if name == "AsksTheStore":
        file.unlink()

    verdict = engine_verdict(cheat(name))

    assert [(one.finding, one.how) for one in verdict.moved] == [(Finding.READS, f"{words} {file}")]
    assert verdict.moved[0].subject == "decision 1"


def test_a_history_that_is_read_while_importing_is_found_and_anything_else_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)  # writing it is no reading of the engine
    history, parameters = tmp_path / "history.csv", tmp_path / "parameters.txt"
    parameters.write_text("1", encoding="utf-8")
    for name, file in (("imports_history", history), ("imports_parameters", parameters)):
        source = f"from tests.cheating_engines import Honest\nread = open({str(file)!r})\nread.close()\n"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")

    looking = engine_verdict(foreign_policy("foreign:imports_history:Honest"), [tmp_path / "history.csv"])
    honest = engine_verdict(foreign_policy("foreign:imports_parameters:Honest"), [tmp_path / "history.csv"])

    assert [one.finding for one in looking.moved] == [Finding.READS]
    assert (honest.moved, honest.when_loaded) == ([], [f"opens {parameters}"])


def test_an_engine_without_levels_has_failed() -> None:
    verdict = engine_verdict(foreign_policy("foreign:tests.foreign_engines:Leaving"))

    assert (verdict.moved[0].finding, verdict.moved[0].subject) == (Finding.FAILED, "decision 1")
    assert "SystemExit" in verdict.moved[0].after


def test_a_shared_history_shows_in_the_record_too() -> None:
    verdict = record_verdict(cheat("SharesAHistory"))

    (moved, *_) = verdict.moved
    assert (moved.finding, moved.how) == (Finding.LOOKS_AHEAD, record.ABSENT)
    assert moved.subject.startswith("message 1, entry ")
    assert moved.field == "levels.raw.sl"


def test_an_engine_that_fails_on_the_record_is_a_finding() -> None:
    verdict = record_verdict(foreign_policy("foreign:tests.foreign_engines:Failing"))

    assert [one.finding for one in verdict.moved] == [Finding.FAILED]


class _TakesBack:
    """Changes what it said of a message once it has seen the next: the intake translates a batch beforehand."""

    def __init__(self) -> None:
        self._before: TradeIntent | None = None

    def translate(self, message: IncomingMessage) -> Translation:
        said = WireTranslator().translate(message)
        if isinstance(said, TradeIntent):
            if self._before is not None and said.leverage is not None:
                msgspec.structs.force_setattr(self._before, "confidence", said.leverage / 125.0)
            self._before = said
        return said


def test_a_message_that_is_read_in_the_light_of_the_next_is_found() -> None:
    verdict = record_verdict(SHIPPED["v3.6"], translator=_TakesBack())

    assert {one.how for one in verdict.moved} >= {record.ABSENT, record.ALTERED}
    assert verdict.moved[0].field == "inputs.confidence"


def test_the_later_messages_really_come_other_than_recorded() -> None:
    ledgers: list[InMemoryLedger] = []

    def new_ledger() -> InMemoryLedger:
        ledgers.append(InMemoryLedger())
        return ledgers[-1]

    record_verdict(SHIPPED["v3.6"], ledger=new_ledger)

    prefix, *_, whole, altered, backwards = (
        [ask.inputs for ask in history_of(ledger, 1000).asks] for ledger in ledgers[:7]
    )
    assert prefix == whole[:1] == altered[:1] == backwards[:1]
    assert all(one not in whole for one in altered[1:])
    assert backwards[1:] != whole[1:]


def test_the_times_of_recording_and_the_instruments_are_those_of_the_record() -> None:
    history = history_of(story().ledger, 5)

    assert len(history.messages) == 5
    assert all(isinstance(at, datetime) for _, at in history.messages)
    assert [ask.subject.partition(" ")[0] for ask in history.asks] == ["decision"] * 4


@pytest.mark.parametrize(
    ("count", "cuts", "moments"),
    [(22, 4, [1, 7, 14, 21]), (3, 8, [1, 2]), (2, 8, [1]), (1, 8, []), (0, 8, []), (9, 1, [1])],
)
def test_moments_are_spread_from_the_first_to_the_last_that_has_a_future(
    count: int, cuts: int, moments: list[int]
) -> None:
    assert cuts_of(count, cuts) == moments
