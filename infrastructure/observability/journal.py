"""The journal of the live path: a structured log on stderr, and the metrics.

At the level info it writes refusals, exits that ended nothing, troubles, changes, and every few seconds a summary with
rates; single messages and batches are written at debug, since thousands of them a second must not wait for a log.
"""

import logging
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger, Processor

from exitbrain.application.recording.exit_counts import exit_count_of
from exitbrain.domain.identity import decision_id
from exitbrain.domain.messages.receipt import Disposition, IgnoredExit
from exitbrain.domain.messages.result import MessageResult
from exitbrain.domain.values import plain_or_none
from exitbrain.infrastructure.observability.metrics import Metrics
from exitbrain.infrastructure.observability.muted import Muted
from exitbrain.infrastructure.observability.outage import Facts, Outage
from exitbrain.infrastructure.presentation.ignored_exits import cycle_met
from exitbrain.infrastructure.presentation.printable import printable
from exitbrain.infrastructure.secrets import hidden

Level = Literal["debug", "info", "warning"]
Form = Literal["auto", "json", "text"]

SUMMARY_EVERY_S = 5.0
LINES_MAX = 20
"""How often a name is written between two summaries; the summary tells how many lines were left out.

Exits that ended nothing unexpectedly are all written: a position may be open that nobody will close.
"""

TEXT_MAX = 500

_REFUSED = Disposition.REFUSED
_FLOW = frozenset({"read", "committed", "acknowledged", "published", "backlog", "clocks_compared"})
_GRAVE = frozenset(
    {
        "entries_lost",
        "entries_skipped",
        "event_loop_blocked",
        "loop_ended",
        "loop_stalled",
        "publication_stalled",
        "turn_unused",
    }
)

_OUTAGE = {"outage_begun": "warning", "outage_lasts": "error", "outage_over": "info"}


class Lines:
    """Write lines to a text stream, from any thread.

    A log that cannot be written (its reader is gone, the disk is full) must not stop the worker: what is lost is
    counted.
    """

    def __init__(self, stream: TextIO, note_lost_line: Callable[[], None]) -> None:
        self._stream = stream
        self._note_lost_line = note_lost_line
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        """Write one line."""
        with self._lock:
            try:
                self._stream.write(f"{line}\n")
                self._stream.flush()
            except OSError:
                self._note_lost_line()

    debug = info = warning = error = critical = msg


def open_log(lines: Lines, *, level: Level, as_json: bool, colors: bool) -> FilteringBoundLogger:
    """Return a log with time (UTC), level, event and facts in each line; the only place that configures structlog."""
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        _plain,
    ]
    if as_json:
        processors.append(structlog.processors.JSONRenderer(serializer=_json))
    else:
        processors.append(structlog.dev.ConsoleRenderer(colors=colors, timestamp_key="time"))
    wrapper = structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()])
    log: FilteringBoundLogger = structlog.wrap_logger(lines, processors=processors, wrapper_class=wrapper)
    return log


class LiveJournal:
    """Take down what happens on the live path, in the log and in the metrics. For any thread."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        level: Level = "info",
        form: Form = "auto",
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        to = sys.stderr if stream is None else stream
        self._metrics = metrics
        as_json = form == "json" or (form == "auto" and not to.isatty())
        lines = Lines(to, metrics.note_lost_line)
        self._log = open_log(lines, level=level, as_json=as_json, colors=to.isatty())
        self._detailed = level == "debug"
        self._clock = clock
        self._since = clock()
        self._counts: Counter[str] = Counter()
        self._written: Counter[str] = Counter()
        self._stalled: dict[object, bool] = {}
        self._outage = Outage(clock)
        self._muted = Muted()

    def event(self, name: str, **facts: object) -> None:
        """Note a routine event."""
        self._metrics.note(name, facts)
        if name == "messages":
            self._messages(facts["outcomes"])
        elif name == "heartbeat":
            self._tell_of_outage("outage_lasts", self._outage.still())
            self._summarise_if_due()
        elif name == "loop_recovered":
            self._detail(name, facts)
            self._tell_of_outage("outage_over", self._outage.succeeded(facts["loop"]))
        elif name in _FLOW:
            self._flow(name, facts)
        elif name != "loop_moves_again" or self._was_stalled(facts["loop"]):
            self._write("info", name, facts)

    def trouble(self, name: str, **facts: object) -> None:
        """Note an event that somebody should look at."""
        if name == "loop_stalled" and facts["loop"] in self._stalled:
            return  # the supervisor and the watchdog both look; who sees it first tells
        self._metrics.note_trouble(name, facts)
        if name == "loop_failed":
            self._detail(name, facts)
            self._tell_of_outage("outage_begun", self._outage.failed(facts["loop"], facts["error"]))
            return
        if name == "loop_stalled":
            # What an outage holds up is told of with the outage, not once more for each loop.
            told = self._stalled[facts["loop"]] = not self._outage.holds_up(facts["loop"])
            if not told:
                return
        self._write("error" if name in _GRAVE else "warning", name, facts)

    def summarise(self) -> None:
        """Write what has come together since the last summary, unless that is nothing."""
        now = self._clock()
        seconds, self._since = now - self._since, now
        counts, self._counts = self._counts, Counter()
        left_out = sum(max(0, written - LINES_MAX) for written in self._written.values())
        self._written.clear()
        if not counts and not left_out:
            return
        messages = sum(counts[kind] for kind in (*Disposition, "DUPLICATE"))
        per_s = round(messages / seconds, 1) if seconds > 0 else 0.0
        facts = {kind.lower(): counts[kind] for kind in sorted(counts)}
        if left_out:
            facts["lines_left_out"] = left_out
        self._log.info("summary", seconds=round(seconds, 1), messages=messages, per_s=per_s, **facts)

    def _summarise_if_due(self) -> None:
        if self._clock() - self._since >= SUMMARY_EVERY_S:
            self.summarise()

    def _messages(self, outcomes: object) -> None:
        if not isinstance(outcomes, list):
            raise TypeError(f"messages are noted with a list of their Outcomes, not with {outcomes!r}")
        for outcome in outcomes:
            self._counts["DUPLICATE" if outcome.duplicate else outcome.disposition] += 1
            if outcome.disposition is _REFUSED and not outcome.duplicate:
                self._write("info", "message_refused", _facts_of(outcome))
            elif self._detailed:
                self._log.debug("message", **_facts_of(outcome))
            if outcome.ignored_exit is not None:
                self._exit_ignored(outcome, outcome.ignored_exit)
            if outcome.not_believed:
                self.trouble("not_believed", **_facts_of_doubt(outcome))
            self._note_run(outcome)

    def _note_run(self, outcome: MessageResult) -> None:
        told = self._muted.note(outcome)
        if told is None:
            return
        name, facts = told
        if name == "symbol_muted":
            self.trouble("symbol_muted", **facts)
        else:
            self.event(name, **facts)

    def _exit_ignored(self, outcome: MessageResult, ignored: IgnoredExit) -> None:
        count = exit_count_of(outcome)
        if count is None:
            return
        self._counts[count] += 1
        facts = _facts_of(outcome) | _facts_of_exit(outcome, ignored)
        if ignored.expected:
            self._write("info", "exit_ignored", facts)
        else:
            self._metrics.note_trouble("exit_ignored", facts)
            self._log.warning("exit_ignored", **facts)  # however many: none of them may be left out

    def _flow(self, name: str, facts: Mapping[str, object]) -> None:
        if name == "published" and isinstance(entries := facts["entries"], int) and entries:
            self._counts[name] += entries
        if self._detailed:
            shown = {key: value for key, value in facts.items() if key != "entry_ids"}
            self._log.debug(name, **shown)
        self._summarise_if_due()

    def _was_stalled(self, loop: object) -> bool:
        """Return whether it was told that a loop stands still, which it no longer does."""
        return self._stalled.pop(loop, False)

    def _tell_of_outage(self, name: str, facts: Facts | None) -> None:
        if facts is not None:
            self._write(_OUTAGE[name], name, facts)

    def _detail(self, name: str, facts: Mapping[str, object]) -> None:
        if self._detailed:
            self._log.debug(name, **facts)

    def _write(self, level: str, name: str, facts: Mapping[str, object]) -> None:
        self._written[name] += 1
        if self._written[name] <= LINES_MAX:
            getattr(self._log, level)(name, **facts)


def _facts_of(outcome: MessageResult) -> dict[str, object]:
    """Return what identifies a message and everything it touched; a flip closed another position before."""
    facts: dict[str, object] = {
        "receipt": outcome.receipt_id,
        "entry_id": outcome.entry_id,
        "outcome": outcome.disposition,
    }
    if outcome.duplicate:
        facts["duplicate"] = True
    if outcome.reason is not None:
        facts["reason"] = outcome.reason
    if outcome.refusal is not None:
        refusal = outcome.refusal
        facts |= {"field": refusal.field, "value": refusal.value, "allowed": refusal.allowed}
    positions, plans = outcome.touched[::2], outcome.touched[1::2]
    if positions:
        facts["position"] = positions[-1]
    if plans:  # a report that came after the end touches its position alone
        facts["plan"] = plans[-1]
    if len(positions) > 1:
        facts["closed_position"], facts["closed_plan"] = positions[0], plans[0]
    if outcome.decision is not None:
        facts["decision"] = decision_id(outcome.decision.plan_id, outcome.decision.revision)
    if outcome.levels is not None:
        facts["symbol"] = outcome.levels.symbol
    return facts


def _facts_of_doubt(outcome: MessageResult) -> dict[str, object]:
    """Return which message has an id or a time that lies too far ahead."""
    return {
        "fields": ", ".join(outcome.not_believed),
        "source": outcome.source,
        "entry_id": outcome.entry_id,
        "account": outcome.account,
        "symbol": outcome.symbol,
        "receipt": outcome.receipt_id,
    }


def _facts_of_exit(outcome: MessageResult, ignored: IgnoredExit) -> dict[str, object]:
    """Return what an exit that ended nothing said, and the positions that it met."""
    facts: dict[str, object] = {
        "source": outcome.source,
        "occurred_at": None if outcome.occurred_at is None else outcome.occurred_at.isoformat(),
        "account": ignored.account,
        "symbol": ignored.symbol,
        "kind": ignored.kind,
        "side": ignored.side,
        "order_id": ignored.order_id or None,
        "price": plain_or_none(ignored.price),
        "rule": ignored.rule,
        "held_by": ignored.held_by,
    }
    for name, met in (("open", ignored.open), ("last", ignored.last)):
        if met is not None:
            facts |= {name: cycle_met(met), f"{name}_position": met.position_id}
    said = {name: value for name, value in facts.items() if value is not None}
    return said | {"expected": ignored.expected}


def _plain(_: Any, __: str, facts: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave numbers, and text that cannot steer a terminal: what a message holds is in some of these facts."""
    first = {name: facts.pop(name) for name in ("time", "level", "event")}
    return {**first, **{name: _shown(value) for name, value in facts.items()}}


def _shown(value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = str(value).encode("utf-8", "backslashreplace").decode()
    text = hidden(text)
    return printable(text if len(text) <= TEXT_MAX else f"{text[:TEXT_MAX]}...")


def _json(facts: object, **_: object) -> str:
    return msgspec.json.encode(facts).decode()
