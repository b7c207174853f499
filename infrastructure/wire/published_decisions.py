"""Payloads of a decision: the full levels, the short event, or the refusal."""

from functools import lru_cache
from typing import Any
from uuid import UUID

from msgspec import Struct

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.algebra import Bound
from exitbrain.domain.catalogue import ExitEvent
from exitbrain.domain.identity import decision_id
from exitbrain.domain.levels.guard_rules import GUARDS
from exitbrain.domain.levels.guards import GuardReport
from exitbrain.domain.levels.levels import Price, Triggers
from exitbrain.domain.messages.receipt import MessageReceived
from exitbrain.domain.plans import exit_plan
from exitbrain.domain.store import StoreIdentity
from exitbrain.domain.values import Assumption, Cause, Side, Unit, plain
from exitbrain.infrastructure.presentation import wording
from exitbrain.infrastructure.presentation.guards import GuardFinding
from exitbrain.infrastructure.wire.published_payload import (
    Destination,
    EventPayloads,
    PayloadOfPosition,
    PublishedStore,
)


class TriggerPrices(Struct):
    """Trigger prices: the exact decimal on the tick grid as text, or a double if the tick is unknown."""

    tp1: str | float
    tp2: str | float
    tp3: str | float
    sl: str | float


class Levels(Struct):
    """Raw distances in the unit of the policy.

    `LSF` is the adjusted LSF, `harvest_scheme` the fractions of the original quantity closed at TP1, TP2 and
    TP3, and `avg_pnl_last_20` a price return in percent.
    """

    tp1: float
    tp2: float
    tp3: float
    sl: float
    LSF: float
    harvest_scheme: tuple[float, float, float]
    avg_pnl_last_20: float


class IlfMetadata(Struct):
    """Market data from the message, null where it gave none."""

    atr_value: float | None
    exchange_divergence: float | None
    funding_rate: float | None
    regime: str | None


class PayloadOfDecision(PayloadOfPosition, kw_only=True):
    """The fields of every payload about a decision."""

    side: Side
    order_id: str
    decision_id: UUID
    revision: int
    cause: Cause
    policy: str
    unit: Unit


class AdaptiveLevels(PayloadOfDecision, kw_only=True):
    """Computed levels with all inputs and reasons.

    Readers of the former system expect `symbol`, `order_id`, `leverage`, `volatility_factor`, `adaptive_levels` and
    `ilf_metadata`. A whole `leverage` is written as an integer.
    """

    GOES_TO = Destination.ADAPTIVE_LEVELS

    leverage: int | float
    volatility_factor: float
    adaptive_levels: Levels
    ilf_metadata: IlfMetadata
    lsf: float
    pnl_factor: float
    binding: tuple[Bound, ...]
    guards: tuple[GuardFinding, ...]
    assumptions: tuple[Assumption, ...]
    trigger_prices: TriggerPrices | None


class LevelsComputed(PayloadOfDecision, kw_only=True):
    """Levels were computed: raw distances only. The adaptive_levels entry with this `decision_id` has all.

    `executable` is true if every guard passed; guards that did not are listed.
    """

    tp1: float
    tp2: float
    tp3: float
    sl: float
    executable: bool
    failed_guards: list[str]
    unknown_guards: list[str]


class LevelsRefused(PayloadOfDecision, kw_only=True):
    """The policy gives no levels; earlier ones stay in force. `floor` and `cap` bound the stop."""

    refusal: str
    detail: str
    floor: float
    cap: float


Facts = dict[str, Any]
"""The fields shared by all payloads about a decision, by key."""


def facts_of(event: exit_plan.Decision, entry: LogEntry, store: StoreIdentity, unit: Unit) -> Facts:
    """Return the fields shared by all payloads about this decision."""
    context = event.context
    return {
        "store_id": store.store_id,
        "epoch": store.epoch,
        "log_position": entry.position,
        "recorded_at": context.recorded_at,
        "occurred_at": context.occurred_at,
        "account": event.account,
        "symbol": event.symbol,
        "position_id": event.position_id,
        "plan_id": entry.stream_id,
        "side": event.inputs.side,
        "order_id": context.order_id,
        "decision_id": decision_id(entry.stream_id, event.revision),
        "revision": event.revision,
        "cause": event.cause,
        "policy": event.policy.name,
        "unit": unit,
    }


def computed(event: exit_plan.LevelsComputed, facts: Facts) -> tuple[AdaptiveLevels, LevelsComputed]:
    """Return the payloads of the adaptive_levels entry and of the event."""
    inputs, context, judged = event.inputs, event.context, event.levels
    raw, guards = judged.raw, judged.guards
    assumed = {one.field for one in event.assumptions}
    levels = AdaptiveLevels(
        leverage=int(inputs.leverage) if inputs.leverage.is_integer() else inputs.leverage,
        volatility_factor=inputs.volatility,
        adaptive_levels=Levels(
            raw.tp1, raw.tp2, raw.tp3, raw.sl, raw.lsf_adjusted, raw.harvest, inputs.average_pnl
        ),
        ilf_metadata=IlfMetadata(
            atr_value=context.atr_value,
            exchange_divergence=None if "divergence" in assumed else inputs.divergence,
            funding_rate=None if "funding" in assumed else inputs.funding,
            regime=context.regime,
        ),
        lsf=raw.lsf,
        pnl_factor=raw.pnl_factor,
        binding=judged.binding,
        guards=_guards(guards),
        assumptions=event.assumptions,
        trigger_prices=_trigger_prices(judged.triggers),
        **facts,
    )
    short = LevelsComputed(
        tp1=raw.tp1,
        tp2=raw.tp2,
        tp3=raw.tp3,
        sl=raw.sl,
        executable=guards.executable,
        failed_guards=list(guards.failed),
        unknown_guards=list(guards.unknown),
        **facts,
    )
    return levels, short


def refused(event: exit_plan.LevelsRefused, facts: Facts) -> LevelsRefused:
    """Return the payload of the event."""
    raw = event.levels.raw
    return LevelsRefused(
        refusal=str(raw.refusal), detail=wording.refusal(raw), floor=raw.floor, cap=raw.cap, **facts
    )


def _computed(
    event: exit_plan.LevelsComputed, entry: LogEntry, _: MessageReceived, store: PublishedStore
) -> tuple[AdaptiveLevels, LevelsComputed]:
    return computed(event, facts_of(event, entry, store.identity, store.unit_of(event.policy.name)))


def _refused(
    event: exit_plan.LevelsRefused, entry: LogEntry, _: MessageReceived, store: PublishedStore
) -> tuple[LevelsRefused]:
    return (refused(event, facts_of(event, entry, store.identity, store.unit_of(event.policy.name))),)


def _guards(report: GuardReport) -> tuple[GuardFinding, ...]:
    """Return the findings in guard order; only failures are reworded, the rest is cached."""
    rest = _without_figures(report.passed, tuple(report.unknown.items()))
    if not report.failed:
        return tuple(rest.values())
    failed = {
        name: GuardFinding(name, "failed", wording.failure(name, figures))
        for name, figures in report.failed.items()
    }
    return tuple([failed.get(name) or rest[name] for name in GUARDS if name in failed or name in rest])


@lru_cache(maxsize=1024)
def _without_figures(
    passed: tuple[str, ...], unknown: tuple[tuple[str, str], ...]
) -> dict[str, GuardFinding]:
    report = GuardReport(passed, {}, dict(unknown))
    return {name: GuardFinding(name, state, detail) for name, state, detail in wording.findings(report)}


def _trigger_prices(triggers: Triggers[Price] | None) -> TriggerPrices | None:
    if triggers is None:
        return None
    return TriggerPrices(
        _price(triggers.tp1), _price(triggers.tp2), _price(triggers.tp3), _price(triggers.sl)
    )


def _price(price: Price) -> str | float:
    return price if isinstance(price, float) else plain(price)


PAYLOADS: dict[type[ExitEvent], EventPayloads] = {
    exit_plan.LevelsComputed: EventPayloads((AdaptiveLevels, LevelsComputed), _computed),
    exit_plan.LevelsRefused: EventPayloads((LevelsRefused,), _refused),
}
