"""Details of an exit that ended nothing: its content and both positions it could have meant."""

from exitbrain.application.recording.subject import account_said
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.domain.messages.message import (
    TRADE_CLOSED,
    BookClose,
    IncomingMessage,
    TradeClosed,
    TradeIntent,
    Translation,
    Unusable,
)
from exitbrain.domain.messages.receipt import Cycle, IgnoredExit
from exitbrain.domain.positions.position import Position
from exitbrain.domain.values import Whose

REPORT, EXIT, BOOK = "REPORT", "EXIT", "BOOK"


def ignored_exit_of(
    message: IncomingMessage,
    said: Translation,
    settings: DecisionSettings,
    latest: Position | None,
    before: Position | None,
    *,
    held_by: str | None,
    rule: Whose | None,
    expected: bool,
) -> IgnoredExit:
    """Return the details of an exit; `latest` is the position of the highest cycle, `before` the one before."""
    now, last = (latest, before) if latest is not None and latest.is_open else (None, latest)
    kind = REPORT if message.source == TRADE_CLOSED else EXIT
    symbol, side, order_id, price = "", None, "", None
    match said:
        case TradeIntent():
            kind, symbol, side = said.kind.value, said.symbol, said.holds
            order_id, price = said.order_id, said.entry_price
        case TradeClosed():
            symbol, side = said.symbol, said.holds or said.says_side
            order_id, price = said.order_id, said.exit_price
        case BookClose():
            kind, symbol, price = BOOK, said.symbol, said.price
        case Unusable():
            symbol = said.symbol
    return IgnoredExit(
        account=account_said(said, settings),
        symbol=symbol,
        kind=kind,
        side=side,
        order_id=order_id,
        price=price,
        open=_cycle(now),
        last=_cycle(last),
        rule=rule,
        held_by=held_by,
        expected=expected,
    )


def _cycle(position: Position | None) -> Cycle | None:
    if position is None:
        return None
    return Cycle(
        position_id=position.id,
        cycle=position.cycle,
        side=position.side,
        entry_price=position.entry_price,
        quantity=position.quantity,
        opened_at=position.opened.at,
        ended_by=position.end_reason,
        ended_at=None if position.ended is None else position.ended.at,
    )
