"""Wire the adapters to the ports, all in one place."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal
from uuid import uuid4

from dependency_injector import containers, providers

from exitbrain import __version__
from exitbrain.application.live.supervisor import Journal
from exitbrain.application.ports.clock import Clock
from exitbrain.application.ports.exit_ledger import NoStore
from exitbrain.application.ports.instruments import Instruments, LiveInstruments, NoInstruments
from exitbrain.application.queries.lsf_history import LsfAudit
from exitbrain.application.recorded import Policies, Snapshots
from exitbrain.application.recording.intake import Intake
from exitbrain.application.recording.opening import begin_or_check, check, shipped_register
from exitbrain.application.recording.policy_check import AlteredPolicy, ChangedFormula
from exitbrain.application.recording.recorder import Recorder
from exitbrain.application.replay.context import ContextAudit
from exitbrain.application.replay.decisions import DecisionReplay
from exitbrain.application.replay.intake import IntakeReplay
from exitbrain.infrastructure.binance.access import binance_access
from exitbrain.infrastructure.clock import SystemClock
from exitbrain.infrastructure.engines.named import NamedEngines
from exitbrain.infrastructure.event_store.decisions import StoredDecisions
from exitbrain.infrastructure.event_store.ledger import StoredLedger
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.event_store.stores import open_ledger, open_to_read
from exitbrain.infrastructure.index.sqlite_index import SQLiteIndex
from exitbrain.infrastructure.instruments.combined import CombinedInstruments
from exitbrain.infrastructure.instruments.file import InstrumentsFile
from exitbrain.infrastructure.reasons import load_reasons
from exitbrain.infrastructure.settings import Settings, SettingsError
from exitbrain.infrastructure.wire.translator import WireTranslator

Access = Literal["inspect", "read", "write", "create"]
"""What may be done with a store: nothing that changes it, record in it, or also begin it where there is none.

To inspect is to read one also where its policies are not what they were registered as, for who reports just that.
"""


def _venue_instruments(settings: Settings, journal: Journal | None) -> LiveInstruments | None:
    """Return the instruments that somebody has to refresh and close, None where the settings name no venue."""
    if settings.instruments != "binance":
        if settings.instruments_beside is not None:
            raise SettingsError("setting INSTRUMENTS_BESIDE is for INSTRUMENTS=binance alone")
        return None
    # Whoever does not talk to the venue does not pay for importing its client, a third of a second.
    from exitbrain.infrastructure.binance.futures import BinanceFutures  # noqa: PLC0415
    from exitbrain.infrastructure.binance.instruments import BinanceInstruments  # noqa: PLC0415

    return BinanceInstruments(BinanceFutures(binance_access(settings)), journal)


def _instruments(settings: Settings, venue: Instruments | None) -> Instruments:
    if venue is None:
        path = settings.instruments
        return NoInstruments() if path is None else InstrumentsFile(Path(path))
    if settings.instruments_beside is None:
        return venue
    return CombinedInstruments(venue, InstrumentsFile(settings.instruments_beside))


def _ledger(settings: Settings, clock: Clock, access: Access) -> Iterator[StoredLedger]:
    """Open the store; a new one is begun, an old one checked before anything else is done with it."""
    reads = access in ("inspect", "read")
    ledger = open_to_read(settings.store) if reads else _open_or_make(settings, clock, access)
    try:
        if reads:
            with suppress(*((AlteredPolicy, ChangedFormula) if access == "inspect" else ())):
                check(ledger, policy=settings.policy)
        else:
            begin_or_check(ledger, clock, __version__, new_id=uuid4(), policy=settings.policy)
        yield ledger
    finally:
        ledger.close()


def _open_or_make(settings: Settings, clock: Clock, access: Access) -> StoredLedger:
    try:
        return open_ledger(settings.store, create=False)
    except NoStore:
        if access != "create":
            raise
    if settings.policy is not None:
        shipped_register(clock.now(), settings.policy)  # raises for an unknown one while there is no file yet
    return open_ledger(settings.store, create=True)


def _index(settings: Settings, ledger: StoredLedger) -> Iterator[SQLiteIndex]:
    with closing(SQLiteIndex(ledger, settings.index_file)) as index:
        yield index


class Container(containers.DeclarativeContainer):
    """Everything that works on one store."""

    settings = providers.Dependency(instance_of=Settings)
    access: providers.Provider[Access] = providers.Object("read")

    clock = providers.Singleton(SystemClock)
    engine = providers.Singleton(NamedEngines)
    translator = providers.Singleton(WireTranslator)
    journal: providers.Provider[Journal | None] = providers.Object(None)  # the live path brings one
    venue_instruments = providers.Singleton(_venue_instruments, settings, journal)
    instruments = providers.Singleton(_instruments, settings, venue_instruments)
    ledger = providers.Resource(_ledger, settings, clock, access)
    index = providers.Resource(_index, settings, ledger)
    decisions = providers.Singleton(StoredDecisions, ledger)
    policies = providers.Factory(Policies, ledger)  # the register grows, so each question reads it anew
    snapshots = providers.Singleton(Snapshots, ledger)
    reasons = providers.Singleton(load_reasons, settings.provided.reasons)

    intake = providers.Singleton(Intake, engine, translator)
    recorder = providers.Singleton(
        Recorder, ledger, intake, instruments, clock, settings.provided.decisions, build=__version__
    )
    decision_replay = providers.Factory(DecisionReplay, policies, snapshots, decisions, engine)
    intake_replay = providers.Factory(IntakeReplay, ledger, intake, MAPPER.to_stored_event)
    context_audit = providers.Factory(ContextAudit, ledger, translator)
    lsf_audit = providers.Factory(LsfAudit, ledger, engine)


@contextmanager
def opened(
    settings: Settings,
    access: Access = "read",
    *,
    journal: Journal | None = None,
    adapters: Mapping[str, object] | None = None,
) -> Iterator[Container]:
    """Open the store of the settings and everything around it; `adapters` take the place of ours of that name."""
    brought = {name: providers.Object(one) for name, one in (adapters or {}).items() if one is not None}
    container = Container(
        settings=settings, access=providers.Object(access), journal=providers.Object(journal), **brought
    )
    try:
        if access == "create":
            container.instruments()  # a file that cannot be read must not leave an empty store behind
        container.ledger()
        yield container
    finally:
        container.shutdown_resources()
