"""The command `explain`: derive the levels for given inputs or of a recorded decision."""

from typing import Annotated

from typer import Argument

from exitbrain.application.ports.exit_ledger import StoreUnavailable
from exitbrain.application.queries import lookup
from exitbrain.application.queries.explain import Explanation, explain_decision
from exitbrain.domain.errors import UnknownPolicy
from exitbrain.domain.values import Assumption
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.errors import FINE, FOUND, WrongUsage
from exitbrain.infrastructure.cli.given import explain_given
from exitbrain.infrastructure.cli.options import InputFlags, Json, Store, takes_flags, verbs
from exitbrain.infrastructure.cli.store import reading
from exitbrain.infrastructure.presentation.derivation import (
    ExplainedDecision,
    explain_report,
    explain_text,
    explained,
)

Explained = tuple[Explanation, tuple[Assumption, ...], ExplainedDecision | None]
"""An explanation, its assumptions, and its decision; None for given inputs."""

verb = verbs()


@verb.command(epilog="Examples: exitbrain explain --leverage 20; exitbrain explain 3f2a91c0")
@takes_flags(InputFlags)
def explain(
    given: InputFlags,
    decision_id: Annotated[
        str | None,
        Argument(
            metavar="DECISION_ID",
            help="A recorded decision: its id, or the beginning of it.",
            show_default=False,
        ),
    ] = None,
    store: Store = None,
    as_json: Json = False,
) -> int:
    """Explain given inputs or a recorded decision; a record that differs from its derivation is a finding."""
    if decision_id is None:
        if given.is_empty:
            raise WrongUsage("explain needs a DECISION_ID, or inputs like --leverage 20")
        found = explain_given(given)
        parts: Explained = (found.explanation, found.assumptions, None)
    else:
        if not given.is_empty:
            raise WrongUsage("explain takes a DECISION_ID or inputs, not both")
        parts = _recorded(decision_id, store)
    output.give(explain_report(*parts), explain_text(*parts), as_json=as_json)
    *_, recorded = parts
    return FINE if recorded is None or recorded.first_drift is None else FOUND


def _recorded(wanted: str, url: str | None) -> Explained:
    with reading(url, "looking for the decision") as store_read:
        ledger = store_read.ledger
        found = lookup.decision(ledger, store_read.index(), wanted)
        try:
            explanation = explain_decision(store_read.container.engine(), ledger, found.decision)
        except UnknownPolicy as unknown:
            raise StoreUnavailable(f"decision {found.decision_id} cannot be derived: {unknown}") from unknown
    return explanation, found.decision.assumptions, explained(found, explanation)
