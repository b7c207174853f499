"""The command `explain`: why the levels for given inputs or of a recorded decision are where they are."""

from dataclasses import dataclass
from typing import Annotated

from typer import Argument, Option

from exitbrain.application.ports.exit_ledger import ExitLedger, StoreUnavailable
from exitbrain.application.queries.explain import Explanation, explain_decision
from exitbrain.application.queries.wanted_decision import (
    Fitting,
    FoundDecision,
    SeveralFit,
    decision_at,
    decision_meant,
)
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.values import Assumption
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import FINE, FOUND, WrongUsage
from exitbrain.infrastructure.cli.given import explain_given, symbol_of, time_of
from exitbrain.infrastructure.cli.options import InputFlags, Json, Store, Wide, flag, takes_flags, verbs
from exitbrain.infrastructure.cli.store import OpenStore, reading
from exitbrain.infrastructure.presentation.chain import DecisionChain, chain_of
from exitbrain.infrastructure.presentation.derivation import (
    ExplainedDecision,
    explain_report,
    explain_text,
    explained,
)
from exitbrain.infrastructure.presentation.printable import printable

_LISTED = 10
"""How many of the things that fit an id are listed."""

verb = verbs()


@dataclass(frozen=True, slots=True)
class _Explained:
    """An explanation with its assumptions; decision and chain are None for given inputs."""

    explanation: Explanation
    assumptions: tuple[Assumption, ...]
    recorded: ExplainedDecision | None = None
    chain: DecisionChain | None = None


@verb.command(
    epilog="Examples: exitbrain explain --leverage 20; exitbrain explain 3f2a91c0; "
    "exitbrain explain BTCUSDT --at 2026-01-31T12:00:00Z"
)
@takes_flags(InputFlags)
def explain(
    given: InputFlags,
    wanted: Annotated[
        str | None,
        Argument(
            metavar="ID|SYMBOL",
            help="A decision, plan, position, receipt or stream entry: its id, or the beginning of it; "
            "or a symbol with --at.",
            show_default=False,
        ),
    ] = None,
    at: Annotated[
        str | None,
        flag(
            "TIME",
            "The latest decision of the symbol at this time; ISO 8601, UTC where it has no offset.",
            "--at",
        ),
    ] = None,
    full: Annotated[bool, Option("--full", help="Show the whole derivation.")] = False,
    chain: Annotated[
        bool, Option("--chain", help="Show the message, its receipt, the decision and what is published.")
    ] = False,
    store: Store = None,
    wide: Wide = False,
    as_json: Json = False,
) -> int:
    """Explain given inputs or a recorded decision; a record that differs from its derivation is a finding."""
    if wanted is None:
        if given.is_empty:
            raise WrongUsage("explain needs an ID, SYMBOL --at TIME, or inputs like --leverage 20")
        if at is not None or chain:
            raise WrongUsage(f"{'--chain' if chain else '--at'} needs a recorded decision, not inputs")
        found = explain_given(given)
        parts = _Explained(found.explanation, found.assumptions)
    else:
        if not given.is_empty:
            raise WrongUsage("explain takes an ID, SYMBOL --at TIME, or inputs, not several of these")
        parts = _recorded(wanted, at, store, with_chain=chain)
    report = explain_report(parts.explanation, parts.assumptions, parts.recorded, parts.chain)
    text = explain_text(parts.explanation, parts.assumptions, report, full=full)
    output.give(report, text, as_json=as_json, wide=wide)
    return FINE if parts.recorded is None or parts.recorded.first_drift is None else FOUND


def _recorded(wanted: str, at: str | None, url: str | None, *, with_chain: bool) -> _Explained:
    with reading(url, "looking for the decision") as store_read:
        ledger = store_read.ledger
        found = _find(store_read, wanted, at)
        try:
            explanation = explain_decision(store_read.container.engine(), ledger, found.decision)
        except UnknownPolicy as unknown:
            raise StoreUnavailable(f"decision {found.decision_id} cannot be derived: {unknown}") from unknown
        chain = _chain(ledger, found) if with_chain else None
    return _Explained(explanation, found.decision.assumptions, explained(found, explanation), chain)


def _find(store_read: OpenStore, wanted: str, at: str | None) -> FoundDecision:
    """Return the decision that a user means; list on stderr what fits if it is not one."""
    ledger, index = store_read.ledger, store_read.index()
    if at is not None:
        return decision_at(ledger, index, symbol_of(wanted), time_of("--at", at))
    try:
        return decision_meant(ledger, index, wanted)
    except SeveralFit as several:
        for one in several.fitting[:_LISTED]:
            output.say(printable(_line(one)))
        if len(several.fitting) > _LISTED:
            output.say(f"  and {len(several.fitting) - _LISTED} more")
        raise


def _line(one: Fitting) -> str:
    """Return what fits, in a line: its kind and id, and the decision or the message."""
    if one.received is not None:
        received = one.received
        return f"  {one.kind} {one.name} of {received.source}, {received.occurred_at.isoformat()}"
    latest = one.decisions[-1].decision
    what = f"{latest.symbol} {latest.inputs.side}, revision {latest.revision}"
    return f"  {one.kind} {one.name}: {what}, {latest.context.occurred_at.isoformat()}"


def _chain(ledger: ExitLedger, found: FoundDecision) -> DecisionChain:
    return chain_of(found, ledger.receipts(found.decision.causes))
