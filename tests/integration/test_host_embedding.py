"""A host embeds ExitBrain with its own ledger and its own bus, as docs/integration.md shows.

The code on that page is one program. It runs here block by block, and what it prints is what the page says.
"""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from exitbrain import ExitBrain, incoming_message
from exitbrain.domain.values import changed
from exitbrain.ports import AlreadyReceived, Conflict, ExitLedger, StoreUnavailable, UnreadableEvent
from tests.contract import test_exit_ledger as promises
from tests.world import NOON, NOON_MS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "integration.md"
TYPED = [ROOT / "tests" / "typing" / name for name in ("every_event.py", "wrong_uses.py")]
"""What a type checker must accept, and what it must refuse: there every line is marked, and a mark too many is an error."""


class Block(NamedTuple):
    """A block of code, the line it begins at, and what the page says it prints."""

    line: int
    code: str
    prints: str


def blocks_of(page: str) -> list[Block]:
    """Return the Python blocks of a page, each with the text block that follows it at once."""
    fenced = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
    return [
        Block(page[: found.start(1)].count("\n"), found[1], found[2] or "") for found in fenced.finditer(page)
    ]


def run(block: Block, names: dict[str, Any]) -> str:
    """Run one block among the names of those before it and return what it prints."""
    printed = StringIO()
    # Blank lines in front make a traceback point at the line of the page.
    code = compile("\n" * block.line + block.code, str(PAGE), "exec")
    with redirect_stdout(printed):
        exec(code, names)  # noqa: S102 - the page is ours
    return printed.getvalue()


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the names that the page defines, after all of it has run."""
    names: dict[str, Any] = {"__name__": "guide"}
    with chdir(tmp_path_factory.mktemp("guide")):
        for block in blocks_of(PAGE.read_text(encoding="utf-8")):
            run(block, names)
    return names


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    """Yield the database of a host, with its own table of orders."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE orders (symbol TEXT NOT NULL)")
    yield connection
    connection.close()


@pytest.fixture
def ledger(guide: dict[str, Any], db: sqlite3.Connection) -> Any:
    """Return the ledger of the page on that database."""
    return guide["HostLedger"](db)


def test_the_page_prints_what_it_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "guide"}
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    assert len(blocks) > 10

    for block in blocks:
        assert run(block, names) == block.prints, f"{PAGE.name}, line {block.line}"


def test_a_type_checker_agrees_with_the_page_and_refuses_wrong_uses(tmp_path: Path) -> None:
    program = tmp_path / "guide.py"
    blocks = blocks_of(PAGE.read_text(encoding="utf-8"))
    wrong = "\nreveal_type(brain.handle(btc(1)))\nbrain.handel(btc(1))\nfrom exitbrain import Nonsense\n"
    program.write_text("\n".join(block.code for block in blocks) + wrong, encoding="utf-8")

    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", program, *TYPED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )

    said = re.sub(r"^.*?:\d+: ", "", checked.stdout, flags=re.MULTILINE).splitlines()
    assert said[:-1] == [
        'note: Revealed type is "exitbrain.domain.messages.result.MessageResult"',
        'error: "ExitBrain" has no attribute "handel"; maybe "handle"?  [attr-defined]',
        'error: Module "exitbrain" has no attribute "Nonsense"  [attr-defined]',
    ], checked.stdout + checked.stderr


@pytest.mark.parametrize(
    "promise",
    [
        promises.test_a_position_comes_back_as_it_was_with_nothing_pending,
        promises.test_a_plan_comes_back_with_its_revisions_and_takes_the_next,
        promises.test_the_register_comes_back_with_its_policies,
        promises.test_receipts_claims_and_instruments_are_found_by_their_ids,
        promises.test_more_receipts_than_one_statement_can_name_are_found,
        promises.test_the_history_of_a_stream_is_its_events_in_full_oldest_first,
        promises.test_the_log_has_the_given_order_at_contiguous_positions,
        promises.test_a_conflict_on_one_stream_saves_nothing_of_the_others,
        promises.test_a_receipt_that_exists_is_named_and_nothing_is_saved,
        promises.test_a_ledger_goes_on_after_a_conflict,
        promises.test_the_log_is_limited_by_position_and_topic,
        promises.test_a_log_being_read_sees_what_is_saved_meanwhile,
        promises.test_every_text_survives_unchanged,
        promises.test_what_was_saved_does_not_change_with_the_object_it_came_from,
    ],
    ids=lambda promise: promise.__name__.removeprefix("test_"),
)
def test_the_ledger_of_the_page_keeps_the_promises_of_the_port(
    promise: Callable[[Any], None], ledger: ExitLedger
) -> None:
    promise(ledger)


def intent(number: int, **fields: object) -> Any:
    said = {"symbol": "BTCUSDT", "side": "BUY", "leverage": 10, **fields}
    return incoming_message("trade.intent", said, entry_id=f"{NOON_MS + number}-0")


def test_the_hosts_transaction_keeps_decision_and_order_both_or_none(
    ledger: Any, db: sqlite3.Connection
) -> None:
    brain = ExitBrain(ledger)
    context = brain.context(at=NOON)  # keeps the settings
    head = ledger.head()
    decided = brain.decide(intent(1), brain.state_of(intent(1)), context)

    def keep(order: str | None) -> None:
        with db:
            ledger.append(decided.records)
            db.execute("INSERT INTO orders VALUES (?)", (order,))

    with pytest.raises(sqlite3.IntegrityError, match="orders"):
        keep(None)
    assert ledger.head() == head
    assert brain.state_of(intent(1)).position is None

    keep("BTCUSDT")
    position = brain.state_of(intent(2)).position
    assert position is not None
    assert position.is_open
    assert brain.replay(from_receipts=True).exact == 1


def test_a_redelivery_and_a_slower_writer_leave_nothing(ledger: Any, db: sqlite3.Connection) -> None:
    brain = ExitBrain(ledger)
    slower = brain.decide(intent(1), brain.state_of(intent(1)), brain.context(at=NOON))
    brain.handle(intent(2), at=NOON)
    head = ledger.head()

    with pytest.raises(Conflict) as conflict, db:
        ledger.append(slower.records)
    assert type(conflict.value) is Conflict
    again = brain.decide(intent(2), brain.state_of(intent(2)), brain.context(at=NOON))
    with pytest.raises(AlreadyReceived), db:
        ledger.append(again.records)
    assert ledger.head() == head


def test_the_loop_of_the_page_returns_the_original_outcome_of_a_redelivery(guide: dict[str, Any]) -> None:
    first, again = guide["first"], guide["again"]

    assert (first.duplicate, again) == (False, changed(first, duplicate=True))
    assert again.levels == first.levels is not None


def test_handle_decides_again_where_the_host_was_faster(ledger: Any) -> None:
    brain = ExitBrain(ledger)
    brain.handle(intent(1), at=NOON)
    decided = brain.decide(intent(2, leverage=20), brain.state_of(intent(2)), brain.context(at=NOON))
    ledger.save(decided.records)  # behind the back of what handle remembers

    outcome = brain.handle(intent(3, leverage=30), at=NOON)

    assert outcome.decision is not None
    assert outcome.decision.revision == 3
    for report in (brain.replay(), brain.replay(from_receipts=True), brain.replay(context=True)):
        assert (report.exact, report.clean) == (3, True)


def test_an_altered_row_of_the_host_s_table_is_found(ledger: Any, db: sqlite3.Connection) -> None:
    brain = ExitBrain(ledger)
    brain.handle(intent(1), at=NOON)
    decision = "topic = 'exitbrain.LevelsComputed'"
    (state,) = db.execute(f"SELECT state FROM exit_events WHERE {decision}").fetchone()  # noqa: S608 - our own text
    tp1 = b'"tp1":0.8942998296638024'
    assert state.count(tp1) == 1
    db.execute(f"UPDATE exit_events SET state = ? WHERE {decision}", (state.replace(tp1, tp1[:-1] + b"5"),))  # noqa: S608 - our own text

    report = brain.replay()
    assert report.drift == 1
    assert report.first_drift is not None
    assert report.first_drift.field == "levels.raw.tp1"

    db.execute(f"UPDATE exit_events SET state = ? WHERE {decision}", (state[:-9],))  # noqa: S608 - our own text
    with pytest.raises(UnreadableEvent):
        list(ledger.log())


def test_open_brings_everything_and_closes_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'x.db'}"
    with ExitBrain.open(url, account="main", policy="v3.6") as brain:
        outcome = brain.handle(intent(1))
        assert brain.context().settings.account == "main"
    with pytest.raises(StoreUnavailable):
        brain.ledger.head()

    with ExitBrain.open(url) as again:
        assert again.outcome_of(intent(2)) is None
        for found in (again.outcome_of(intent(1)), again.handle(intent(1))):
            assert found == changed(outcome, duplicate=True)
            assert found.levels == outcome.levels is not None
        assert again.ledger.receipts([outcome.receipt_id])[outcome.receipt_id].account == "main"
        assert again.replay().exact == 1


def test_a_page_whose_output_is_wrong_is_noticed() -> None:
    page = "# A page\n\n```python\nprint(1 + 1)\n```\n\n```text\n3\n```\n\n```python\nx = 1\n```\n"
    first, second = blocks_of(page)

    assert first == Block(3, "print(1 + 1)\n", "3\n")
    assert second.prints == ""
    assert run(first, {}) != first.prints


def test_a_decision_asks_little_however_many_positions_there_were(
    ledger: Any, db: sqlite3.Connection
) -> None:
    brain = ExitBrain(ledger)
    brain.handle_batch(
        [intent(number, side="BUY" if number % 2 else "SELL") for number in range(1, 301)], at=NOON
    )
    asked: list[str] = []

    db.set_trace_callback(asked.append)
    position = ledger.latest_position("default", "BTCUSDT")
    found = len(asked)
    brain.decide(intent(301), brain.state_of(intent(301)), brain.context(at=NOON))
    db.set_trace_callback(None)

    assert position.cycle == 300
    assert found < 25
    assert len(asked) - found < 50
