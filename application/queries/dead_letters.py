"""Dead letters: find refused messages and send them again as new messages.

A retry is decided like any message that arrives now, after all later ones. So it is sent only if the message
was kept whole, would not be refused again as it is, and was not accepted before.
"""

from collections.abc import Sequence

from msgspec import Struct

from exitbrain.application.ports.dead_letters import RETRY_OF, DeadLetter, DeadLetters, UnreadableLetter
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.ports.translator import Translator
from exitbrain.application.queries.lookup import Ambiguous, NotFound
from exitbrain.domain.errors import ExitBrainError
from exitbrain.domain.messages.message import TRADE_CLOSED, TRADE_INTENT, IncomingMessage, Unusable
from exitbrain.domain.messages.receipt import Disposition, MessageReceived, RawFields
from exitbrain.domain.values import Origin

SOURCES = (TRADE_INTENT, TRADE_CLOSED)
"""The logical streams whose refused messages are kept."""


class NotRetried(ExitBrainError):
    """A message was not sent again; the text says why."""


class Retried(Struct, frozen=True):
    """A message that was sent again: its new entry id and stream, and the first message that it retries.

    `checked` says that the store was checked for an accepted earlier retry.
    """

    entry_id: str
    stream: str
    retry_of: str
    checked: bool


def all_letters(
    letters: DeadLetters, sources: Sequence[str] = SOURCES
) -> tuple[list[DeadLetter], list[UnreadableLetter]]:
    """Return the refused messages in the order of recording, and the unreadable ones."""
    found: list[DeadLetter] = []
    unreadable: list[UnreadableLetter] = []
    for source in sources:
        for letter in letters.letters(source):
            if isinstance(letter, UnreadableLetter):
                unreadable.append(letter)
            else:
                found.append(letter)
    return sorted(found, key=lambda letter: letter.recorded_at), unreadable


def find(letters: DeadLetters, wanted: str, sources: Sequence[str] = SOURCES) -> DeadLetter:
    """Return the refused message whose entry id is, or begins with, `wanted`; raises NotFound or Ambiguous.

    If it was published twice (see `--republish-from`), either copy will do.
    """
    found = {(letter.source, letter.entry_id): letter for letter in all_letters(letters, sources)[0]}
    whole = [letter for letter in found.values() if letter.entry_id == wanted]
    begun = [letter for letter in found.values() if wanted and letter.entry_id.startswith(wanted)]
    candidates = whole or begun
    if not candidates:
        raise NotFound(f"no refused message {wanted!r} among the dead letters of {' and '.join(sources)}")
    if len(candidates) > 1:
        some = ", ".join(f"{letter.entry_id} of {letter.source}" for letter in candidates[:3])
        raise Ambiguous(f"{wanted!r} fits {len(candidates)} refused messages ({some})")
    return candidates[0]


def retry(
    letters: DeadLetters,
    letter: DeadLetter,
    fields: RawFields,
    *,
    translator: Translator,
    ledger: ExitLedger | None,
) -> Retried:
    """Send a refused message again with these fields, corrected or unchanged; raises NotRetried.

    Without a ledger, an accepted earlier retry is not detected.
    """
    _check_whole(letter)
    _check_usable(letter, fields, translator)
    if ledger is not None:
        _check_not_accepted(letter, ledger)
    marked = RawFields({**fields.values, RETRY_OF: letter.first_id}, fields.encoded)
    entry_id = letters.resend(letter.stream, marked)
    return Retried(entry_id, letter.stream, letter.first_id, checked=ledger is not None)


def _check_whole(letter: DeadLetter) -> None:
    if not letter.fields.values:
        raise NotRetried(f"{letter.entry_id} cannot be sent again: nothing of it was kept")
    if letter.fields.length is not None:
        kept = f"of its {letter.fields.length} bytes only the first were kept"
        raise NotRetried(f"{letter.entry_id} cannot be sent again: {kept}")


def _check_usable(letter: DeadLetter, fields: RawFields, translator: Translator) -> None:
    message = IncomingMessage(
        source=letter.source,
        stream=letter.stream,
        entry_id="",
        stream_id=None,
        fields=fields,
        origin=Origin.LIVE,
    )
    translation = translator.translate(message)
    if isinstance(translation, Unusable):
        raise NotRetried(f"{letter.entry_id} would be refused again: {translation.refusal}")


def _check_not_accepted(letter: DeadLetter, ledger: ExitLedger) -> None:
    receipt = ledger.receipts([letter.receipt_id]).get(letter.receipt_id)
    if receipt is None:
        raise NotRetried(f"{letter.entry_id} has no receipt in the store, which belongs to another stream")
    if receipt.disposition is not Disposition.REFUSED:
        raise NotRetried(f"{letter.entry_id} was not refused: the store has it as {receipt.disposition}")
    for entry in ledger.log(topics=(MessageReceived.TOPIC,)):
        retried = entry.event
        if (
            isinstance(retried, MessageReceived)
            and retried.disposition is Disposition.ACCEPTED
            and retried.source == letter.source
            and retried.fields.values.get(RETRY_OF) == letter.first_id
        ):
            raise NotRetried(f"a retry of {letter.first_id} was accepted already: {retried.entry_id}")
