"""What is published of a decision: the levels in full, the event in short, or the refusal."""

from functools import lru_cache
from typing import Any

from exitbrain.application.ports.exit_ledger import LogEntry
from exitbrain.domain.exit_plan import Decision, LevelsComputed, LevelsRefused
from exitbrain.domain.guards import GUARDS, GuardReport
from exitbrain.domain.identity import decision_id
from exitbrain.domain.levels import Price, Triggers
from exitbrain.domain.store import StoreIdentity
from exitbrain.domain.values import Unit, plain
from exitbrain.infrastructure import wording
from exitbrain.infrastructure.presentation.guards import Guard
from exitbrain.infrastructure.wire import published_shapes as shapes

Facts = dict[str, Any]
"""What every payload about a decision says, by key."""


def facts_of(event: Decision, entry: LogEntry, store: StoreIdentity, unit: Unit) -> Facts:
    """Return what every payload about this decision says."""
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


def computed(event: LevelsComputed, facts: Facts) -> tuple[shapes.AdaptiveLevels, shapes.LevelsComputed]:
    """Return the payload for adaptive_levels, and that of the event."""
    inputs, context, judged = event.inputs, event.context, event.levels
    raw, guards = judged.raw, judged.guards
    assumed = {one.field for one in event.assumptions}
    levels = shapes.AdaptiveLevels(
        leverage=int(inputs.leverage) if inputs.leverage.is_integer() else inputs.leverage,
        volatility_factor=inputs.volatility,
        adaptive_levels=shapes.Levels(
            raw.tp1, raw.tp2, raw.tp3, raw.sl, raw.lsf_adjusted, raw.harvest, inputs.average_pnl
        ),
        ilf_metadata=shapes.IlfMetadata(
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
    short = shapes.LevelsComputed(
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


def refused(event: LevelsRefused, facts: Facts) -> shapes.LevelsRefused:
    """Return the payload of the event."""
    raw = event.levels.raw
    return shapes.LevelsRefused(
        refusal=str(raw.refusal), detail=wording.refusal(raw), floor=raw.floor, cap=raw.cap, **facts
    )


def _guards(report: GuardReport) -> tuple[Guard, ...]:
    """Return the findings in the order of the guards; what failed is worded anew, the rest is nearly always the same."""
    rest = _without_figures(report.passed, tuple(report.unknown.items()))
    if not report.failed:
        return tuple(rest.values())
    failed = {
        name: Guard(name, "failed", wording.failure(name, figures)) for name, figures in report.failed.items()
    }
    return tuple([failed.get(name) or rest[name] for name in GUARDS if name in failed or name in rest])


@lru_cache(maxsize=1024)
def _without_figures(passed: tuple[str, ...], unknown: tuple[tuple[str, str], ...]) -> dict[str, Guard]:
    report = GuardReport(passed, {}, dict(unknown))
    return {name: Guard(name, state, detail) for name, state, detail in wording.findings(report)}


def _trigger_prices(triggers: Triggers[Price] | None) -> shapes.TriggerPrices | None:
    if triggers is None:
        return None
    return shapes.TriggerPrices(
        _price(triggers.tp1), _price(triggers.tp2), _price(triggers.tp3), _price(triggers.sl)
    )


def _price(price: Price) -> str | float:
    return price if isinstance(price, float) else plain(price)
