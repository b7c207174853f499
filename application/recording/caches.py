"""Caches of the ledger between batches. Only the ledger itself is authoritative."""

from collections import OrderedDict
from collections.abc import Sequence

from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.originals import Originals
from exitbrain.domain.catalogue import topics_about
from exitbrain.domain.events import About, Record
from exitbrain.domain.identity import REGISTER_ID, plan_id, position_id
from exitbrain.domain.plans.exit_plan import ExitPlan
from exitbrain.domain.positions.events import CloseReported, PositionClosed, PositionOpened
from exitbrain.domain.positions.performance import PnLWindow
from exitbrain.domain.positions.position import BOTH, Position

Held = tuple[Position | None, ExitPlan | None, Position | None]
"""The latest position, its plan, and the position that ended before it if it is open."""
Market = tuple[str, str]
"""Account and symbol."""

TAIL_TOPICS = (
    PositionOpened.TOPIC,
    PositionClosed.TOPIC,
    CloseReported.TOPIC,
    *topics_about(About.REGISTER),
)


class RecordingCaches:
    """Caches between batches: positions, the tail of the log, the register, outcomes, snapshots."""

    def __init__(self, ledger: ExitLedger, intake: Intake, cache_size: int) -> None:
        self.ledger = ledger
        self.held = HeldCache(ledger, cache_size)
        self.tail = Tail(ledger)
        self.originals = Originals(ledger, intake)
        self.register = ledger.register()
        self.stored_snapshots: set[str] = set()

    def catch_up(self) -> int:
        """Read new log entries: results for the windows, and register changes by any writer."""
        position = self.tail.catch_up()
        if self.tail.register_changed:
            self.register = self.ledger.register()
            self.tail.register_changed = False
        return position

    def is_stored(self, content_hash: str) -> bool:
        """Return whether the ledger holds the instrument snapshot with this content hash."""
        if content_hash in self.stored_snapshots:
            return True
        if self.ledger.instrument(content_hash) is None:
            return False
        self.stored_snapshots.add(content_hash)
        return True


class HeldCache:
    """The latest positions and plans of the most recently used symbols."""

    def __init__(self, ledger: ExitLedger, size: int) -> None:
        self._ledger = ledger
        self._size = size
        self._held: OrderedDict[Market, Held] = OrderedDict()

    def get(self, market: Market) -> Held:
        if market in self._held:
            self._held.move_to_end(market)
            return self._held[market]
        held = self._read(*market)
        self.put(market, held)
        return held

    def put(self, market: Market, held: Held) -> None:
        self._held[market] = held
        self._held.move_to_end(market)
        while len(self._held) > self._size:
            self._held.popitem(last=False)

    def drop(self, market: Market) -> None:
        self._held.pop(market, None)

    def clear(self) -> None:
        self._held.clear()

    def _read(self, account: str, symbol: str) -> Held:
        position = self._ledger.latest_position(account, symbol)
        if position is None:
            return None, None, None
        plan = self._ledger.plan(plan_id(position.id))
        if plan is not None and position.is_open and not plan.is_open:
            # Another writer has ended both between the two reads.
            position = self._ledger.position(position.id)
        if position is None or not position.is_open or position.cycle == 1:
            return position, plan, None
        return position, plan, self._ledger.position(position_id(account, symbol, BOTH, position.cycle - 1))


class Tail:
    """Log data beyond single positions: PnL windows, holders of each symbol, register changes."""

    def __init__(self, ledger: ExitLedger) -> None:
        self._ledger = ledger
        self._position = 0
        self._windows: dict[str, PnLWindow] = {}
        self._holders: dict[str, set[str]] = {}
        self.register_changed = False

    def catch_up(self) -> int:
        """Read new log entries, and return the position reached."""
        head = self._ledger.head()
        for entry in self._ledger.log(self._position, upto=head, topics=TAIL_TOPICS):
            if not self._takes(entry.event):
                self.register_changed = True
            self._position = entry.position  # at once: reading may fail midway, and no result may count twice
        self._position = max(self._position, head)
        return self._position

    def follow(self, records: Sequence[Record], last: int) -> None:
        """Add records just saved here, so that they need no reading, unless another writer came between."""
        if last - len(records) == self._position:
            for record in records:
                if not self._takes(record.event) and record.stream_id == REGISTER_ID:
                    self.register_changed = True
            self._position = last

    def _takes(self, event: object) -> bool:
        """Process an event of a position; return whether it is one."""
        match event:
            case PositionOpened():
                self._holders.setdefault(event.symbol, set()).add(event.account)
            case PositionClosed():
                self._forget_holder(event.symbol, event.account)
                self._add(event)
            case CloseReported():
                self._add(event)
            case _:
                return False
        return True

    def _forget_holder(self, symbol: str, account: str) -> None:
        holders = self._holders[symbol]
        holders.discard(account)
        if not holders:
            del self._holders[symbol]

    def _add(self, ended: PositionClosed | CloseReported) -> None:
        if ended.result is not None:
            # Copied, because states handed out earlier keep the old window.
            window = self.window_of(ended.account).copy()
            window.add(ended.result.counted)
            self._windows[ended.account] = window

    def holders(self, symbol: str) -> frozenset[str]:
        """Return the accounts with an open position in a symbol."""
        return frozenset(self._holders.get(symbol, ()))

    def open_positions(self) -> dict[str, int]:
        """Return the number of accounts with an open position, by symbol."""
        return {symbol: len(accounts) for symbol, accounts in self._holders.items()}

    def window_of(self, account: str) -> PnLWindow:
        """Return the window of an account; the caller must not change it."""
        return self._windows.get(account) or _EMPTY


_EMPTY = PnLWindow()
