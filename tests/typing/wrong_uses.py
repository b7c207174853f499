"""What a type checker must refuse. Nothing runs this: an ignore that is not needed is an error of the check."""

from datetime import date
from typing import assert_never

from exitbrain import AsyncExitBrain, ExitBrain, ExitEvent, StoreOpened, incoming_message
from exitbrain.ports import LogEntry

FIELDS = {"symbol": "BTCUSDT", "side": "BUY"}


def forgets_all_but_one(event: ExitEvent) -> None:
    match event:
        case StoreOpened():
            pass
        case _:
            assert_never(event)  # type: ignore[arg-type]


def takes_any_event_for_one(entry: LogEntry) -> None:
    print(entry.event.revision)  # type: ignore[union-attr]  # noqa: T201 - nothing runs it


def passes_the_wrong_thing(brain: ExitBrain) -> None:
    message = incoming_message("trade.intent", FIELDS)
    brain.handle(FIELDS)  # type: ignore[arg-type]
    brain.handle_batch(message)  # type: ignore[arg-type]
    brain.handle(message, at=date(2026, 1, 1))  # type: ignore[arg-type]
    brain.decide(FIELDS, brain.state_of(message), brain.context())  # type: ignore[arg-type]
    brain.replay("ETHUSDT")  # type: ignore[arg-type]
    brain.whatif(3)  # type: ignore[arg-type]
    brain.outcomes("v3.6")  # type: ignore[call-arg]
    brain.outcomes("v3.6", candles="candles", judge="percent")  # type: ignore[arg-type]
    brain.outcomes("v3.6", candles="candles", fees=3)  # type: ignore[call-arg]
    print(brain.outcomes("v3.6", candles="candles").verdict().verdict)  # type: ignore[attr-defined]  # noqa: T201 - nothing runs it
    brain.levels(leverage=20, volatilty=1.0)  # type: ignore[call-arg]
    brain.levels_for(FIELDS)  # type: ignore[arg-type]
    incoming_message("trade.intent", [("side", "BUY")])  # type: ignore[arg-type]


def builds_the_wrong_way(brain: ExitBrain) -> None:
    ExitBrain("sqlite:///x")  # type: ignore[arg-type]
    AsyncExitBrain(brain)  # type: ignore[arg-type]
    ExitBrain.open("memory://", acount="main")  # type: ignore[call-arg]
    ExitBrain.open("memory://", fee_bps="five")  # type: ignore[arg-type]
    ExitBrain.open("memory://", mode="wild")  # type: ignore[arg-type]
    AsyncExitBrain.open("memory://", flat="reverse")  # type: ignore[arg-type]
