"""Detect symbols whose messages are all refused as too old for their position.

One such message is routine. A run of them means that an id or a time that was believed is wrong.
"""

from collections import OrderedDict

from exitbrain.domain.messages.receipt import Disposition, Reason
from exitbrain.domain.messages.result import MessageResult

MUTED_FROM = 3
"""How many messages in a row make a symbol one that nothing reaches."""

MARKETS_MAX = 1000

TOO_OLD = (Reason.SUPERSEDED, Reason.EARLIER_CYCLE)

_ACCEPTED = Disposition.ACCEPTED

Facts = dict[str, object]


class Muted:
    """Count for each account and symbol the messages in a row that were too old; the least recent give way to new ones."""

    def __init__(self) -> None:
        self._runs: OrderedDict[tuple[str, str], int] = OrderedDict()

    def note(self, outcome: MessageResult) -> tuple[str, Facts] | None:
        """Take an outcome, and return what is worth telling: the name of an event with its facts.

        It is a run that has come to three messages, or to twice as many as when it was told last, and its end.
        """
        if outcome.duplicate:
            return None
        if outcome.reason in TOO_OLD:
            run = self._longer((outcome.account, outcome.symbol))
            return ("symbol_muted", self._facts(outcome, run)) if _is_told(run) else None
        if self._runs and outcome.disposition is _ACCEPTED:
            run = self._runs.pop((outcome.account, outcome.symbol), 0)
            return ("symbol_heard_again", self._facts(outcome, run)) if run >= MUTED_FROM else None
        return None

    def _longer(self, market: tuple[str, str]) -> int:
        run = self._runs[market] = self._runs.pop(market, 0) + 1
        if len(self._runs) > MARKETS_MAX:
            self._runs.popitem(last=False)
        return run

    def _facts(self, outcome: MessageResult, run: int) -> Facts:
        muted = sum(one >= MUTED_FROM for one in self._runs.values())
        facts: Facts = {"account": outcome.account, "symbol": outcome.symbol, "messages": run, "muted": muted}
        if outcome.reason is not None:
            facts |= {"reason": outcome.reason, "entry_id": outcome.entry_id}
        return facts


def _is_told(run: int) -> bool:
    return run % MUTED_FROM == 0 and (run // MUTED_FROM).bit_count() == 1
