"""The command `doctor`: what is installed, what is set, and whether it works."""

import asyncio
import platform
from dataclasses import dataclass, replace
from importlib import metadata
from typing import Any

from redis import RedisError

from exitbrain import __version__
from exitbrain.application.ports.exit_ledger import ExitLedger, LedgerError
from exitbrain.application.ports.message_source import SourceUnavailable
from exitbrain.application.ports.publisher import PublisherUnavailable
from exitbrain.application.ports.streams import StreamsUnusable
from exitbrain.application.recording.opening import check, identity_of
from exitbrain.application.recording.policy_check import AlteredPolicy, ChangedFormula
from exitbrain.application.replay.decisions import RegisterFinding
from exitbrain.application.replay.register import findings
from exitbrain.domain.errors import DomainError
from exitbrain.domain.policies.register import EVERY_SYMBOL
from exitbrain.domain.store import FORMAT
from exitbrain.infrastructure.binance.access import binance_access
from exitbrain.infrastructure.cli import output, publication_check
from exitbrain.infrastructure.cli.errors import (
    FINE,
    FOUND,
    UNREADABLE,
    USAGE,
    WrongUsage,
    exit_code_of,
    sentence_of,
)
from exitbrain.infrastructure.cli.options import Json, Redis, Store, verbs
from exitbrain.infrastructure.cli.store import has_none, opened_with
from exitbrain.infrastructure.instruments.file import InstrumentsFile, InstrumentsUnreadable
from exitbrain.infrastructure.observability.health_access import IS_OPEN, is_of_this_machine
from exitbrain.infrastructure.presentation.installation import Check, DoctorReport, doctor_text
from exitbrain.infrastructure.presentation.printable import printable
from exitbrain.infrastructure.redis.address import BadRedisUrl
from exitbrain.infrastructure.redis.first_look import look_at
from exitbrain.infrastructure.redis.oddities import of_lease_and_groups, of_positions
from exitbrain.infrastructure.redis.rehearsal import rehearse
from exitbrain.infrastructure.secrets import hidden, masked
from exitbrain.infrastructure.settings import (
    ENV_FILE,
    Settings,
    load_settings,
    sources_of,
    unknown_settings,
)

PACKAGES = (
    "dependency-injector",
    "eventsourcing",
    "msgspec",
    "psycopg",
    "pydantic",
    "pydantic-settings",
    "python-binance",
    "redis",
    "rich",
    "typer",
)
STREAMS = "streams"
VENUE_TIMEOUT_S = 5.0
FINDINGS_SHOWN = 20

verb = verbs()


@dataclass(frozen=True, slots=True)
class Checked:
    """A check and its exit code: a failed check may concern something that no command needs."""

    check: Check
    code: int = FINE


@verb.command(epilog="Example: exitbrain doctor --json")
def doctor(store: Store = None, redis: Redis = None, as_json: Json = False) -> int:
    """Report settings, packages and checks; if something needed does not work, end with its exit code.

    Exit code 3 when the store, the instruments file, or a Redis that was named does not work; the venue is only reported.
    """
    settings = load_settings(env_file=ENV_FILE, store=store, redis=redis)
    sources = sources_of(env_file=ENV_FILE, store=store, redis=redis)
    of_store = _store(settings)
    checked = [
        Checked(_names()),
        of_store[0],
        _instruments(settings),
        _redis(settings),
        *of_store[1:],
        Checked(_venue(settings)),
        Checked(_health(settings)),
    ]
    report = DoctorReport(
        version=__version__,
        python=platform.python_version(),
        packages={name: _version_of(name) for name in PACKAGES},
        settings={name: _shown(name, value) for name, value in settings.model_dump(mode="json").items()},
        sources=sources,
        checks=[one.check for one in checked],
    )
    output.give(report, doctor_text(report), as_json=as_json)
    codes = {one.code for one in checked}
    return next((code for code in (USAGE, UNREADABLE, FOUND) if code in codes), FINE)


def _shown(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return masked(value) if name in {"store", "redis", "binance_url"} else hidden(value)


def _names() -> Check:
    unknown = [
        f"{name} (meant {like}?)" if like else name for name, like in unknown_settings(ENV_FILE).items()
    ]
    if unknown:
        return Check("names", False, f"no setting, and without effect: {', '.join(unknown)}")
    return Check("names", True, "every EXITBRAIN_* variable is a setting")


def _store(settings: Settings) -> tuple[Checked, ...]:
    """Check the store, whether the streams are published from it, and its policy register."""
    unasked = Check(publication_check.NAME, None, "not asked: there is no store to compare with")
    if has_none(settings):
        in_memory = settings.store.startswith("memory:")
        why = "is a new one in each process" if in_memory else "does not exist yet; ingest begins it"
        none_yet = Check("store", None, f"{settings.store} {why}")
        return Checked(none_yet), Checked(unasked)
    try:
        with opened_with(settings, "inspect") as container:
            ledger = container.ledger()
            published = publication_check.publication(settings.redis, settings.names, ledger)
            code = UNREADABLE if published.ok is False else FINE
            return (
                _policies(ledger),
                Checked(published, code),
                _streams(settings, ledger),
                _register(list(findings(ledger, container.translator()))),
            )
    except (LedgerError, DomainError) as error:
        return _failed("store", sentence_of(error), error), Checked(unasked)


def _streams(settings: Settings, ledger: ExitLedger) -> Checked:
    """Check what others have changed besides the streams."""
    try:
        odd = asyncio.run(of_lease_and_groups(settings.redis, settings.names))
        odd += asyncio.run(of_positions(settings.redis, settings.names, identity_of(ledger)))
    except (SourceUnavailable, PublisherUnavailable, StreamsUnusable, RedisError, BadRedisUrl):
        return Checked(Check(STREAMS, None, "not known: Redis does not answer as a worker needs it"))
    if odd:
        return Checked(Check(STREAMS, False, printable("; ".join(odd))), FOUND)
    return Checked(Check(STREAMS, True, "lease, groups and positions are as workers leave them"))


def _policies(ledger: ExitLedger) -> Checked:
    """Check the store, even one that no other command works on because a policy was altered."""
    try:
        check(ledger)
    except (AlteredPolicy, ChangedFormula) as error:
        return _failed("store", sentence_of(error), error)
    return Checked(Check("store", True, _store_detail(ledger)))


def _register(found: list[RegisterFinding]) -> Checked:
    if not found:
        in_order = (
            "every policy is what was registered, and a receipt accounts for each that was put in force"
        )
        return Checked(Check("register", True, in_order))
    more = f"; and {len(found) - FINDINGS_SHOWN} more" if len(found) > FINDINGS_SHOWN else ""
    said = "; ".join(map(str, found[:FINDINGS_SHOWN]))
    return Checked(Check("register", False, printable(f"{said}{more}")), FOUND)


def _failed(name: str, why: str, error: Exception) -> Checked:
    code = exit_code_of(error)
    return Checked(Check(name, False, why), UNREADABLE if code is None else code)


def _store_detail(ledger: ExitLedger) -> str:
    identity = identity_of(ledger)
    register = ledger.register()
    scoped = [f"{name} for {scope}" for scope, name in register.active.items() if scope != EVERY_SYMBOL]
    in_force = ", ".join([register.active[EVERY_SYMBOL], *scoped])
    return (
        f"format {FORMAT}, id {identity.store_id}, epoch {identity.epoch}, {ledger.head()} events, in force {in_force}, "
        f"every formula computes what was registered"
    )


def _instruments(settings: Settings) -> Checked:
    if settings.instruments is None:
        nothing = "no file set; levels are distances, ticks and brackets unknown"
        return Checked(Check("instruments", None, nothing))
    file = settings.instruments_file
    if file is None:
        return Checked(Check("instruments", None, "from the venue, no file beside it"))
    try:
        count = len(InstrumentsFile(file))
    except InstrumentsUnreadable as error:
        return _failed("instruments", sentence_of(error), error)
    return Checked(Check("instruments", True, f"{count} symbols in {file}"))


def _redis(settings: Settings) -> Checked:
    """Try what a worker will do; a Redis that no setting names may be missing."""
    where = masked(settings.redis)
    try:
        asyncio.run(look_at(settings.redis, settings.names))
        version = asyncio.run(rehearse(settings.redis, settings.names))
    except (SourceUnavailable, StreamsUnusable, RedisError, BadRedisUrl) as error:
        is_set = "redis" in settings.model_fields_set
        named = "" if is_set else ", and no setting names another"
        said = f"{where}{named}: {sentence_of(error)} (serve and dlq need it)"
        if not is_set:
            return Checked(Check("redis", None, said))
        return _failed("redis", said, WrongUsage(said) if isinstance(error, BadRedisUrl) else error)
    return Checked(
        Check("redis", True, f"{where} answers, version {version}, and allows all that serve does")
    )


def _venue(settings: Settings) -> Check:
    if settings.instruments != "binance":
        return Check("venue", None, "not asked: nothing set here comes from the venue")
    from exitbrain.infrastructure.binance.instruments import look  # noqa: PLC0415 - a third of a second

    facts = asyncio.run(look(replace(binance_access(settings), timeout_s=VENUE_TIMEOUT_S)))
    sources = facts.sources.items()
    found = [
        f"{name.replace('_', ' ')} of {source.symbols} symbols" for name, source in sources if source.symbols
    ]
    troubles = [source.error for _, source in sources if source.error]
    keys = "" if facts.signs else "no keys, so neither brackets nor commission"
    return Check("venue", not troubles, "; ".join(filter(None, [*found, keys, *troubles])))


def _health(settings: Settings) -> Check:
    if settings.health_token is not None:
        return Check("health", True, f"{settings.health} asks other machines for a token")
    if is_of_this_machine(settings.health):
        return Check("health", True, f"{settings.health} answers this machine alone")
    return Check("health", None, f"{settings.health} {IS_OPEN}")


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
