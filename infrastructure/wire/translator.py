"""WireTranslator: translate message fields into domain messages."""

from collections.abc import Callable, Mapping

from pydantic_core import PydanticCustomError

from exitbrain.domain.messages.message import (
    BOOK_CLOSE,
    NO_TIME,
    TRADE_CLOSED,
    TRADE_INTENT,
    BookClose,
    ForeignStream,
    IncomingMessage,
    IntentKind,
    MessageTime,
    TradeClosed,
    TradeIntent,
    Translation,
    Unusable,
)
from exitbrain.infrastructure.wire.activation import activation_of, is_activation
from exitbrain.infrastructure.wire.asked import asked_of, sides_of_close
from exitbrain.infrastructure.wire.envelope import Opened, gave_blank, opened
from exitbrain.infrastructure.wire.message_time import producer_of, time_of
from exitbrain.infrastructure.wire.names import NAMES_OF_ALL, NAMES_READ
from exitbrain.infrastructure.wire.paper import is_paper
from exitbrain.infrastructure.wire.reading import FieldReader, UnusableMessage
from exitbrain.infrastructure.wire.remaining import NOTHING_LEFT, left_by
from exitbrain.infrastructure.wire.scalars import account_of, symbol_of
from exitbrain.infrastructure.wire.shapes import (
    CLOSED_SIZE_NAMES,
    LEVERAGE_NAMES,
    NEEDED,
    PRODUCER_NAME,
    TIME_NAME,
    BookShape,
    CloseShape,
    IntentShape,
    MarketShape,
    NothingShape,
    names_of,
)
from exitbrain.infrastructure.wire.sizes import quantity_of, unsigned
from exitbrain.infrastructure.wire.usual_intent import usual_intent

NO_ID = "names nothing, so it counts as absent"
_NEEDED_TO_ENTER = frozenset((*NEEDED, *LEVERAGE_NAMES))
_NEEDED_OF_BOOK = names_of(BookShape)


class WireTranslator:
    """Translate incoming messages. It is stateless, so the same message gives the same answer."""

    def translate(self, message: IncomingMessage) -> Translation:
        """Translate the message, or return why it cannot be used; never raises because of its content."""
        if message.broken is None and message.source == TRADE_INTENT:
            usual = usual_intent(message.fields)
            if usual is not None:
                return usual
        return self.translate_by_shapes(message)

    def translate_by_shapes(self, message: IncomingMessage) -> Translation:
        """Translate with the shapes alone: the reference for `translate`, and its path for unusual input."""
        source = message.source
        if is_activation(message):
            return activation_of(message)
        content = opened(message.fields, NAMES_READ.get(source, NAMES_OF_ALL))
        said, around = content.said, content.around
        if message.broken is not None:
            return _unusable(source, said, UnusableMessage(message.broken), NO_TIME)
        producer = producer_of(said.get(PRODUCER_NAME), around.get(PRODUCER_NAME), source)
        time, assumptions = time_of(said.get(TIME_NAME), around.get(TIME_NAME), producer)
        if source not in NAMES_READ:
            return ForeignStream(time)
        reading = FieldReader(list(assumptions))
        try:
            if content.refusal is not None:
                raise UnusableMessage(content.refusal)
            for name, given in content.placeholders:
                reading.drop(name, given, NO_ID)
            if source == TRADE_INTENT:
                return _intent(content, time, reading)
            if source == TRADE_CLOSED:
                if "order_id" not in said and gave_blank(message.fields, "order_id"):
                    reading.assume("order_id", "", NO_ID)
                return _closed(content, time, reading)
            return _book(content, time, reading)
        except UnusableMessage as error:
            return _unusable(source, said, error, time)


def _unusable(source: str, said: Mapping[str, object], error: UnusableMessage, time: MessageTime) -> Unusable:
    """Return why a message cannot be used, with what is known of it: a refused exit must be visible."""
    is_exit = error.is_exit or source in (TRADE_CLOSED, BOOK_CLOSE)
    if source == TRADE_INTENT and not is_exit:
        try:
            is_exit = asked_of(said, FieldReader()).kind not in (IntentKind.OPEN, IntentKind.NOTHING)
        except UnusableMessage as other:
            is_exit = other.is_exit
    return Unusable(
        error.refusal,
        time,
        is_exit,
        _readable(account_of, said.get("account")),
        _readable(lambda symbol: symbol_of(symbol).name, said.get("symbol")) or "",
    )


def _readable(read: Callable[[object], str], given: object) -> str | None:
    try:
        return read(given)
    except PydanticCustomError:
        return None


def _intent(content: Opened, time: MessageTime, reading: FieldReader) -> TradeIntent:
    said = content.said
    try:
        asked = asked_of(said, reading)
    except UnusableMessage:
        reading.shape(MarketShape, said, NEEDED)  # without a symbol nothing else matters
        raise
    if asked.kind is IntentKind.NOTHING:
        return _nothing(content, time, reading)
    enters = asked.side if asked.kind is IntentKind.OPEN else None
    shape = reading.shape(IntentShape, said, NEEDED if enters is None else _NEEDED_TO_ENTER)
    quantity = quantity_of(shape, said, enters, reading)
    left = NOTHING_LEFT if enters is not None else left_by(said, reading)
    paper = is_paper(said, content.around, reading, lenient=enters is None)
    symbol = symbol_of(said["symbol"])
    return TradeIntent(
        kind=asked.kind,
        account=shape.account,
        symbol=symbol.name,
        side=asked.side,
        entry_price=shape.entry_price,
        quantity=quantity,
        leverage=shape.leverage,
        volatility=shape.volatility_factor,
        funding=shape.funding_rate,
        divergence=shape.exchange_divergence,
        confidence=shape.confidence,
        order_id=shape.order_id or "",
        atr_value=shape.atr_value,
        regime=shape.regime,
        time=time,
        ids=shape.ids,
        assumptions=(*reading.assumptions, *symbol.doubts),
        in_units=shape.quantity is not None,
        holds=asked.holds,
        remaining=asked.remaining if left.remaining is None else left.remaining,
        partial=asked.partial or left.partial,
        paper=paper,
        spot=symbol.spot,
        unusable=tuple(reading.unusable),
    )


def _nothing(content: Opened, time: MessageTime, reading: FieldReader) -> TradeIntent:
    shape = reading.shape(NothingShape, content.said, NEEDED)
    paper = is_paper(content.said, content.around, reading, lenient=True)
    symbol = symbol_of(content.said["symbol"])
    return TradeIntent(
        kind=IntentKind.NOTHING,
        account=shape.account,
        symbol=symbol.name,
        side=None,
        entry_price=None,
        quantity=None,
        leverage=None,
        volatility=None,
        funding=None,
        divergence=None,
        confidence=None,
        order_id=shape.order_id or "",
        atr_value=None,
        regime=shape.regime,
        time=time,
        ids=shape.ids,
        assumptions=(*reading.assumptions, *symbol.doubts),
        paper=paper,
        spot=symbol.spot,
        unusable=tuple(reading.unusable),
    )


def _closed(content: Opened, time: MessageTime, reading: FieldReader) -> TradeClosed:
    said = content.said
    shape = reading.shape(CloseShape, said, NEEDED)
    side, says_side, holds = sides_of_close(said, reading)
    quantity = unsigned(shape.quantity, CLOSED_SIZE_NAMES, said, None, reading)
    left = left_by(said, reading)
    paper = is_paper(said, content.around, reading, lenient=True)
    symbol = symbol_of(said["symbol"])
    return TradeClosed(
        account=shape.account,
        symbol=symbol.name,
        side=side,
        exit_price=shape.exit_price,
        pnl_percent=shape.pnl_percent,
        pnl_usd=shape.pnl_usd,
        order_id=shape.order_id or "",
        reason=shape.reason,
        time=time,
        ids=shape.ids,
        assumptions=(*reading.assumptions, *symbol.doubts),
        says_side=says_side,
        holds=holds,
        entry_price=shape.entry_price,
        quantity=quantity,
        remaining=left.remaining,
        partial=left.partial,
        trade_id=shape.trade_id or "",
        paper=paper,
        spot=symbol.spot,
        unusable=tuple(reading.unusable),
    )


def _book(content: Opened, time: MessageTime, reading: FieldReader) -> BookClose:
    shape = reading.shape(BookShape, content.said, _NEEDED_OF_BOOK)
    symbol = symbol_of(content.said["symbol"])
    return BookClose(
        account=shape.account,
        symbol=symbol.name,
        price=shape.price,
        why=shape.why,
        by=shape.by,
        time=time,
        assumptions=(*reading.assumptions, *symbol.doubts),
    )
