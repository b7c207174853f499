"""Exits: find the position that a close or reduction means, and apply it."""

from decimal import Decimal

from exitbrain.application.recording.handling import Handling
from exitbrain.application.recording.subject import Key, close_keys, keys_in, resent_keys
from exitbrain.domain.messages.closing import (
    BOOK_CLOSE,
    Answer,
    Part,
    part_of_close,
    part_of_reduction,
    reason_of,
    whose_exit,
    whose_report,
)
from exitbrain.domain.messages.message import (
    BookClose,
    IntentKind,
    TradeClosed,
    TradeIntent,
)
from exitbrain.domain.messages.receipt import Reason
from exitbrain.domain.positions.position import Position
from exitbrain.domain.values import DECIMAL, Assumption, TimeOrigin, Whose

SAME_EXIT_PRICE = Decimal("0.005")
"""The largest difference, as a fraction, between the exit prices of two closes with one order id."""


class ExitHandling(Handling):
    """Handling of a message that requests or reports an exit."""

    __slots__ = ()

    def _exit(self, intent: TradeIntent) -> None:
        """Reduce or close the position that an intent means."""
        answer = whose_exit(intent, self.came, self._held(), self._last(), self._window_s)
        position = self._of_the_open(answer)
        is_close = intent.kind is not IntentKind.REDUCE
        assumptions = list(intent.assumptions)
        if intent.side is not None:
            said = f"a reduce applies to the open position; the message says {intent.side}"
            assumptions.append(Assumption("side", position.side.value, said))
        part = self._part_of_intent(intent, position, is_close=is_close)
        if part is not None:
            self._reduce(position, part, intent.entry_price, intent.order_id, answer.rule, assumptions)
            return
        self._end(
            position, reason_of(intent), intent.entry_price, rule=answer.rule, assumptions=tuple(assumptions)
        )

    def _part_of_intent(self, intent: TradeIntent, position: Position, *, is_close: bool) -> Part | None:
        if not is_close:
            return part_of_reduction(position, intent.quantity, intent.remaining, partial=intent.partial)
        quantity = intent.quantity if intent.in_units else None
        return self._part_of_close(
            position, quantity, intent.remaining, partial=intent.partial, price=intent.entry_price
        )

    def _part_of_close(
        self,
        position: Position,
        quantity: Decimal | None,
        remaining: Decimal | None,
        *,
        partial: bool,
        price: Decimal | None,
    ) -> Part | None:
        instrument = self.given.instrument
        if quantity is not None and instrument is not None:
            self.read_instrument = instrument
            self._keep_snapshot()
        return part_of_close(
            position,
            quantity,
            remaining,
            partial=partial,
            instrument=instrument,
            price=position.entry_price if price is None else price,
        )

    def _closed(self, closed: TradeClosed) -> None:
        self._check_not_claimed(closed, close_keys(closed, None))
        answer = whose_report(closed, self.came, self._held(), self._last(), self._window_s)
        meant = answer.position or self._last()
        if meant is not None:
            self._check_not_claimed(closed, close_keys(closed, meant.cycle))
        if answer.position is not None and not answer.position.is_open:
            self._report(closed, answer.position, answer.rule)
        position = self._of_the_open(answer)
        assumptions = [*closed.assumptions, *self._doubts(closed, position)]
        part = self._part_of_close(
            position, closed.quantity, closed.remaining, partial=closed.partial, price=closed.exit_price
        )
        keys = keys_in(closed, position.cycle)
        if part is not None:
            self._claim(keys[1:], closed.exit_price)
            self._reduce(position, part, closed.exit_price, closed.order_id, answer.rule, assumptions)
        else:
            self._claim(keys[:1], closed.exit_price)
            self._complete(closed, position, answer.rule, tuple(assumptions))
        self._claim(resent_keys(closed, self.context.settings))

    def _doubts(self, closed: TradeClosed, position: Position) -> list[Assumption]:
        """Return the contradictions between a close and the position that it ends."""
        doubts = []
        if closed.side is not None and closed.side is not position.side:
            said = f"a close applies to the open position; the message says {closed.side}"
            doubts.append(Assumption("side", position.side.value, said))
        at = self.said_at.at
        if (
            at is not None
            and position.opened_at_origin is not TimeOrigin.RECORDED_AT
            and at < position.opened.at
        ):
            said = f"before the position opened at {position.opened.at.isoformat()}; the clocks disagree"
            doubts.append(Assumption("timestamp", at.isoformat(), said))
        return doubts

    def _check_not_claimed(self, closed: TradeClosed, keys: tuple[Key, ...]) -> None:
        """Ignore an order id that was counted before; expected only if the price is the same."""
        for key in keys:
            claimed = self.given.claimed.get(key)
            if claimed is not None:
                same = _is_same_price(closed.exit_price, claimed.exit_price)
                raise self._ignored(Reason.DUPLICATE_CLOSE, expected=same)

    def _complete(
        self, closed: TradeClosed, position: Position, rule: Whose, assumptions: tuple[Assumption, ...]
    ) -> None:
        _, plan = self._open_pair()
        position.close(
            reason=closed.reason,
            exit_price=closed.exit_price,
            reported_pnl_percent=closed.pnl_percent,
            pnl_usd=closed.pnl_usd,
            order_id=closed.order_id,
            rule=rule,
            reported=True,
            server=self.came.server,
            clock=self.came.clock,
            assumptions=assumptions,
            stamp=self.stamp,
        )
        plan.complete(closed.reason, self.stamp)
        self._feed_window(position)
        self._collect(position, plan)

    def _report(self, closed: TradeClosed, last: Position, rule: Whose) -> None:
        """Store the report of a position that has already ended, and stop handling the message.

        No action is needed, unless the report could also belong to the open position.
        """
        expected = self._held() is None or rule in (Whose.NAMED, Whose.STREAM_ORDER)
        is_part = closed.partial or (closed.remaining is not None and closed.remaining > 0)
        if not last.reported and not is_part:
            reported = last.copy()
            reported.report(
                exit_price=closed.exit_price,
                pnl_percent=closed.pnl_percent,
                pnl_usd=closed.pnl_usd,
                order_id=closed.order_id,
                rule=rule,
                assumptions=closed.assumptions,
                stamp=self.stamp,
            )
            self._claim(keys_in(closed, last.cycle)[:1], closed.exit_price)
            self._claim(resent_keys(closed, self.context.settings))
            self._feed_window(reported)
            self.effects.extend(reported.collect())
            self.touched.append(last.id)
            if self._held() is None:
                self.position = reported
            else:
                self.before = reported
        raise self._ignored(Reason.EARLIER_CYCLE, rule=rule, expected=expected)

    def _book(self, book: BookClose) -> None:
        position, _ = self._open_pair()
        self._end(position, BOOK_CLOSE, book.price, rule=None, assumptions=book.assumptions)

    def _of_the_open(self, answer: Answer) -> Position:
        """Return the open position if the exit means it; otherwise stop handling the message."""
        position = answer.position
        if position is not None and position.is_open:
            return position
        means_earlier = position is not None or answer.rule is Whose.STREAM_ORDER
        has_open = self._held() is not None
        reason = Reason.EARLIER_CYCLE if means_earlier and has_open else Reason.NO_OPEN_POSITION
        raise self._ignored(reason, rule=answer.rule)

    def _reduce(
        self,
        position: Position,
        part: Part,
        exit_price: Decimal | None,
        order_id: str,
        rule: Whose,
        assumptions: list[Assumption],
    ) -> None:
        _, plan = self._open_pair()
        position.reduce(
            part.by,
            part.rest,
            exit_price=exit_price,
            order_id=order_id,
            rule=rule,
            assumptions=tuple(assumptions),
            stamp=self.stamp,
        )
        plan.resize(position.quantity, self.stamp)
        self._collect(position, plan)


def _is_same_price(one: Decimal | None, other: Decimal | None) -> bool:
    """Return whether two exit prices may belong to one close; an unknown price fits any."""
    if one is None or other is None:
        return True
    return DECIMAL.subtract(one, other).copy_abs() <= DECIMAL.multiply(other, SAME_EXIT_PRICE)
