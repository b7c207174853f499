"""Whatever bytes come in have exactly one translation and one receipt; for a fuzzer that makes up the bytes."""

from exitbrain.domain.messages.message import IncomingMessage
from exitbrain.domain.messages.receipt import Disposition, MessageReceived
from exitbrain.infrastructure.demo.synthetic import messages
from exitbrain.infrastructure.wire.names import NAMES_READ
from exitbrain.infrastructure.wire.stream_entry import from_entry
from tests.names import INCOMING
from tests.property.test_wire_never_raises import translated
from tests.world import NOON_MS, World

NAMES = sorted(frozenset().union(*NAMES_READ.values()))
MAX_BYTES = 2048
INPUTS_PER_WORLD = 500
REPLAYED_ONE_IN = 5
SEPARATOR = b"\xff"
SEEDS = 200


def message_of(data: bytes, number: int) -> IncomingMessage:
    """Return a message made of the bytes; the first says on which stream and in which of four forms."""
    head, rest = data[:1] or b"\0", data[1:]
    stream, form = INCOMING[head[0] % 2], head[0] // 2 % 4
    return from_entry(stream, f"{NOON_MS + number}-0", _fields(form, rest), max_bytes=MAX_BYTES)


def _fields(form: int, data: bytes) -> dict[bytes, bytes]:
    parts = data.split(SEPARATOR)
    if form == 0:
        return {b"payload": data}
    if form == 1:
        return dict(zip(parts[::2], parts[1::2], strict=False))
    said = {NAMES[part[0] % len(NAMES)]: part[1:] for part in parts if part}
    if form == 2:
        return {name.encode(): value for name, value in said.items()}
    # JSON with one step from a usable intent, the values as they came.
    pairs = b"".join(b',"%s":%s' % (name.encode(), value) for name, value in said.items())
    return {b"payload": b'{"symbol":"BTCUSDT","side":"BUY","entry_price":100,"leverage":10%s}' % pairs}


def seeds() -> list[bytes]:
    """Return inputs to begin with: synthetic messages, in the first two forms."""
    found = []
    for message in messages(SEEDS, seed=1):
        fields = message["fields"]
        intent = "payload" in fields
        flat = SEPARATOR.join(part.encode() for pair in fields.items() for part in pair)
        found.append(b"\0" + fields["payload"].encode() if intent else b"\3" + flat)
    return found


class Check:
    """Take inputs one after the other; raises AssertionError when one breaks a promise."""

    def __init__(self) -> None:
        self.inputs = 0
        self.usable = 0
        self._world = World()

    def __call__(self, data: bytes) -> None:
        """Check one input: one translation, one receipt, a second delivery changes nothing."""
        message = message_of(data, self.inputs)
        self.inputs += 1
        translated(message)
        ledger = self._world.ledger
        before = ledger.head()
        first = self._world.recorder.handle(message)
        receipts = [e for e in ledger.log(before) if isinstance(e.event, MessageReceived)]
        assert [one.stream_id for one in receipts] == [first.receipt_id], "not exactly one receipt"
        after = ledger.head()
        again = self._world.recorder.handle(message)
        assert (again.duplicate, again.receipt_id) == (True, first.receipt_id)
        assert ledger.head() == after, "a second delivery changed the store"
        self.usable += first.disposition is Disposition.ACCEPTED
        if self.inputs % INPUTS_PER_WORLD == 0:
            if self.inputs % (REPLAYED_ONE_IN * INPUTS_PER_WORLD) == 0:
                self._world.check_every_replay_is_exact()
            self._world = World()
