"""The field names read from each message; other fields are kept but not read."""

from exitbrain.domain.messages.message import BOOK_CLOSE, TRADE_CLOSED, TRADE_INTENT
from exitbrain.infrastructure.wire.asked import ASKING_NAMES, POSITION_SIDE_NAMES
from exitbrain.infrastructure.wire.paper import PAPER_NAMES
from exitbrain.infrastructure.wire.remaining import LEFT_NAMES
from exitbrain.infrastructure.wire.shapes import (
    PRODUCER_NAME,
    TIME_NAME,
    BookShape,
    CloseShape,
    IntentShape,
    names_of,
)

NAMES_OF_ALL = frozenset((TIME_NAME, PRODUCER_NAME))
NAMES_OF_ENTRY = NAMES_OF_ALL | names_of(IntentShape) | ASKING_NAMES | PAPER_NAMES
NAMES_READ = {
    TRADE_INTENT: NAMES_OF_ENTRY | LEFT_NAMES,
    TRADE_CLOSED: NAMES_OF_ALL
    | names_of(CloseShape)
    | PAPER_NAMES
    | LEFT_NAMES
    | {"side", *POSITION_SIDE_NAMES},
    BOOK_CLOSE: NAMES_OF_ALL | names_of(BookShape),
}
