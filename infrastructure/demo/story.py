"""The steps of the tour, in order. They work on files in the working folder, all made from one seed."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from exitbrain.infrastructure.demo import figures, synthetic
from exitbrain.infrastructure.demo.candles import synthetic_candles, write_candles
from exitbrain.infrastructure.demo.lab_example import PlantedEffect
from exitbrain.infrastructure.demo.lab_example_files import commands_for
from exitbrain.infrastructure.demo.streaming import effects, through_redis
from exitbrain.infrastructure.demo.tampering import alter_a_digit, copy_store
from exitbrain.infrastructure.demo.tour import Done, Found, TourStep
from exitbrain.infrastructure.files.written import finished_file, finished_text
from exitbrain.infrastructure.presentation.wording import percent

# With this seed rounding to the tick leaves the stop of the example at 0.02 %, to be recognised in every step.
SEED, MESSAGES, DECISIONS = 37, 400, 254
_EVENTS = "254 levels_computed, 133 position_closed, 89 plan_completed, 44 plan_cancelled, 6 exit_ignored"
LIVE, BEFORE, AFTER, ALTERED = "live.db", "v3.5.db", "v3.6.db", "altered.db"
REPORT = Path("report.html")

# Ids follow from what is recorded, so they are the same in every store of these messages.
EXAMPLE, REFUSED = "13c60195", "288dd966"
LSF_BEFORE, LSF_AFTER = "08724fc6", "d127b049"
"""Two plans that follow each other on 1000PEPEUSDT; no other change of the LSF owes as much to the average PnL."""

_MESSAGES, _INSTRUMENTS, CANDLES = (
    "synthetic-messages.jsonl",
    "synthetic-instruments.json",
    "synthetic-candles",
)
_INGEST = f"exitbrain ingest {_MESSAGES} --instruments {_INSTRUMENTS} --store sqlite:///"
_COSTS, _LIQUIDATION, _SLICES = "stop_wider_than_costs", "stop_inside_liquidation", "slices_placeable"


SYNOPSIS = (
    "A stop meant as 2 % of the price was deployed as 0.02 %, and nobody could tell. You will see",
    "  how every decision is recorded, and computed again in all 64 bits,",
    "  how the guards find that stop at once, and what the policy v3.6 sets instead,",
    "  what that would have earned, and how one altered digit in the record is found.",
)
"""What the viewer is about to see."""

TO_TRY = (
    f"exitbrain explain {EXAMPLE} --store sqlite:///{AFTER}",
    f"exitbrain whatif --policy v3.6 --sweep base_sl=0.003:0.007:0.001 --store sqlite:///{BEFORE}",
    f"exitbrain audit lsf --symbol 1000PEPEUSDT --store sqlite:///{AFTER}",
)
"""Commands for the end of the tour."""


def write_files() -> None:
    """Write the input of the steps: messages, instruments and candles."""
    with finished_file(Path(_MESSAGES)) as file:
        file.writelines(synthetic.lines(MESSAGES, seed=SEED))
    with finished_text(Path(_INSTRUMENTS)) as text:
        json.dump(synthetic.instruments(), text, indent=1)
    write_candles(Path(CANDLES), synthetic_candles(MESSAGES, seed=SEED))


def steps(program: Path | None, *, draws: bool, judges: bool) -> Iterator[TourStep]:
    """Yield the steps.

    Without a Redis server none uses streams, without plotly none writes a report, without the laboratory none judges a
    family of policies.
    """
    if program is not None:
        yield _streaming(program)
    yield from _ingesting(is_live=program is not None)
    yield from _levels()
    yield from _replays(BEFORE, "Everything recorded, computed again")
    yield from _guards()
    yield from _cure()
    yield from _replays(AFTER, "The new store, computed again")
    yield from _lsf()
    yield _what_if(f" --report {REPORT}" if draws else "")
    if judges:
        yield from verdicts(draws=draws)
    yield _tampering()


def verdicts(*, draws: bool) -> Iterator[TourStep]:
    """Yield the steps that ask for a better stop: where there is one to find, and where there is none."""
    title = "Would a wider stop have survived?"
    about = (
        "45 days in which many positions were closed by their stop. A wider stop goes on after that close. "
        "First dips go beyond the stop and come back; then the same entries without dips."
    )
    for effect, verdict in ((PlantedEffect.WICKS, "adopt"), (PlantedEffect.NONE, "inconclusive")):
        ingest, sweep = commands_for(Path(effect))
        shown = "{positions} positions, {stopped} of them closed by their stop"
        yield TourStep(
            f"exitbrain lab example {effect} --effect {effect}",
            shown,
            {"positions": 1080},
            title=title,
            about=about,
        )
        yield TourStep(ingest, expects={"decisions": 1080, "refused": 0})
        yield TourStep(
            f"{sweep} --report {effect}.html" if draws else sweep,
            figures.family,
            {"family[walk_forward][judgement][verdict]": verdict, "family[positions]": 1080},
        )
        title = about = ""


def _streaming(program: Path) -> TourStep:
    serve = (
        f"serve --store sqlite:///{LIVE} --instruments {_INSTRUMENTS} --consumer demo --health 127.0.0.1:0"
    )
    messages = list(synthetic.messages(MESSAGES, seed=SEED))
    due = {kind: int(count) for count, kind in (one.split() for one in _EVENTS.split(", "))}
    numbers = (f"{name} {{positions[0][decision][{name}]:.3f}}" for name in ("tp1", "tp2", "tp3", "sl"))
    return TourStep(
        f"exitbrain positions --symbol BTCUSDT --store sqlite:///{LIVE}",
        f"{{positions[0][side]}} at {{positions[0][leverage]:.0f}}x: {', '.join(numbers)}",
        {"positions[0][decision][sl]": 0.02},
        title="From stream to stream",
        about="A worker reads messages from Redis streams, records and decides, and publishes on other streams.",
        before=partial(through_redis, program, messages, due, 8, serve),
    )


def _ingesting(*, is_live: bool) -> Iterator[TourStep]:
    same = {"the worker recorded the same, bit for bit": lambda _: effects(LIVE) == effects(BEFORE)}
    yield TourStep(
        _INGEST + BEFORE,
        "{read} messages read: {accepted} accepted, {ignored} ignored, {refused} refused, two of them with\n"
        "  {refusals[0][reason]}\n  {refusals[1][reason]}",
        {"read": MESSAGES, "accepted": 376, "ignored": 16, "refused": 8, "decisions": DECISIONS},
        same if is_live else {},
        "The same messages from a file, twice",
        "An unusable message is recorded like any other, with the reason. The second run changes nothing.",
    )
    yield TourStep(_INGEST + BEFORE, expects={"read": MESSAGES, "duplicate": MESSAGES, "decisions": 0})


def _levels() -> Iterator[TourStep]:
    title, about = (
        "The levels of v3.5",
        "v3.5, the old engine, counts in percent. Its clamp was meant as 2 % and cuts every stop to 0.02.",
    )
    for given in ("10 --volatility 1", "20 --volatility 1.5", "5 --volatility 0.7", "30 --volatility 1.2"):
        shown = "LSF {lsf:.3f}, TP {tp1:.3f}, {tp2:.3f}, {tp3:.3f}, SL {sl:.3f}, harvest {harvest}"
        expected = {"unit": "percent", "sl": 0.02}
        yield TourStep(f"exitbrain levels --leverage {given}", shown, expected, title=title, about=about)
        title = about = ""


def _replays(store: str, title: str) -> Iterator[TourStep]:
    command, exact = (
        f"exitbrain replay --store sqlite:///{store}",
        {"decisions": DECISIONS, "exact": DECISIONS},
    )
    about = (
        "Each decision from its recorded inputs, then each message from its raw fields, then what each decision had read "
        "from the log. EXACT means that every number is the same in all 64 bits."
    )
    shown = "EXACT: {exact} of {decisions} decisions, in {seconds:.3f} s"
    receipts = {"receipts": MESSAGES, "receipts_exact": MESSAGES}
    yield TourStep(command, shown, exact, title=title, about=about)
    yield TourStep(f"{command} --from-receipts", f"{shown}; {{receipts_exact}} messages", exact | receipts)
    yield TourStep(f"{command} --context", shown, exact)


def _guards() -> Iterator[TourStep]:
    yield TourStep(
        f"exitbrain explain {EXAMPLE} --store sqlite:///{BEFORE}",
        figures.plan,
        claims={f"it fails {_COSTS}": lambda found: _COSTS in figures.guards_in("failed", found)},
        title="What the guards say about v3.5",
        about="A plan must pass every guard before it may be executed. One plan, BTCUSDT, long at 75x:",
    )
    failed = {
        "before": {_COSTS: DECISIONS, _LIQUIDATION: 0, _SLICES: 4},
        "after": {_COSTS: 0, _LIQUIDATION: 0, _SLICES: 4},
    }
    yield TourStep(
        f"exitbrain whatif --policy v3.6 --store sqlite:///{BEFORE}",
        expects={
            **{
                f"guards[{when}][{name}][failed]": n
                for when, each in failed.items()
                for name, n in each.items()
            },
            "refused[after]": 15,
        },
        about="All plans as recorded under v3.5, and what v3.6 would have decided instead; 15 times it refuses.",
    )


def _cure() -> Iterator[TourStep]:
    yield TourStep(
        f"{_INGEST}{AFTER} --policy v3.6",
        expects={"read": MESSAGES, "decisions": DECISIONS},
        title="What v3.6 sets instead",
        about="The same messages in a new store, under v3.6; then the same plan as above, and one that is refused.",
    )
    yield TourStep(
        f"exitbrain explain {EXAMPLE} --store sqlite:///{AFTER}",
        figures.plan,
        claims={
            f"it passes {_COSTS} and {_LIQUIDATION}": lambda found: (
                {_COSTS, _LIQUIDATION} <= figures.guards_in("passed", found)
            )
        },
    )
    yield TourStep(
        f"exitbrain explain {REFUSED} --store sqlite:///{AFTER}",
        lambda found: [
            f"at least {percent(found['floor'])} (costs), at most {percent(found['cap'])} (liquidation)"
        ],
        {"refusal": "NO_STOP_FITS"},
        {"the cap is below the floor": lambda found: found["cap"] < found["floor"]},
    )
    unit = {"differences[1][name]": "unit", "differences[1][a]": "percent", "differences[1][b]": "fraction"}
    yield TourStep("exitbrain policy diff v3.5 v3.6", expects=unit)


def _lsf() -> Iterator[TourStep]:
    store = f"--store sqlite:///{AFTER}"
    yield TourStep(
        f"exitbrain audit lsf --decision {LSF_AFTER} {store}",
        figures.parts_of_change,
        claims={"the parts sum to the difference in every digit": figures.parts_sum_up},
        title="One change of the LSF, explained",
        about="The leverage-scaling factor moves the targets. What changed it; then the plans before and after.",
    )
    yield TourStep(f"exitbrain explain {LSF_BEFORE} {store}", figures.lsf_inputs, {"pnl_factor": 0.9})
    after = {"pnl_factor": 1.1, "tp1": 0.012735715580722408}
    yield TourStep(f"exitbrain explain {LSF_AFTER} {store}", figures.way_to_tp1, after)


def _what_if(report: str) -> TourStep:
    page = {"the report loads nothing and says it is synthetic": lambda _: figures.page_stands_alone(REPORT)}
    claims = {
        "no lower bound is above its upper bound": figures.bounds_are_ordered,
        "the effects sum to the difference in every digit": figures.effects_sum_up,
        "v3.5 loses more positions to its stop at once": lambda found: (
            figures.stopped_soon(found, "baseline") > figures.stopped_soon(found, "candidate")
        ),
    }
    return TourStep(
        f"exitbrain whatif --policy v3.6 --candles {CANDLES} --store sqlite:///{BEFORE}{report}",
        figures.what_if,
        {"outcome[positions]": 127, "outcome[off_market]": 0, "outcome[judgement][verdict]": "inconclusive"},
        {**claims, **(page if report else {})},
        "What v3.6 would have earned on the same positions",
        "On synthetic candles of one minute: once as planned, once with the levels of v3.6 at each revision. A candle does "
        "not tell the order of what happened in it, so each result lies between two bounds. However large the difference, "
        "one day proves nothing. To read candle files, this command needs the extra exitbrain[lab] when you run it.",
    )


def _tampering() -> TourStep:
    numbers: list[str] = []

    def alter() -> Done:
        copy_store(Path(BEFORE), Path(ALTERED))
        numbers[:] = alter_a_digit(Path(ALTERED), EXAMPLE)
        copied = f"In {ALTERED}, a copy of {BEFORE}, SQL has changed one digit of decision {EXAMPLE}:"
        return [copied, f"  its TP1 was {numbers[0]} and is {numbers[1]}"], {}

    def is_named(found: Found) -> bool:
        decision, *drift = found["first_drift"].values()
        return bool(decision.startswith(EXAMPLE) and drift == ["levels.raw.tp1", *reversed(numbers)])

    return TourStep(
        f"exitbrain replay --store sqlite:///{ALTERED}",
        "{exact} EXACT, {drift} DRIFT: {first_drift[decision_id]}, {first_drift[field]}\n"
        "  recorded    {first_drift[recorded]}\n  recomputed  {first_drift[recomputed]}",
        {"exact": DECISIONS - 1, "drift": 1},
        {"the decision, the field and both numbers are right": is_named},
        "A digit altered, and found",
        before=alter,
        exit_code=1,
    )
