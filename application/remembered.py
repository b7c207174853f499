"""What a recorder remembers of the ledger between batches. All of it is a cache: the ledger alone is the truth."""

from collections import OrderedDict
from collections.abc import Sequence

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.domain.aggregate import Record
from exitbrain.domain.exit_plan import ExitPlan
from exitbrain.domain.identity import plan_id
from exitbrain.domain.performance import PnLWindow
from exitbrain.domain.policy_register import PolicyActivated, PolicyRegistered
from exitbrain.domain.position import Position, PositionClosed

Pair = tuple[Position | None, ExitPlan | None]
Key = tuple[str, str]
"""Account and symbol."""

TAIL_TOPICS = (PositionClosed.TOPIC, PolicyRegistered.TOPIC, PolicyActivated.TOPIC)


class PairCache:
    """The latest position and plan of the symbols used last."""

    def __init__(self, ledger: ExitLedger, size: int) -> None:
        self._ledger = ledger
        self._size = size
        self._pairs: OrderedDict[Key, Pair] = OrderedDict()

    def get(self, key: Key) -> Pair:
        if key in self._pairs:
            self._pairs.move_to_end(key)
            return self._pairs[key]
        pair = self._read(*key)
        self.put(key, pair)
        return pair

    def put(self, key: Key, pair: Pair) -> None:
        self._pairs[key] = pair
        self._pairs.move_to_end(key)
        while len(self._pairs) > self._size:
            self._pairs.popitem(last=False)

    def drop(self, key: Key) -> None:
        self._pairs.pop(key, None)

    def clear(self) -> None:
        self._pairs.clear()

    def _read(self, account: str, symbol: str) -> Pair:
        position = self._ledger.latest_position(account, symbol)
        plan = None if position is None else self._ledger.plan(plan_id(position.id))
        if position is not None and plan is not None and position.is_open and not plan.is_open:
            # Another writer has ended both between the two reads.
            position = self._ledger.position(position.id)
        return position, plan


class Tail:
    """What of the log matters beyond single positions: the PnL windows of all accounts, and the register."""

    def __init__(self, ledger: ExitLedger) -> None:
        self._ledger = ledger
        self._position = 0
        self._windows: dict[str, PnLWindow] = {}
        self.register_changed = False

    def catch_up(self) -> int:
        """Read what the log has grown by, and return the position up to which it is read."""
        head = self._ledger.head()
        for entry in self._ledger.log(self._position, upto=head, topics=TAIL_TOPICS):
            if isinstance(entry.event, PositionClosed):
                self._add(entry.event)
            else:
                self.register_changed = True
            self._position = entry.position  # at once: reading may break off, and no result may count twice
        self._position = max(self._position, head)
        return self._position

    def follow(self, records: Sequence[Record], last: int) -> None:
        """Take in what was saved here, if nobody else has written in between: it need not be read back."""
        if last - len(records) == self._position:
            for record in records:
                if isinstance(record.event, PositionClosed):
                    self._add(record.event)
            self._position = last

    def _add(self, closed: PositionClosed) -> None:
        if closed.result is not None:
            # A new window each time: states handed out before keep theirs.
            window = self.window_of(closed.account).copy()
            window.add(closed.result.pnl_percent)
            self._windows[closed.account] = window

    def window_of(self, account: str) -> PnLWindow:
        """Return the window of an account; not to be changed."""
        return self._windows.get(account) or _EMPTY


_EMPTY = PnLWindow()
