"""The metrics say what happened, within bounds, in a text that Prometheus reads."""

import math
import time
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from exitbrain import __version__
from exitbrain.application.live.lease_watch import LeaseWatch
from exitbrain.application.live.supervisor import LoopState
from exitbrain.application.live.unpublished import Unpublished
from exitbrain.application.ports.message_source import Lease
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.values import changed
from exitbrain.infrastructure.observability.collectors import VALUES_MAX
from exitbrain.infrastructure.observability.metric_families import TROUBLES
from exitbrain.infrastructure.observability.metrics import Metrics
from tests.ignored_exits import REFUSAL, ignored_exit, ignored_outcome
from tests.unit.observation.live_path import Told, samples
from tests.world import NOON_MS, World

INTENT: dict[str, Any] = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "entry_price": 100,
    "quantity": 2,
    "leverage": 20,
}
STREAM = "quantum:stream:exitbrain.adaptive_levels"


def told_of(*outcomes: MessageResult) -> Told:
    told = Told()
    for outcome in outcomes:
        told.journal.event("messages", outcomes=[outcome])
    told.journal.event("acknowledged", entries=len(outcomes), seconds=0.001, filled=0.0)
    return told


def test_messages_are_counted_by_outcome_and_reason() -> None:
    world = World()
    told = told_of(
        world.intent(**INTENT),
        world.intent(**INTENT),
        world.intent(**INTENT | {"leverage": 500}),
        world.intent(**INTENT | {"side": "HOLD"}),
    )

    assert told.value("exitbrain_messages_total", outcome="ACCEPTED", reason="") == 2
    assert told.value("exitbrain_messages_total", outcome="REFUSED", reason="LEVERAGE_OUT_OF_RANGE") == 1
    assert told.value("exitbrain_messages_total", outcome="IGNORED", reason="NOT_AN_ENTRY") == 1
    dead = {
        labels: value
        for (name, labels), value in samples(told.metrics).items()
        if name == "exitbrain_dead_letters_total" and value
    }
    assert dead == {frozenset({("reason", "LEVERAGE_OUT_OF_RANGE")}): 1}


def test_exits_that_ended_nothing_are_counted_by_reason_and_expected_ones_apart() -> None:
    repeat = ignored_outcome(ignored_exit(expected=True), Reason.DUPLICATE_CLOSE)
    told = told_of(
        ignored_outcome(), ignored_outcome(), repeat, ignored_outcome(reason=REFUSAL.reason, refusal=REFUSAL)
    )

    assert {labels: count for labels, count in exits_ignored(told).items() if count} == {
        frozenset({("reason", "EARLIER_CYCLE"), ("expected", "false")}): 2,
        frozenset({("reason", "DUPLICATE_CLOSE"), ("expected", "true")}): 1,
        frozenset({("reason", "BAD_VALUE"), ("expected", "false")}): 1,
    }
    assert told.value("exitbrain_messages_total", outcome="IGNORED", reason="EARLIER_CYCLE") == 2


def exits_ignored(told: Told) -> dict[frozenset[tuple[str, str]], float]:
    """Return every sample of the exits that ended nothing, by its labels."""
    name = "exitbrain_exits_ignored_total"
    return {labels: count for (found, labels), count in samples(told.metrics).items() if found == name}


def test_an_unexpected_exit_is_counted_from_nought_for_every_reason_so_that_an_alarm_sees_the_first() -> None:
    assert exits_ignored(Told()) == {
        frozenset({("reason", reason.value), ("expected", "false")}): 0 for reason in Reason
    }


def test_an_exit_that_comes_again_is_not_counted_again() -> None:
    told = told_of(ignored_outcome(), ignored_outcome(duplicate=True))

    assert told.value("exitbrain_exits_ignored_total", reason="EARLIER_CYCLE", expected="false") == 1
    assert told.value("exitbrain_messages_total", outcome="DUPLICATE", reason="") == 1


def test_values_that_could_not_be_used_are_counted_by_field_and_stream() -> None:
    accepted = World().intent(**INTENT)
    told = told_of(
        changed(accepted, source="trade.intent", unusable=("atr_value", "regime")),
        changed(accepted, source="trade.intent", unusable=("atr_value",)),
        changed(ignored_outcome(), unusable=("atr_value",)),
        changed(accepted, source="trade.intent", unusable=("atr_value",), duplicate=True),
    )
    told.journal.event("acknowledged", entries=0, seconds=0.001, filled=0.0)  # of a batch that had none

    name = "exitbrain_unusable_values_total"
    assert {labels: count for (found, labels), count in samples(told.metrics).items() if found == name} == {
        frozenset({("field", "atr_value"), ("source", "trade.intent")}): 2,
        frozenset({("field", "regime"), ("source", "trade.intent")}): 1,
        frozenset({("field", "atr_value"), ("source", "trade.closed")}): 1,
    }


def test_a_batch_is_counted_once() -> None:
    told = told_of(World().intent(**INTENT))
    for _ in range(3):
        told.journal.event("acknowledged", entries=1, seconds=0.001, filled=0.0)

    assert told.value("exitbrain_messages_total", outcome="ACCEPTED", reason="") == 1
    assert told.value("exitbrain_step_seconds_count", step="acknowledge") == 4


def test_a_message_delivered_again_is_a_duplicate_and_neither_a_decision_nor_a_dead_letter() -> None:
    world = World()
    good, bad = world.message("trade.intent", INTENT), world.message("trade.intent", {"side": "BUY"})
    told = told_of(*(world.recorder.handle(message) for message in (good, bad, good, bad)))

    assert told.value("exitbrain_messages_total", outcome="DUPLICATE", reason="") == 2
    assert told.value("exitbrain_decisions_total", policy="v3.5", cause="INTENT", result="computed") == 1
    assert told.value("exitbrain_dead_letters_total", reason="NO_SYMBOL") == 1


def test_a_decision_is_counted_with_its_policy_and_cause_its_failed_guards_and_its_lsf() -> None:
    world = World()
    outcome = world.intent(**INTENT)
    told = told_of(outcome)

    decision = world.decision_of(outcome)
    assert told.value("exitbrain_decisions_total", policy="v3.5", cause="INTENT", result="computed") == 1
    assert "stop_wider_than_costs" in decision.levels.guards.failed
    for guard in decision.levels.guards.failed:
        assert told.value("exitbrain_guards_failed_total", guard=guard) == 1
    assert told.value("exitbrain_lsf_adjusted", symbol="BTCUSDT") == decision.levels.raw.lsf_adjusted


def test_refused_levels_are_counted_apart_and_give_no_lsf() -> None:
    told = told_of(World(policy="v3.6").intent(**INTENT), costly().intent(**INTENT | {"symbol": "ETHUSDT"}))

    assert told.value("exitbrain_decisions_total", policy="v3.6", cause="INTENT", result="computed") == 1
    assert told.value("exitbrain_decisions_total", policy="v3.6", cause="INTENT", result="refused") == 1
    assert ("exitbrain_lsf_adjusted", frozenset({("symbol", "ETHUSDT")})) not in samples(told.metrics)


def costly() -> World:
    """Return a world whose fees leave no room for a stop."""
    return World(policy="v3.6", settings=DecisionSettings(fee_bps=100.0))


def test_a_symbol_of_any_script_is_shown_as_it_is_written() -> None:
    told = told_of(World().intent(**INTENT | {"symbol": "币安人生USDT"}))

    assert told.value("exitbrain_lsf_adjusted", symbol="币安人生USDT") > 0


def test_names_of_troubles_are_bounded_too() -> None:
    told = Told()
    for number in range(VALUES_MAX - len(TROUBLES) + 5):
        told.journal.trouble(f"trouble_{number}")

    assert told.value("exitbrain_troubles_total", event="other") == 5


def test_the_way_from_entry_to_publication_is_measured_from_the_time_in_the_stream_id() -> None:
    metrics = Metrics(mode="shadow", wall_clock=lambda: NOON_MS / 1000 + 0.2)
    told = Told(metrics=metrics)
    ids = [f"{NOON_MS}-0", f"{NOON_MS + 900}-7", "no stream id"]
    told.journal.event("published", stream=STREAM, position=42, entries=3, entry_ids=ids, seconds=0.002)

    assert told.value("exitbrain_entry_to_published_seconds_count", stream=STREAM) == 2
    assert told.value("exitbrain_entry_to_published_seconds_sum", stream=STREAM) == pytest.approx(0.2)
    buckets = [
        told.value("exitbrain_entry_to_published_seconds_bucket", stream=STREAM, le=le)
        for le in ("0.002", "0.1", "0.25", "+Inf")
    ]
    assert buckets == [1, 1, 2, 2]  # the second entry is of a clock ahead of ours, and took no time
    assert told.value("exitbrain_published_entries_total", stream=STREAM) == 3
    assert told.value("exitbrain_published_position", stream=STREAM) == 42
    assert told.value("exitbrain_step_seconds_sum", step="publish") == pytest.approx(0.002)


@pytest.mark.parametrize(
    ("event", "step"), [("read", "read"), ("committed", "commit"), ("acknowledged", "acknowledge")]
)
def test_each_step_has_its_duration_and_tells_how_full_the_buffer_is(event: str, step: str) -> None:
    told = Told()
    told.journal.event(event, entries=3, seconds=0.02, filled=0.25)

    assert told.value("exitbrain_step_seconds_bucket", step=step, le="0.025") == 1
    assert told.value("exitbrain_step_seconds_bucket", step=step, le="0.01") == 0
    assert told.value("exitbrain_buffer_filled_ratio") == 0.25


def test_the_backlog_of_a_stream_is_shown_and_an_unknown_lag_is_no_number() -> None:
    told = Told()
    told.journal.event("backlog", stream="known", lag=7, pending=2)
    told.journal.event("backlog", stream="unknown", lag=None, pending=0)

    assert told.value("exitbrain_lag_entries", stream="known") == 7
    assert told.value("exitbrain_pending_entries", stream="known") == 2
    assert math.isnan(told.value("exitbrain_lag_entries", stream="unknown"))


def test_a_worker_shows_whether_it_has_the_lease() -> None:
    told, seen = Told(), []
    seen.append(told.value("exitbrain_turn"))
    for event in ("turn_taken", "turn_lost"):
        told.journal.event(event, consumer="worker-a")
        seen.append(told.value("exitbrain_turn"))
    assert seen == [0, 1, 0]
    assert [(line["event"], line["consumer"]) for line in told.lines] == [
        ("turn_taken", "worker-a"), ("turn_lost", "worker-a"),
    ]  # fmt: skip


def test_the_loops_are_shown_as_they_are_when_asked() -> None:
    metrics = Metrics(mode="shadow")
    state = LoopState("read", last_success=time.monotonic() - 10, steps=7)
    unpublished = Unpublished()
    unpublished.log_ends_at(7, time.monotonic() - 20)
    told = Told(metrics=metrics)
    lease = LeaseWatch(told.journal)
    lease.look(Lease("a", known=True, endless=False, waiting=2, delivered=("0-0",)), time.monotonic() - 7)
    metrics.watch(
        {"read": state}, silent_s=lambda: 4.5, unpublished=unpublished, lease=lease, conflicts=lambda: 3
    )

    assert told.value("exitbrain_loop_stalled", loop="read") == 1
    assert 10 <= told.value("exitbrain_loop_silent_seconds", loop="read") < 15
    assert told.value("exitbrain_loop_steps_total", loop="read") == 7
    assert told.value("exitbrain_event_loop_silent_seconds") == 4.5
    assert 20 <= told.value("exitbrain_unpublished_seconds") < 25
    assert 7 <= told.value("exitbrain_turn_idle_seconds") < 12
    assert told.value("exitbrain_conflicts_total") == 3
    state.last_success = time.monotonic()
    assert told.value("exitbrain_loop_stalled", loop="read") == 0


def test_a_recorder_counts_its_conflicts() -> None:
    world = World()
    other = world.another_recorder()
    world.intent(**INTENT)
    other.handle(world.message("trade.intent", INTENT))

    world.intent(**INTENT)

    assert world.recorder.conflicts == 1


def test_what_was_built_is_named() -> None:
    built = [
        dict(labels) for name, labels in samples(Metrics(mode="paper")) if name == "exitbrain_build_info"
    ]

    assert [(one["version"], one["mode"]) for one in built] == [(__version__, "paper")]


def test_two_workers_in_one_process_count_apart() -> None:
    one, other = Told(), Told()
    one.journal.event("reclaimed", entries=4)

    assert one.value("exitbrain_reclaimed_entries_total") == 4
    assert other.value("exitbrain_reclaimed_entries_total") == 0


def test_the_newer_text_format_is_given_to_whoever_asks_for_it() -> None:
    body, content_type = Told().metrics.exposition("application/openmetrics-text; version=1.0.0")

    assert content_type.startswith("application/openmetrics-text")
    assert list(text_string_to_metric_families(body.decode()))  # type: ignore[no-untyped-call]  # it has no types
