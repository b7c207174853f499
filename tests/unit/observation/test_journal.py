"""The log tells what somebody must know, in lines that a machine reads, and is never in the way of the work."""

import errno
import io
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from exitbrain.domain.identity import decision_id
from exitbrain.domain.messages.receipt import Disposition, Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.values import changed
from exitbrain.infrastructure.observability.journal import LINES_MAX, Form, LiveJournal
from exitbrain.infrastructure.observability.metrics import Metrics
from exitbrain.infrastructure.observability.muted import MARKETS_MAX
from tests.ignored_exits import ENTRY_ID, LAST, OPEN, RECEIPT_ID, REFUSAL, ignored_exit, ignored_outcome
from tests.unit.observation.live_path import Told, samples
from tests.world import World

INTENT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "entry_price": 100,
    "quantity": 2,
    "leverage": 20,
}


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class FullDisk(io.StringIO):
    """A stream that takes nothing."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def tell(told: Told, *outcomes: MessageResult) -> None:
    for outcome in outcomes:
        told.journal.event("messages", outcomes=[outcome])


def test_a_decided_message_is_told_at_debug_with_everything_it_touched() -> None:
    told, outcome = Told("debug"), World().intent(**INTENT)
    tell(told, outcome)

    (line,) = told.lines
    assert outcome.decision is not None
    assert datetime.fromisoformat(line.pop("time")).tzinfo == UTC
    assert line == {
        "level": "debug",
        "event": "message",
        "receipt": str(outcome.receipt_id),
        "entry_id": outcome.entry_id,
        "outcome": "ACCEPTED",
        "position": str(outcome.touched[0]),
        "plan": str(outcome.touched[1]),
        "decision": str(decision_id(outcome.decision.plan_id, outcome.decision.revision)),
        "symbol": "BTCUSDT",
    }


def test_a_line_begins_with_time_level_and_event() -> None:
    told = Told()
    told.journal.trouble("loop_failed", loop="read", error="refused")

    assert list(told.lines[0])[:3] == ["time", "level", "event"]


def test_a_flip_tells_which_position_it_closed() -> None:
    world, told = World(), Told("debug")
    opened, flipped = world.intent(**INTENT), world.intent(**INTENT | {"side": "SELL"})
    tell(told, flipped)

    (line,) = told.lines
    assert [line["closed_position"], line["closed_plan"]] == [str(one) for one in opened.touched]
    assert line["position"] != line["closed_position"]


def test_a_refusal_is_told_at_info_with_field_value_and_what_is_allowed() -> None:
    told, outcome = Told(), World().intent(**INTENT | {"leverage": 500})
    tell(told, outcome)

    (line,) = told.lines
    assert outcome.refusal is not None
    assert line["event"] == "message_refused"
    assert line["level"] == "info"
    assert line["reason"] == "LEVERAGE_OUT_OF_RANGE"
    assert (line["field"], line["value"], line["allowed"]) == (
        outcome.refusal.field,
        outcome.refusal.value,
        outcome.refusal.allowed,
    )


def test_at_info_messages_come_as_a_summary_with_rates() -> None:
    world, told = World(), Told()
    tell(told, *(world.intent(**INTENT) for _ in range(40)))
    tell(told, world.intent(**INTENT | {"side": "HOLD"}))
    told.journal.event("published", stream="s", position=9, entries=40, entry_ids=[], seconds=0.001)
    told.clock.seconds += 4.9
    told.journal.event("heartbeat", delay_s=0.0)
    assert told.lines == []

    told.clock.seconds += 0.1
    told.journal.event("heartbeat", delay_s=0.0)

    (line,) = told.lines
    del line["time"]
    assert line == {
        "level": "info",
        "event": "summary",
        "seconds": 5.0,
        "messages": 41,
        "per_s": 8.2,
        "accepted": 40,
        "ignored": 1,
        "published": 40,
    }


def test_where_nothing_happened_there_is_no_summary() -> None:
    told = Told()
    told.clock.seconds += 100
    told.journal.event("heartbeat", delay_s=0.0)

    assert told.lines == []


def test_a_flood_of_one_kind_is_cut_and_the_summary_tells_by_how_much() -> None:
    world, told = World(), Told()
    tell(told, *(world.intent(**INTENT | {"leverage": 500}) for _ in range(LINES_MAX + 15)))
    told.journal.trouble("loop_failed", loop="read", error="refused", failures=1, silent_s=0.1)

    assert len(told.named("message_refused")) == LINES_MAX
    assert len(told.named("outage_begun")) == 1
    told.journal.summarise()
    assert told.named("summary")[0]["lines_left_out"] == 15
    tell(told, world.intent(**INTENT | {"leverage": 500}))
    assert len(told.named("message_refused")) == LINES_MAX + 1


def test_an_exit_that_ended_nothing_is_a_trouble_with_both_sides_of_the_comparison() -> None:
    told = Told()
    tell(told, ignored_outcome())

    (line,) = told.lines
    del line["time"]
    assert line == {
        "level": "warning",
        "event": "exit_ignored",
        "receipt": str(RECEIPT_ID),
        "entry_id": ENTRY_ID,
        "outcome": "IGNORED",
        "reason": "EARLIER_CYCLE",
        "source": "trade.closed",
        "occurred_at": "2026-01-01T11:59:00+00:00",
        "account": "default",
        "symbol": "BTCUSDT",
        "kind": "REPORT",
        "side": "LONG",
        "order_id": "7001",
        "price": "90100",
        "rule": "PAYLOAD_TIME",
        "open": "cycle 2, SHORT an unknown quantity at 90100.50, opened 2026-01-01T11:59:55+00:00",
        "open_position": str(OPEN.position_id),
        "last": "cycle 1, LONG 0.05 at 90000, opened 2026-01-01T11:50:00+00:00, "
        "ended 2026-01-01T11:59:55+00:00 by FLIPPED",
        "last_position": str(LAST.position_id),
        "expected": False,
    }
    assert told.value("exitbrain_troubles_total", event="exit_ignored") == 1


def test_a_report_that_is_kept_with_a_position_that_had_ended_names_that_position() -> None:
    world, told = World(), Told()
    opened = world.intent(**INTENT)
    world.intent(**INTENT | {"side": "SELL"})
    tell(told, world.closed(symbol="BTCUSDT", exit_price="101", order_id="8389765519"))

    (line,) = told.lines
    ended = str(opened.touched[0])
    assert (line["reason"], line["position"], line["last_position"]) == ("EARLIER_CYCLE", ended, ended)
    assert "plan" not in line


def test_an_expected_repeat_is_a_line_and_no_trouble() -> None:
    told = Told()
    tell(told, ignored_outcome(ignored_exit(expected=True), Reason.DUPLICATE_CLOSE))

    (line,) = told.lines
    assert (line["event"], line["level"], line["expected"]) == ("exit_ignored", "info", True)
    assert told.value("exitbrain_troubles_total", event="exit_ignored") == 0


def test_the_account_that_holds_the_symbol_is_named() -> None:
    told = Told()
    tell(told, ignored_outcome(ignored_exit(open=None, held_by="second"), Reason.NO_OPEN_POSITION))

    assert told.lines[0]["held_by"] == "second"
    assert "open" not in told.lines[0]


def test_a_refused_exit_is_told_as_a_refusal_and_as_a_trouble() -> None:
    told = Told()
    tell(told, ignored_outcome(reason=REFUSAL.reason, refusal=REFUSAL))

    assert [(line["event"], line["level"], line["field"]) for line in told.lines] == [
        ("message_refused", "info", "reduce_only"),
        ("exit_ignored", "warning", "reduce_only"),
    ]


def test_an_exit_that_comes_again_is_no_new_line() -> None:
    told = Told()
    tell(told, ignored_outcome(duplicate=True))
    told.journal.summarise()

    (summary,) = told.lines
    assert (summary["event"], summary["duplicate"]) == ("summary", 1)
    assert not {"exits_ignored", "exit_repeats", "exits_refused"} & summary.keys()


def test_of_the_exits_that_ended_nothing_only_expected_ones_are_left_out_and_those_are_counted() -> None:
    told = Told()
    repeat = ignored_outcome(ignored_exit(expected=True), Reason.DUPLICATE_CLOSE)
    tell(told, *[repeat] * (LINES_MAX + 7))
    tell(told, *[ignored_outcome()] * (LINES_MAX + 5))
    told.journal.summarise()

    levels = [line["level"] for line in told.named("exit_ignored")]
    assert (levels.count("info"), levels.count("warning")) == (LINES_MAX, LINES_MAX + 5)
    assert told.named("summary")[0]["lines_left_out"] == 7


def test_the_summary_shows_exits_that_ended_nothing_apart_from_what_else_was_ignored() -> None:
    told = Told()
    tell(told, World().intent(**INTENT | {"side": "HOLD"}))
    tell(told, ignored_outcome(), ignored_outcome(ignored_exit(expected=True), Reason.DUPLICATE_CLOSE))
    tell(told, ignored_outcome(reason=REFUSAL.reason, refusal=REFUSAL))
    told.journal.summarise()

    (summary,) = told.named("summary")
    assert (summary["messages"], summary["ignored"], summary["refused"]) == (4, 3, 1)
    assert (summary["exits_ignored"], summary["exit_repeats"], summary["exits_refused"]) == (1, 1, 1)


def test_at_warning_only_troubles_are_written() -> None:
    world, told = World(), Told("warning")
    tell(told, world.intent(**INTENT | {"leverage": 500}))
    told.journal.event("consumer_removed", consumer="ghost")
    told.journal.trouble(
        "message_undecided", stream="s", entry_id="1-0", error="ZeroDivisionError", attempt=1
    )
    told.journal.summarise()

    assert [(line["event"], line["level"]) for line in told.lines] == [("message_undecided", "warning")]


@pytest.mark.parametrize("name", ["loop_ended", "loop_stalled", "event_loop_blocked"])
def test_what_stops_the_work_is_an_error(name: str) -> None:
    told = Told()
    told.journal.trouble(name, loop="read", silent_s=3.1, error="")

    assert told.lines[0]["level"] == "error"


def test_a_stall_seen_by_two_is_told_once_until_the_loop_moves_again() -> None:
    told = Told()
    for _ in range(2):
        told.journal.trouble("loop_stalled", loop="read", silent_s=3.1, error="")
        told.journal.trouble("loop_stalled", loop="read", silent_s=3.5, error="")
        told.journal.event("loop_moves_again", loop="read")
        told.journal.event("loop_moves_again", loop="read")

    assert [line["event"] for line in told.lines] == ["loop_stalled", "loop_moves_again"] * 2
    assert told.value("exitbrain_troubles_total", event="loop_stalled") == 2


HOSTILE = "gone\x1b[31m\r\nlevel=info event=all_is_well \x9b31m\u009d \ud800"


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_control_character_of_a_message_reaches_the_log(form: Form) -> None:
    stream = io.StringIO()
    LiveJournal(Metrics(mode="shadow"), form=form, stream=stream).trouble(
        "loop_failed", loop="x", error=HOSTILE
    )

    text = stream.getvalue()
    assert text.count("\n") == 1
    assert all(character.isprintable() for character in text.rstrip("\n"))


def test_a_text_with_spaces_is_quoted_where_people_read_it() -> None:
    stream = io.StringIO()
    journal = LiveJournal(Metrics(mode="shadow"), form="text", stream=stream)
    journal.trouble("loop_failed", loop="read", error="gone level=info")

    assert "error='gone level=info'" in stream.getvalue()
    assert "loop=read" in stream.getvalue()


def test_a_text_of_any_length_is_cut() -> None:
    told = Told()
    told.journal.trouble("loop_failed", loop="read", error="x" * 100_000)

    assert len(told.lines[0]["error"]) < 1000


@pytest.mark.parametrize(
    ("form", "screen", "is_json"),
    [("auto", False, True), ("auto", True, False), ("json", True, True), ("text", False, False)],
)
def test_a_terminal_gets_text_and_anything_else_json_unless_told_otherwise(
    form: Form, screen: bool, is_json: bool
) -> None:
    stream = Screen() if screen else io.StringIO()
    LiveJournal(Metrics(mode="shadow"), form=form, stream=stream).event("consumer_removed", consumer="ghost")

    assert ("consumer_removed" in stream.getvalue()) is True
    assert is_json_line(stream.getvalue()) is is_json


def is_json_line(text: str) -> bool:
    try:
        parsed: Any = json.loads(text)
    except ValueError:
        return False
    return isinstance(parsed, dict)


def test_a_log_that_can_not_be_written_stops_nothing_and_is_counted() -> None:
    metrics = Metrics(mode="shadow")
    journal = LiveJournal(metrics, stream=FullDisk())

    journal.event("consumer_removed", consumer="ghost")
    journal.trouble("loop_failed", loop="read", error="refused")

    assert samples(metrics)["exitbrain_log_lines_lost_total", frozenset()] == 2


def too_old(symbol: str, account: str = "default", reason: Reason = Reason.SUPERSEDED) -> MessageResult:
    return changed(
        World().intent(**INTENT),
        disposition=Disposition.IGNORED,
        reason=reason,
        symbol=symbol,
        account=account,
    )


def test_three_messages_in_a_row_that_are_too_old_are_a_trouble_and_then_each_time_the_run_has_doubled() -> (
    None
):
    told = Told()
    late = too_old("BTCUSDT")
    tell(told, *[late] * 2, too_old("BTCUSDT", "other"), too_old("ETHUSDT"), changed(late, duplicate=True))
    assert told.named("symbol_muted") == []
    tell(told, *[changed(late, reason=Reason.EARLIER_CYCLE)] * 11)

    muted = told.named("symbol_muted")
    assert [line["messages"] for line in muted] == [3, 6, 12]
    assert {(line["level"], line["account"], line["symbol"], line["muted"]) for line in muted} == {
        ("warning", "default", "BTCUSDT", 1)
    }
    assert told.value("exitbrain_muted_symbols") == 1
    assert told.value("exitbrain_troubles_total", event="symbol_muted") == 3


def test_a_symbol_that_is_heard_again_is_told_and_its_run_begins_anew() -> None:
    told = Told()
    late, heard = too_old("BTCUSDT"), World().intent(**INTENT)
    tell(told, *[late] * 3, heard, late, late, heard)

    assert [line["messages"] for line in told.named("symbol_heard_again")] == [3]
    assert len(told.named("symbol_muted")) == 1
    assert told.value("exitbrain_muted_symbols") == 0


def test_of_invented_symbols_no_more_than_a_thousand_runs_are_kept() -> None:
    told = Told()
    late = too_old("BTCUSDT")
    tell(told, *[late] * 2, *[changed(late, symbol=f"S{number}") for number in range(MARKETS_MAX)], late)

    assert told.named("symbol_muted") == []


def test_an_id_that_is_not_believed_is_told_once() -> None:
    told, world = Told(), World()
    far = world.message("trade.intent", INTENT, "9223372036854775807-0")
    tell(told, world.recorder.handle(far), world.recorder.handle(far))

    (line,) = told.named("not_believed")
    assert (line["fields"], line["source"], line["symbol"]) == ("stream_id", "trade.intent", "BTCUSDT")
    assert told.value("exitbrain_not_believed_total", field="stream_id", source="trade.intent") == 1
