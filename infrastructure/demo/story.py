"""The story of the demonstration: its steps in their order, each with the claims that it checks.

Every step works on the files of one folder, as the commands do, and finds what it needs in them.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from decimal import Context, Inexact
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from redis import Redis

from exitbrain.application.explain import explain, explain_decision
from exitbrain.application.ingest_summary import IngestSummary
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.replay import ReplayReport
from exitbrain.domain.configuration import DecisionSettings
from exitbrain.domain.formulas.registry import V3_5, V3_6
from exitbrain.domain.guards import Freshness
from exitbrain.domain.levels import NO_STOP_FITS
from exitbrain.domain.policy import Policy
from exitbrain.domain.receipt import MessageReceived
from exitbrain.domain.values import Origin
from exitbrain.infrastructure.container import Container, opened
from exitbrain.infrastructure.demo import readings, streaming, synthetic, what_if
from exitbrain.infrastructure.demo.candles import synthetic_candles, write_candles
from exitbrain.infrastructure.demo.claims import ClaimFalse, claim
from exitbrain.infrastructure.demo.results import (
    Alteration,
    AskedWhatIf,
    Cure,
    GuardsFailed,
    Ingested,
    LevelsAt,
    LevelTable,
    LsfExplained,
    NotStreamed,
    Replays,
    Result,
    Streamed,
    Tampering,
    TimedReplay,
)
from exitbrain.infrastructure.demo.server import WHEEL, redis_program, redis_server
from exitbrain.infrastructure.demo.tampering import alter_a_digit, copy_store
from exitbrain.infrastructure.engine.builtin import BuiltInFormulas
from exitbrain.infrastructure.library.given import level_inputs
from exitbrain.infrastructure.settings import Settings
from exitbrain.infrastructure.wire.jsonl import open_lines, read_messages
from exitbrain.infrastructure.written_files import finished_file, finished_text

# With this seed rounding to the tick leaves the stop of the example at 0.02 %, to be recognised in every step.
SEED, MESSAGES = 37, 400
MESSAGES_FILE, INSTRUMENTS_FILE = "synthetic-messages.jsonl", "synthetic-instruments.json"
BEFORE, INGESTED, AFTER, ALTERED = "v3.5.db", "v3.5-from-file.db", "v3.6.db", "altered.db"
CANDLES, REPORT = "synthetic-candles", "exitbrain-demo-report.html"

_BATCH = 100
_SYMBOL = "BTCUSDT"
_TABLE = ((10.0, 1.0), (20.0, 1.5), (5.0, 0.7), (30.0, 1.2))
_STOP_PERCENT = 0.02
"""What the clamp of v3.5 leaves of every stop: meant as 2 %, read as 0.02 %."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the story: its name in JSON, its title, and what it does in the folder."""

    name: str
    title: str
    run: Callable[[Path], Result]


def tell(folder: Path, steps: Sequence[Step]) -> Iterator[tuple[Step, Result | ClaimFalse]]:
    """Run the steps in an empty folder; the first claim that is false ends the story."""
    for step in steps:
        try:
            yield step, step.run(folder)
        except ClaimFalse as false:
            yield step, false
            return


def stream(folder: Path) -> Streamed | NotStreamed:
    """Send the messages through a Redis, if there is one, to the worker, which decides under v3.5."""
    return stream_through(redis_program(), folder)


def stream_through(program: Path | None, folder: Path) -> Streamed | NotStreamed:
    """Write the synthetic files, and send the messages through a server to the worker."""
    with finished_file(folder / MESSAGES_FILE) as file:
        file.writelines(synthetic.lines(MESSAGES, seed=SEED))
    with finished_text(folder / INSTRUMENTS_FILE) as text:
        json.dump(synthetic.instruments(), text, indent=1)
    if program is None:
        return NotStreamed(WHEEL)
    with ExitStack() as stack:
        url = stack.enter_context(redis_server(program))
        client = stack.enter_context(Redis.from_url(url, decode_responses=True))
        return _streamed(folder, url, client)


def _streamed(folder: Path, url: str, client: Redis) -> Streamed:
    log = folder / streaming.WORKER_LOG
    with streaming.worker(folder, url, _url(BEFORE), INSTRUMENTS_FILE) as worker:
        streaming.await_groups(client, log)
        began_s = perf_counter()
        streaming.send(client, list(synthetic.messages(MESSAGES, seed=SEED)))
        streaming.await_acknowledged(client, log)
        with opened_store(folder, BEFORE) as container:
            recorded = list(container.ledger().log())
        streaming.await_published(client, recorded, log)
        seconds = perf_counter() - began_s
        claim(worker.end() == 0, "the worker ends on SIGTERM with code 0")
    out = streaming.came_out(client)
    streaming.check_published(recorded, out)
    receipts = [entry.event for entry in recorded if isinstance(entry.event, MessageReceived)]
    claim(len(receipts) == MESSAGES, f"every one of {MESSAGES} messages has exactly one receipt")
    claim({receipt.origin for receipt in receipts} == {Origin.LIVE}, "the messages came from a stream")
    about: Any = client.info("server")
    return Streamed(
        server=f"{about['server_name']} {about['valkey_version']}",
        sent=MESSAGES,
        decisions=len(out.levels),
        events=out.kinds(),
        dead_letters=len(out.dead_letters),
        seconds=seconds,
        example=out.example(_SYMBOL),
        commands=(f"exitbrain positions --store {_url(BEFORE)}",),
    )


def ingest(folder: Path) -> Ingested:
    """Take the messages in from their file under v3.5, and take them in again."""
    live = (folder / BEFORE).exists()
    store = INGESTED if live else BEFORE
    began_s = perf_counter()
    first, events = _ingest(folder, store, V3_5)
    seconds = perf_counter() - began_s
    again, events_after = _ingest(folder, store, V3_5)

    outcomes = first.accepted + first.ignored + first.refused
    claim(first.read == outcomes == MESSAGES, f"every one of {MESSAGES} messages has an outcome")
    claim(len(first.refusals) >= 2, "messages that can not be used are refused with a reason")
    claim(again.duplicate == again.read == MESSAGES, "the same file again holds nothing but duplicates")
    claim(events_after == events, "the same file again changes nothing")
    same = _same_as_live(folder) if live else None
    return Ingested(first, again, events, events_after, seconds, same, (_ingest_command(store, V3_5),))


def _same_as_live(folder: Path) -> int:
    """Compare what the file led to with what the worker made of the same messages; return the number of decisions."""
    with opened_store(folder, BEFORE) as container:
        live = readings.effects(container.ledger())
        decisions = len(readings.decisions(container.ledger()))
    with opened_store(folder, INGESTED) as container:
        claim(
            readings.effects(container.ledger()) == live, "from the stream and from the file comes the same"
        )
    return decisions


def level_table(_: Path) -> LevelTable:
    """Compute the levels of v3.5 for four leverages."""
    defaults = DecisionSettings()
    rows = []
    for leverage, volatility in _TABLE:
        inputs = level_inputs(V3_5, None, defaults, leverage=leverage, volatility=volatility)
        explained = explain(BuiltInFormulas(), V3_5, inputs, None, Freshness(0.0, defaults.max_intent_age_s))
        rows.append(LevelsAt(leverage, volatility, explained.levels.raw))

    claim({row.levels.sl for row in rows} == {_STOP_PERCENT}, f"v3.5 gives every stop as {_STOP_PERCENT} %")
    return LevelTable(V3_5.name, V3_5.unit, tuple(rows), ("exitbrain levels --leverage 20 --volatility 1.5",))


def replay(folder: Path) -> Replays:
    """Compute everything recorded under v3.5 again, in three ways."""
    with opened_store(folder, BEFORE) as container:
        return _replays(container, BEFORE)


def guards(folder: Path) -> GuardsFailed:
    """Count what the guards found under v3.5, and look at one decision."""
    with opened_store(folder, BEFORE) as container:
        ledger = container.ledger()
        counts, stops = readings.count_guards(ledger), readings.stops_against_costs(ledger)
        plan = readings.plan_of(_example(ledger), V3_5)

    claim(len(stops) == counts.decisions > 0, "under v3.5 every stop fails stop_wider_than_costs")
    claim(all(stop < cost for stop, cost in stops), "under v3.5 every stop is inside the round-trip cost")
    commands = (f"exitbrain explain {str(plan.decision_id)[:8]} --store {_url(BEFORE)}",)
    return GuardsFailed(counts, plan, commands)


def cure(folder: Path) -> Cure:
    """Take the same messages in under v3.6, and put both policies side by side."""
    with opened_store(folder, BEFORE) as container:
        ledger = container.ledger()
        example, guards_before = _example(ledger), readings.count_guards(ledger)
    _ingest(folder, AFTER, V3_6)
    with opened_store(folder, AFTER) as container:
        ledger = container.ledger()
        after = readings.plan_of(readings.same_decision(ledger, example), V3_6)
        guards_after, refused = readings.count_guards(ledger), readings.refused_plans(ledger)
        replays = _replays(container, AFTER)

    claim(guards_after.decisions == guards_before.decisions, "both policies decide on the same messages")
    for guard in ("stop_wider_than_costs", "stop_inside_liquidation"):
        claim(guard not in guards_after.failed, f"no plan of v3.6 fails {guard}")
    no_stop_fits = next((one for one in refused if one.levels.refusal == NO_STOP_FITS), None)
    if no_stop_fits is None:
        raise ClaimFalse("v3.6 refuses where no stop fits between costs and liquidation")
    claim(no_stop_fits.levels.cap < no_stop_fits.levels.floor, "the cap of a refused stop is below its floor")
    return Cure(
        before=readings.plan_of(example, V3_5),
        after=after,
        guards_before=guards_before,
        guards_after=guards_after,
        computed=guards_after.decisions - len(refused),
        refused=len(refused),
        refusal=no_stop_fits,
        replays=replays,
        commands=(_ingest_command(AFTER, V3_6), f"exitbrain policy diff {V3_5.name} {V3_6.name}"),
    )


def lsf(folder: Path) -> LsfExplained:
    """Explain the LSF change in which the average PnL weighs most, and one level of the decision behind it."""
    with opened_store(folder, AFTER) as container:
        ledger = container.ledger()
        both = [one for one in container.lsf_audit().changes() if one.leverage_effect and one.pnl_effect]
        claim(bool(both), "leverage and average PnL change the LSF together at least once")
        change = max(both, key=lambda one: abs(one.pnl_effect))
        earlier, later = readings.around(ledger, change)
        explained = explain_decision(container.engine(), ledger, later)

    exact = Context(prec=2500, traps=[Inexact])
    effects = exact.add(
        exact.add(change.leverage_effect, change.pnl_effect),
        exact.add(change.confidence_effect, change.policy_effect),
    )
    claim(effects == change.delta, "the effects of an LSF change sum to it in every digit")
    chain = readings.chain_to("tp1", explained.lines)
    claim(chain[-1].value == later.levels.raw.tp1, "the derivation ends at the recorded TP1")
    commands = (
        f"exitbrain audit lsf --store {_url(AFTER)}",
        f"exitbrain explain {str(change.decision_id)[:8]} --store {_url(AFTER)}",
    )
    factors = (earlier.levels.raw.pnl_factor, later.levels.raw.pnl_factor)
    return LsfExplained(change, factors, chain, commands)


def whatif(folder: Path) -> AskedWhatIf:
    """Ask what v3.6 would have brought on the positions recorded under v3.5, on candles made for them."""
    # What went through the stream was recorded at the time of the demonstration, the file at that of its messages.
    store = INGESTED if (folder / INGESTED).exists() else BEFORE
    symbols = synthetic_candles(MESSAGES, seed=SEED)
    write_candles(folder / CANDLES, symbols)
    asked = f"exitbrain whatif --policy {V3_6.name} --candles {CANDLES} --store {_url(store)} --report whatif.html"
    with opened_store(folder, store) as container:
        return what_if.ask(
            container.ledger(),
            container.decisions(),
            container.engine(),
            symbols,
            (V3_5, V3_6),
            folder / REPORT,
            (asked,),
        )


def tampering(folder: Path) -> Tampering:
    """Alter a digit in a copy of the store, and let the replay find it."""
    copy_store(folder / BEFORE, folder / ALTERED)
    with opened_store(folder, ALTERED) as container:
        example = _example(container.ledger())
    return detect(folder, alter_a_digit(folder / ALTERED, example))


def detect(folder: Path, alteration: Alteration) -> Tampering:
    """Replay the altered copy; raises ClaimFalse unless the alteration is found, and nothing else."""
    with opened_store(folder, ALTERED) as container:
        report = container.decision_replay().run()
    found = report.first_drift
    if found is None or report.drift != 1 or report.exact != report.decisions - 1:
        raise ClaimFalse("the replay finds the altered decision and no other")
    claim(found.subject == str(alteration.decision_id), "the replay names the altered decision")
    claim(found.field == alteration.field, "the replay names the altered field")
    claim(found.recorded == alteration.altered, "the replay shows the altered number")
    claim(found.recomputed == alteration.was, "the replay computes the number that was recorded at first")
    return Tampering(
        alteration, report, 0 if report.clean else 1, (f"exitbrain replay --store {_url(ALTERED)}",)
    )


STEPS = (
    Step("stream", "From stream to stream", stream),
    Step("ingest", "The same messages from a file, twice", ingest),
    Step("levels", "The levels of v3.5", level_table),
    Step("replay", "Everything recorded, computed again", replay),
    Step("guards", "What the guards say about v3.5", guards),
    Step("cure", "What v3.6 sets instead", cure),
    Step("lsf", "One change of the LSF, explained", lsf),
    Step("whatif", "What v3.6 would have brought", whatif),
    Step("tampering", "A digit altered, and found", tampering),
)


def opened_store(folder: Path, store: str, policy: Policy | None = None) -> AbstractContextManager[Container]:
    """Open a store of the folder; with the policy of a new one it is begun where it does not exist."""
    # Constructed, not loaded: the environment of whoever runs the demonstration must not change the story.
    settings = Settings.model_construct(
        store=f"sqlite:///{folder / store}",
        instruments=folder / INSTRUMENTS_FILE,
        policy=None if policy is None else policy.name,
    )
    return opened(settings, "read" if policy is None else "create")


def _ingest(folder: Path, store: str, policy: Policy) -> tuple[IngestSummary, int]:
    """Record the messages of the file; return what became of them, and how many events the log then holds."""
    with opened_store(folder, store, policy) as container:
        max_bytes = container.settings().max_message_bytes
        messages = read_messages(open_lines(str(folder / MESSAGES_FILE)), max_bytes=max_bytes)
        recorder, summary = container.recorder(), IngestSummary()
        while batch := list(islice(messages, _BATCH)):
            summary.count(recorder.handle_batch(batch))
        return summary, len(list(container.ledger().log()))


def _replays(container: Container, store: str) -> Replays:
    decisions = len(readings.decisions(container.ledger()))
    command = f"exitbrain replay --store {_url(store)}"
    replays = Replays(
        _timed(container.decision_replay().run),
        _timed(container.intake_replay().run),
        _timed(container.context_audit().run),
        (command, f"{command} --from-receipts", f"{command} --context"),
    )
    for timed in (replays.decisions, replays.receipts, replays.context):
        report = timed.report
        exact = report.clean and report.exact == report.decisions == decisions
        claim(exact, f"every replay of {store} is EXACT on all {decisions} decisions")
    receipts = replays.receipts.report
    claim(
        receipts.receipts_exact == receipts.receipts == MESSAGES,
        f"the replay of {store} from its receipts is EXACT on all {MESSAGES} messages",
    )
    return replays


def _timed(run: Callable[[], ReplayReport]) -> TimedReplay:
    began_s = perf_counter()
    report = run()
    return TimedReplay(report, perf_counter() - began_s)


def _example(ledger: ExitLedger) -> readings.Recorded:
    return readings.example(ledger, symbol=_SYMBOL, stop=V3_5.unit.to_fraction(_STOP_PERCENT))


def _ingest_command(store: str, policy: Policy) -> str:
    named = "" if policy is V3_5 else f" --policy {policy.name}"
    return f"exitbrain ingest {MESSAGES_FILE} --instruments {INSTRUMENTS_FILE} --store {_url(store)}{named}"


def _url(store: str) -> str:
    return f"sqlite:///{store}"
