"""A wrong argument is one TypeError that says what was given and what is wanted."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_type_hints

import pytest
from pydantic import SecretStr

import exitbrain
from exitbrain import (
    AsyncExitBrain,
    DecisionSettings,
    ExitBrain,
    OpenSettings,
    State,
    incoming_message,
)
from exitbrain.application.ports.instruments import Instruments
from exitbrain.infrastructure.event_store.memory import InMemoryLedger
from exitbrain.infrastructure.settings import Settings
from tests.world import NOON, StoppedClock

api: Any = exitbrain
"""Whatever is passed to it, for a type checker: what it would refuse is what is tried here."""

FIELDS = {"symbol": "BTCUSDT", "side": "BUY", "leverage": 10}
MESSAGE = incoming_message("trade.intent", FIELDS, entry_id="1767268800000-0")

WRONG: list[tuple[Callable[[Any], object], str]] = [
    (
        lambda brain: brain.handle(FIELDS),
        r"message is \{.* \(dict\); wanted: an IncomingMessage, which incoming_",
    ),
    (
        lambda brain: brain.handle_batch(MESSAGE),
        r"messages is .*IncomingMessage\); wanted: a list of what incoming_",
    ),
    (lambda brain: brain.handle_batch(FIELDS), r"messages is \{.* \(dict\); wanted: a list"),
    (lambda brain: brain.handle_batch("1-0"), r"messages is '1-0' \(str\); wanted: a list"),
    (
        lambda brain: brain.handle_batch([MESSAGE, FIELDS]),
        r"messages\[1\] is \{.* \(dict\); wanted: an Incoming",
    ),
    (lambda brain: brain.handle(MESSAGE, at="2026-01-01"), r"at is '2026-01-01' \(str\); wanted: a datetime"),
    (
        lambda brain: brain.handle_batch([], at=NOON.date()),
        r"at is datetime.date\(2026, 1, 1\) \(date\); wanted",
    ),
    (lambda brain: brain.outcome_of(FIELDS), r"message is \{.* \(dict\); wanted"),
    (lambda brain: brain.state_of(FIELDS), r"message is \{.* \(dict\); wanted"),
    (lambda brain: brain.context(at=1767268800), r"at is 1767268800 \(int\); wanted: a datetime"),
    (lambda brain: brain.decide(FIELDS, brain.state_of(MESSAGE), brain.context()), r"message is \{"),
    (
        lambda brain: brain.decide(MESSAGE, None, brain.context()),
        r"state is None \(NoneType\); wanted: a State",
    ),
    (
        lambda brain: brain.decide(MESSAGE, brain.state_of(MESSAGE), NOON),
        r"context is .*datetime\); wanted: a Con",
    ),
    (
        lambda brain: brain.decide(MESSAGE, brain.state_of(MESSAGE), api.Context("noon", DecisionSettings())),
        r"context.recorded_at is 'noon' \(str\); wanted: a datetime",
    ),
    (lambda brain: brain.levels(leverage=20, policy=3), r"policy is 3 \(int\); wanted: the name of a policy"),
    (lambda brain: brain.levels(leverage=20, symbol=None), r"symbol is None \(NoneType\); wanted"),
    (
        lambda brain: brain.levels(leverage=20, freshness=300),
        r"freshness is 300 \(int\); wanted: a Freshness",
    ),
    (
        lambda brain: brain.levels_for({"leverage": 20}),
        r"inputs is \{'leverage': 20\} \(dict\); wanted: LevelInputs",
    ),
    (lambda brain: brain.replay("ETHUSDT"), r"selection is 'ETHUSDT' \(str\); wanted: a Selection"),
    (lambda brain: brain.replay("x", context=True), r"selection is 'x' \(str\); wanted: a Selection"),
    (lambda brain: brain.replay(api.Selection(since="noon")), r"since is 'noon' \(str\); wanted: a datetime"),
    (lambda brain: brain.whatif(3), r"policy is 3 \(int\); wanted: the name of a policy, or a Policy"),
    (lambda brain: brain.whatif("v3.6", 0.01), r"variant is 0.01 \(float\); wanted: a mapping"),
    (lambda brain: brain.whatif("v3.6", selection="x"), r"selection is 'x' \(str\); wanted"),
    (lambda brain: brain.lsf_changes("ETHUSDT"), r"selection is 'ETHUSDT' \(str\); wanted"),
    (
        lambda _: api.ExitBrain("sqlite:///x"),
        r"ledger is 'sqlite:///x' \(str\), .*ExitBrain.open\(...\) takes the URL",
    ),
    (
        lambda _: api.ExitBrain(Path("x.db")),
        r"ledger is .*PosixPath\), which has no save\(\).*ExitBrain.open",
    ),
    (lambda _: api.ExitBrain(InMemoryLedger), r"ledger is the class InMemoryLedger; wanted: an instance"),
    (
        lambda _: api.ExitBrain(InMemoryLedger(), engine="v3.6"),
        r"engine is 'v3.6' \(str\), which has no compute\(\)",
    ),
    (
        lambda _: api.ExitBrain(InMemoryLedger(), clock="noon"),
        r"clock is 'noon' \(str\), which has no now\(\)",
    ),
    (lambda _: api.ExitBrain(InMemoryLedger(), clock=StoppedClock), r"clock is the class StoppedClock"),
    (
        lambda _: api.ExitBrain(InMemoryLedger(), instruments={}),
        r"instruments is \{\} \(dict\), which has no instrument",
    ),
    (
        lambda _: api.ExitBrain(InMemoryLedger(), translator=1),
        r"translator is 1 \(int\), which has no translate\(\)",
    ),
    (
        lambda _: api.ExitBrain(InMemoryLedger(), decisions=[]),
        r"decisions is \[\] \(list\), which has no decisions\(\)",
    ),
    (
        lambda _: api.ExitBrain(InMemoryLedger(), settings={}),
        r"settings is \{\} \(dict\); wanted: DecisionSettings",
    ),
    (
        lambda _: api.AsyncExitBrain("sqlite:///x"),
        r"build is 'sqlite:///x' \(str\); wanted: a function .*AsyncExitBrain.open",
    ),
    (api.AsyncExitBrain, r"build is <.* \(ExitBrain\); wanted: a function that builds"),
    (
        lambda _: entered(api.AsyncExitBrain(InMemoryLedger)),
        r"what build\(\) returned is .*\(InMemoryLedger\); wanted",
    ),
    (lambda brain: entered(api.AsyncExitBrain(lambda: brain), 3), r"work is 3 \(int\); wanted: a function"),
    (
        lambda _: api.incoming_message("trade.intent", [("side", "BUY")]),
        r"fields is \[.* \(list\); wanted: a mapping",
    ),
    (lambda _: api.incoming_message(b"trade.intent", FIELDS), r"stream is b'trade.intent' \(bytes\); wanted"),
    (lambda _: api.incoming_message("trade.intent", FIELDS, entry_id=1), r"entry_id is 1 \(int\); wanted"),
    (
        lambda _: api.incoming_message("trade.intent", FIELDS, origin="LIVE"),
        r"origin is 'LIVE' \(str\); wanted: Origin",
    ),
    (
        lambda _: api.incoming_message("trade.intent", FIELDS, max_bytes="9"),
        r"max_bytes is '9' \(str\); wanted",
    ),
    (lambda _: api.incoming_message("trade.intent", FIELDS, server=1), r"server is 1 \(int\); wanted"),
    (lambda _: api.encode_event(FIELDS), r"record is \{.* \(dict\); wanted: a Record"),
    (lambda _: api.decode_event("t", "{}", log_position=1), r"state is '\{\}' \(str\); wanted: the bytes"),
    (lambda _: api.decode_event(b"t", b"{}", log_position=1), r"topic is b't' \(bytes\); wanted: the topic"),
    (lambda _: api.PnLTracker("20"), r"max_history is '20' \(str\); wanted: a whole number"),
    (lambda _: api.PnLTracker().avg_by_leverage(20), r"leverage_range is 20 \(int\); wanted"),
]


def entered(brain: AsyncExitBrain, work: Any = print) -> None:
    async def use() -> None:
        async with brain:
            await brain.run(work)

    asyncio.run(use())


@pytest.fixture(scope="module")
def brain() -> ExitBrain:
    brain = ExitBrain(InMemoryLedger(), clock=StoppedClock())
    brain.context()  # keeps the settings
    return brain


@pytest.mark.parametrize(("use", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_argument_is_one_clear_type_error(
    use: Callable[[Any], object], said: str, brain: ExitBrain
) -> None:
    head = brain.ledger.head()

    with pytest.raises(TypeError) as error:
        use(brain)

    assert re.match(said, str(error.value)), str(error.value)
    assert len(str(error.value)) < 300
    assert brain.ledger.head() == head


def test_a_password_in_the_place_of_a_ledger_is_not_shown() -> None:
    with pytest.raises(TypeError) as error:
        api.ExitBrain("postgresql://host:hunter2@db/exits")

    assert "hunter2" not in str(error.value)


def test_any_row_of_messages_will_do(brain: ExitBrain) -> None:
    assert isinstance(brain.state_of(MESSAGE), State)
    assert len(brain.handle_batch(iter([MESSAGE]))) == 1  # type: ignore[arg-type]


def test_the_keywords_of_open_are_the_settings_and_their_types() -> None:
    own = {name: field.annotation for name, field in Settings.model_fields.items() if name != "store"}
    as_text = {name: str | None if kind == SecretStr | None else kind for name, kind in own.items()}

    as_text["instruments"] = as_text["instruments"] | Instruments  # those of the host
    assert get_type_hints(OpenSettings) == as_text
    assert list(get_type_hints(OpenSettings)) == list(as_text)
