"""What a worker publishes from its memory is, to the byte, what anybody publishes who reads the store."""

from hypothesis import given
from hypothesis import strategies as st

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.wire.published import PolicyUnits, Published
from exitbrain.infrastructure.wire.translator import WireTranslator
from exitbrain.infrastructure.worker.recent_log import RecentLog
from tests.property.any_messages import Drawn, SomeInstruments, message_of, messages
from tests.world import THIS, World


@given(
    drawn=st.lists(messages, max_size=25),
    batch=st.integers(1, 9),
    policy=st.sampled_from(["v3.5", "v3.5-fraction", "v3.6"]),
)
def test_the_same_is_published_from_memory_and_from_the_store(
    drawn: list[Drawn], batch: int, policy: str
) -> None:
    world = World(policy=policy, instruments=SomeInstruments())
    recent = RecentLog()
    recorder = world.another_recorder(saved=recent.note)
    begun = world.ledger.head()
    incoming = [message_of(number, one) for number, one in enumerate(drawn)]
    for start in range(0, len(incoming), batch):
        recorder.handle_batch(incoming[start : start + batch])

    stored = list(world.ledger.log(begun))
    known = recent.after(begun if stored else 0, len(stored) + 1, MAPPER.topics)
    assert known == (stored, world.ledger.head() if stored else 0)
    units = PolicyUnits(world.ledger.register)
    one_for_all = Published(THIS, units, WireTranslator())
    from_memory = [one_for_all.entries(*pair) for pair in with_receipts(known[0])]
    from_store = [Published(THIS, units, WireTranslator()).entries(*pair) for pair in with_receipts(stored)]
    assert from_memory == from_store


def with_receipts(entries: list[LogEntry]) -> list[tuple[LogEntry, MessageReceived | None]]:
    """Pair each entry with the receipt of its message, which comes before its effects."""
    pairs: list[tuple[LogEntry, MessageReceived | None]] = []
    receipt = None
    for entry in entries:
        receipt = entry.event if isinstance(entry.event, MessageReceived) else receipt
        pairs.append((entry, receipt))
    return pairs
