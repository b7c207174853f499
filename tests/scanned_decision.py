"""Find the decision a user means by reading the whole log, to compare with what the index finds."""

from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger, LogEntry
from exitbrain.application.queries.wanted_decision import Fitting, FoundDecision, Kind, only_decision
from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.domain.identity import decision_id
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans.exit_plan import Decision
from exitbrain.domain.values import changed


def decision_meant(ledger: ExitLedger, wanted: str) -> FoundDecision:
    """Return the decision that an id, or the beginning of one, leads to.

    The id is that of a decision, plan, position, receipt or stream entry; a plan or position leads to its latest
    decision. A whole id wins over the beginning of another. Raises NotFound or SeveralFit.
    """
    fitting = _fitting(ledger, wanted)
    return only_decision(wanted, [one for one in fitting if one.is_whole] or fitting)


def _fitting(ledger: ExitLedger, wanted: str) -> list[Fitting]:
    """Return everything that the text fits, in log order."""
    text, prefix = wanted.strip(), wanted.strip().lower().replace("-", "")
    fitting: dict[tuple[str, UUID], Fitting] = {}
    for entry in ledger.log(topics=(MessageReceived.TOPIC, *DECISION_TOPICS)):
        event, stream = entry.event, entry.stream_id
        if isinstance(event, MessageReceived):
            if event.entry_id.startswith(text) or stream.hex.startswith(prefix):
                whole = text == event.entry_id or prefix == stream.hex
                fitting["message", stream] = Fitting("message", event.entry_id, whole, event, ())
        elif isinstance(event, Decision):
            found = _found(entry, event)
            ids: dict[Kind, UUID] = {
                "decision": found.decision_id,
                "plan": stream,
                "position": event.position_id,
            }
            for kind, id_ in ids.items():
                if id_.hex.startswith(prefix):
                    fitting[kind, id_] = Fitting(kind, str(id_), prefix == id_.hex, None, (found,))
            for cause in event.causes:
                if message := fitting.get(("message", cause)):
                    decisions = (*message.decisions, found)
                    fitting["message", cause] = changed(message, decisions=decisions)
    return list(fitting.values())


def _found(entry: LogEntry, decision: Decision) -> FoundDecision:
    id_ = decision_id(entry.stream_id, decision.revision)
    return FoundDecision(id_, entry.stream_id, decision, entry.position)
