"""The commands `dlq list`, `dlq show` and `dlq retry`: inspect refused messages and send them again."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Annotated

from exitbrain.application.ports.dead_letters import DeadLettersUnavailable
from exitbrain.application.ports.exit_ledger import ExitLedger
from exitbrain.application.queries import dead_letters
from exitbrain.infrastructure.cli import output
from exitbrain.infrastructure.cli.assignments import assignment, check_once
from exitbrain.infrastructure.cli.errors import WrongUsage
from exitbrain.infrastructure.cli.options import Json, OfStream, Redis, RefusedEntry, Store, Wide, flag, verbs
from exitbrain.infrastructure.cli.store import has_none, name_of, opened_with
from exitbrain.infrastructure.presentation.dead_letters import (
    DlqListReport,
    DlqRetryReport,
    letter_report,
    letter_text,
    list_text,
    retry_text,
    row_of,
)
from exitbrain.infrastructure.redis.address import BadRedisUrl
from exitbrain.infrastructure.redis.dead_letters import RedisDeadLetters
from exitbrain.infrastructure.redis.first_look import check_tls
from exitbrain.infrastructure.settings import ENV_FILE, Settings, load_settings
from exitbrain.infrastructure.wire.dead_letter import corrected, symbol_in
from exitbrain.infrastructure.wire.translator import WireTranslator

verb = verbs()


@verb.command("list", epilog="Example: exitbrain dlq list --stream trade.intent")
def list_letters(
    redis: Redis = None, stream: OfStream = None, wide: Wide = False, as_json: Json = False
) -> None:
    """List the refused messages, oldest first."""
    settings = load_settings(env_file=ENV_FILE, redis=redis)
    sources = _sources(stream, settings)
    with _dead_letters(settings) as letters:
        found, unreadable = dead_letters.all_letters(letters, sources)
    report = DlqListReport([row_of(letter, symbol_in(letter.fields)) for letter in found], unreadable)
    output.give(report, list_text(report, sources), as_json=as_json, wide=wide)


@verb.command("show", epilog="Example: exitbrain dlq show 1766550734062-1")
def show_letter(
    entry_id: RefusedEntry, redis: Redis = None, stream: OfStream = None, as_json: Json = False
) -> None:
    """Show one refused message with its fields, and why it was refused."""
    settings = load_settings(env_file=ENV_FILE, redis=redis)
    with _dead_letters(settings) as letters:
        letter = dead_letters.find(letters, entry_id, _sources(stream, settings))
    report = letter_report(letter, symbol_in(letter.fields))
    output.give(report, letter_text(report), as_json=as_json)


@verb.command("retry", epilog="Example: exitbrain dlq retry 1766550734062-1 --set leverage=20")
def retry_letter(
    entry_id: RefusedEntry,
    corrections: Annotated[
        list[str] | None,
        flag("FIELD=VALUE", "Send it with this value instead; can be given several times.", "--set"),
    ] = None,
    redis: Redis = None,
    stream: OfStream = None,
    store: Store = None,
    as_json: Json = False,
) -> None:
    """Send a refused message again, as a new message with retry_of.

    Exit code 1, and nothing is sent, when it would be refused again, was not kept whole, or when the store has an
    accepted retry of it. Without --store the store of the settings is asked if it exists.
    """
    given = _corrections(corrections or [])
    settings = load_settings(env_file=ENV_FILE, redis=redis, store=store)
    with _dead_letters(settings) as letters, _store(settings) as (ledger, name):
        letter = dead_letters.find(letters, entry_id, _sources(stream, settings))
        retried = dead_letters.retry(
            letters, letter, corrected(letter.fields, given), translator=WireTranslator(), ledger=ledger
        )
    report = DlqRetryReport(retried.entry_id, retried.stream, retried.retry_of, name)
    output.give(report, [retry_text(report)], as_json=as_json)


def _sources(stream: str | None, settings: Settings) -> tuple[str, ...]:
    if stream is None:
        return dead_letters.SOURCES
    source = settings.names.source_of(stream)
    if source not in dead_letters.SOURCES:
        raise WrongUsage(f"--stream is {stream!r}; allowed: {' or '.join(dead_letters.SOURCES)}")
    return (source,)


def _corrections(given: Sequence[str]) -> dict[str, str]:
    corrections = [assignment(text, f"--set is {text!r}; allowed: FIELD=VALUE") for text in given]
    check_once([name for name, _ in corrections], "--set")
    return dict(corrections)


@contextmanager
def _dead_letters(settings: Settings) -> Iterator[RedisDeadLetters]:
    try:
        letters = RedisDeadLetters(settings.redis, settings.names)
    except BadRedisUrl as error:
        raise WrongUsage(f"{error} (--redis, or setting REDIS)") from error
    with closing(letters):
        try:
            yield letters
        except DeadLettersUnavailable as error:
            asyncio.run(check_tls(settings.redis, error))
            raise


@contextmanager
def _store(settings: Settings) -> Iterator[tuple[ExitLedger | None, str | None]]:
    """Open the named or default store and yield it with its name; None and None if there is none."""
    if has_none(settings):
        yield None, None
        return
    with opened_with(settings) as container:
        yield container.ledger(), name_of(container)
