"""The reasons of reductions: their events have none, so it is read from the messages that made them."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from exitbrain.application.ports.exit_ledger import ExitLedger, UnreadableEvent
from exitbrain.application.ports.translator import Translator
from exitbrain.application.recording.received import message_of
from exitbrain.domain.messages.closing import reason_of
from exitbrain.domain.messages.message import TradeClosed, TradeIntent, Translation
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.positions.events import PositionReduced

_AT_ONCE = 500
"""How many receipts are held at a time: one may hold a whole message."""


def reduction_reasons(
    ledger: ExitLedger, translator: Translator, reductions: Iterable[PositionReduced]
) -> dict[UUID, str]:
    """Return the reason of each reduction by the id of its receipt, "" where the receipt cannot be read.

    Raises StoreUnavailable.
    """
    ids = list(dict.fromkeys(reduced.stamp.cause_id for reduced in reductions))
    reasons = dict.fromkeys(ids, "")
    for start in range(0, len(ids), _AT_ONCE):
        for receipt_id, receipt in _readable(ledger, ids[start : start + _AT_ONCE]):
            reasons[receipt_id] = _reason(translator.translate(message_of(receipt)))
    return reasons


def _readable(ledger: ExitLedger, ids: Sequence[UUID]) -> list[tuple[UUID, MessageReceived]]:
    """Return the receipts that exist and can be read; one that cannot does not take the others with it."""
    try:
        return list(ledger.receipts(ids).items())
    except UnreadableEvent:
        if len(ids) == 1:
            return []
        middle = len(ids) // 2
        return _readable(ledger, ids[:middle]) + _readable(ledger, ids[middle:])


def _reason(said: Translation) -> str:
    match said:
        case TradeClosed():
            return said.reason
        case TradeIntent() if said.is_exit:
            return reason_of(said)
        case _:
            return ""
