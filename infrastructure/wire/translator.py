"""WireTranslator: from the fields of a message to what it says in our language."""

from decimal import Decimal

from pydantic import ValidationError

from exitbrain.domain.messages import (
    TRADE_CLOSED,
    TRADE_INTENT,
    ForeignStream,
    IncomingMessage,
    IntentKind,
    MessageTime,
    TradeClosed,
    TradeIntent,
    Translation,
    Unusable,
)
from exitbrain.domain.receipt import Reason, Refusal
from exitbrain.domain.values import DECIMAL, Assumption, Side
from exitbrain.infrastructure.wire.envelope import opened
from exitbrain.infrastructure.wire.message_time import NO_TIME, time_of
from exitbrain.infrastructure.wire.scalars import LARGEST, SIDE_OF, SMALLEST, shown
from exitbrain.infrastructure.wire.shapes import (
    SIDE_NAMES,
    TIME_NAME,
    CloseShape,
    IntentShape,
    NothingShape,
    names_of,
    refusal_of,
)
from exitbrain.infrastructure.wire.usual_intent import usual_intent

_NAMES = {
    TRADE_INTENT: names_of(IntentShape) | {*SIDE_NAMES, TIME_NAME},
    TRADE_CLOSED: names_of(CloseShape) | {"side", TIME_NAME},
}
_NAMES_OF_FOREIGN = frozenset({TIME_NAME})


class WireTranslator:
    """Translate what came over the wire; it holds no state, so the same message gives the same answer."""

    def translate(self, message: IncomingMessage) -> Translation:
        """Return what the message says, or why it can not be used; never raises for what it contains."""
        if message.broken is None and message.source == TRADE_INTENT:
            usual = usual_intent(message.fields)
            if usual is not None:
                return usual
        return self.translate_by_shapes(message)

    def translate_by_shapes(self, message: IncomingMessage) -> Translation:
        """Do what `translate` does by the shapes alone: its reference, and its way for all that is not usual."""
        if message.broken is not None:
            return Unusable(message.broken, NO_TIME)
        content = opened(message.fields, _NAMES.get(message.source, _NAMES_OF_FOREIGN))
        time, assumptions = time_of(content.said.get(TIME_NAME), content.around.get(TIME_NAME))
        if message.source not in _NAMES:
            return ForeignStream(time)
        if content.refusal is not None:
            return Unusable(content.refusal, time)
        try:
            if message.source == TRADE_CLOSED:
                return _closed(content.said, time, assumptions)
            return _intent(content.said, time, assumptions)
        except ValidationError as error:
            return Unusable(refusal_of(error), time)


def _intent(
    said: dict[str, object], time: MessageTime, assumptions: tuple[Assumption, ...]
) -> TradeIntent | Unusable:
    command = _command(said)
    if command is IntentKind.NOTHING:
        return _nothing(NothingShape.model_validate(said), time, assumptions)
    shape = IntentShape.model_validate(said)
    quantity = shape.quantity
    if quantity is None and shape.size_usd is not None and shape.entry_price is not None:
        quantity = DECIMAL.divide(shape.size_usd, shape.entry_price)
        if not SMALLEST <= quantity <= LARGEST:
            return Unusable(_refused_quantity(shape.size_usd, shape.entry_price), time)
    return TradeIntent(
        kind=command or (IntentKind.REDUCE if shape.reduces else IntentKind.OPEN),
        account=shape.account,
        symbol=shape.symbol,
        side=shape.side,
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
        assumptions=assumptions,
    )


def _command(said: dict[str, object]) -> IntentKind | None:
    """Return CLOSE or NOTHING when any name of the side says so: a CLOSE beside a BUY must not open."""
    command: IntentKind | None = None
    for name in SIDE_NAMES:
        word = said.get(name)
        if isinstance(word, str):
            match word.strip().upper():
                case "HOLD" | "FLAT":
                    return IntentKind.NOTHING
                case "CLOSE":
                    command = IntentKind.CLOSE
    return command


def _nothing(shape: NothingShape, time: MessageTime, assumptions: tuple[Assumption, ...]) -> TradeIntent:
    return TradeIntent(
        kind=IntentKind.NOTHING,
        account=shape.account,
        symbol=shape.symbol,
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
        assumptions=assumptions,
    )


def _closed(said: dict[str, object], time: MessageTime, assumptions: tuple[Assumption, ...]) -> TradeClosed:
    shape = CloseShape.model_validate(said)
    side, doubts = _side_of_close(said.get("side"))
    return TradeClosed(
        account=shape.account,
        symbol=shape.symbol,
        side=side,
        exit_price=shape.exit_price,
        pnl_percent=shape.pnl_percent,
        pnl_usd=shape.pnl_usd,
        order_id=shape.order_id or "",
        reason=shape.reason,
        time=time,
        ids=shape.ids,
        assumptions=assumptions + doubts,
    )


def _side_of_close(given: object) -> tuple[Side | None, tuple[Assumption, ...]]:
    """Return the side a close says; one we do not know is recorded, for it must not keep a position open."""
    if given is None:
        return None, ()
    side = SIDE_OF.get(given.strip().upper()) if isinstance(given, str) else None
    if side is not None:
        return side, ()
    return None, (Assumption("side", shown(given), "not a direction; a close does not need one"),)


def _refused_quantity(size_usd: Decimal, price: Decimal) -> Refusal:
    return Refusal(
        Reason.BAD_NUMBER,
        "quantity",
        shown(f"{size_usd} / {price}"),
        f"a size that makes a quantity from {SMALLEST} to {LARGEST}",
    )
