"""The command `doctor`: what is installed, what is set, and whether what it names works."""

import asyncio
import platform
from dataclasses import replace
from importlib import metadata
from pathlib import Path

from redis import Redis, RedisError

from exitbrain import __version__
from exitbrain.application.opening import ChangedFormula, PolicyNotInForce, identity_of
from exitbrain.application.ports.exit_ledger import ExitLedger, LedgerError
from exitbrain.domain.errors import DomainError
from exitbrain.domain.policy_register import EVERY_SYMBOL
from exitbrain.domain.store import FORMAT
from exitbrain.infrastructure.binance.access import binance_access
from exitbrain.infrastructure.cli import output, publication_check, reports
from exitbrain.infrastructure.cli.errors import FINE, UNREADABLE
from exitbrain.infrastructure.cli.store import masked, opened_with
from exitbrain.infrastructure.instruments.file import InstrumentsFile, InstrumentsUnreadable
from exitbrain.infrastructure.settings import Settings, load_settings, unknown_settings

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
REDIS_TIMEOUT_S = 1.0
VENUE_TIMEOUT_S = 5.0
NEEDED = ("store", "instruments", "redis", publication_check.NAME)
"""What commands can not do without, once it is set."""

_MARKS = {True: "✔", False: "✘", None: "-"}


def doctor(*, store: str | None, redis: str | None, as_json: bool) -> int:
    """Report settings, packages and checks; a needed thing that does not work ends with the code of that."""
    settings = load_settings(store=store, redis=redis)
    of_store, published = _store(settings)
    checks = [_names(), of_store, _instruments(settings), _redis(settings), published, _venue(settings)]
    report = reports.DoctorReport(
        version=__version__,
        python=platform.python_version(),
        packages={name: _version_of(name) for name in PACKAGES},
        settings={
            name: masked(value) if isinstance(value, str) else value
            for name, value in settings.model_dump(mode="json").items()
        },
        checks=checks,
    )
    if as_json:
        output.emit(report)
    else:
        _show(report)
    return UNREADABLE if any(check.ok is False and check.name in NEEDED for check in checks) else FINE


def _names() -> reports.Check:
    unknown = [f"{name} (meant {like}?)" if like else name for name, like in unknown_settings().items()]
    if unknown:
        return reports.Check("names", False, f"no setting, and without effect: {', '.join(unknown)}")
    return reports.Check("names", True, "every EXITBRAIN_* variable is a setting")


def _store(settings: Settings) -> tuple[reports.Check, reports.Check]:
    """Return what the store is like, and whether the streams are published from it."""
    unasked = reports.Check(publication_check.NAME, None, "not asked: there is no store to compare with")
    is_default = "store" not in settings.model_fields_set
    if is_default and not Path(settings.store.removeprefix("sqlite:///")).exists():
        return reports.Check("store", None, f"{settings.store} does not exist yet; ingest begins it"), unasked
    try:
        with opened_with(settings) as container:
            ledger = container.ledger()
            store = reports.Check("store", True, _store_detail(ledger))
            return store, publication_check.publication(settings.redis, settings.names, ledger)
    except (LedgerError, ChangedFormula, PolicyNotInForce, DomainError) as error:
        return reports.Check("store", False, masked(str(error))), unasked


def _store_detail(ledger: ExitLedger) -> str:
    identity = identity_of(ledger)
    register = ledger.register()
    scoped = [f"{name} for {scope}" for scope, name in register.active.items() if scope != EVERY_SYMBOL]
    in_force = ", ".join([register.active[EVERY_SYMBOL], *scoped])
    return (
        f"format {FORMAT}, id {identity.store_id}, epoch {identity.epoch}, {ledger.head()} events, in force {in_force}, "
        f"every active formula computes what was registered"
    )


def _instruments(settings: Settings) -> reports.Check:
    if settings.instruments is None:
        return reports.Check(
            "instruments", None, "no file set; levels are distances, ticks and brackets unknown"
        )
    file = settings.instruments_file
    if file is None:
        return reports.Check("instruments", None, "from the venue, no file beside it")
    try:
        count = len(InstrumentsFile(file))
    except InstrumentsUnreadable as error:
        return reports.Check("instruments", False, str(error))
    return reports.Check("instruments", True, f"{count} symbols in {file}")


def _redis(settings: Settings) -> reports.Check:
    where = masked(settings.redis)
    try:
        client = Redis.from_url(
            settings.redis, socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        )
        with client:
            found = client.info("server")
    except (RedisError, ValueError, OSError) as error:
        why = masked(str(error)) or type(error).__name__
        is_set = "redis" in settings.model_fields_set
        named = "" if is_set else ", and no setting names another"
        said = f"{where} is not reachable{named}: {why} (serve and dlq need it)"
        return reports.Check("redis", False if is_set else None, said)
    return reports.Check("redis", True, f"{where} answers, version {found['redis_version']}")


def _venue(settings: Settings) -> reports.Check:
    if settings.instruments != "binance":
        return reports.Check("venue", None, "not asked: nothing set here comes from the venue")
    from exitbrain.infrastructure.binance.instruments import look  # noqa: PLC0415 - a third of a second

    facts = asyncio.run(look(replace(binance_access(settings), timeout_s=VENUE_TIMEOUT_S)))
    sources = facts.sources.items()
    found = [
        f"{name.replace('_', ' ')} of {source.symbols} symbols" for name, source in sources if source.symbols
    ]
    troubles = [source.error for _, source in sources if source.error]
    keys = "" if facts.signs else "no keys, so neither brackets nor commission"
    return reports.Check("venue", not troubles, "; ".join(filter(None, [*found, keys, *troubles])))


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _show(report: reports.DoctorReport) -> None:
    output.show(f"exitbrain {report.version}, Python {report.python}", "Settings")
    output.show(*(f"  {name.upper()} = {value}" for name, value in report.settings.items()), "Checks")
    output.show(
        *(f"  {_MARKS[check.ok]} {check.name}: {check.detail}" for check in report.checks), "Packages"
    )
    output.show(*(f"  {name} {version}" for name, version in report.packages.items()))
