"""Recorded decisions made of any inputs, as the store holds them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID

from exitbrain.application.ports.level_engine import BUILT_IN
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.domain.events import Record
from exitbrain.domain.levels.instrument import Instrument
from exitbrain.domain.levels.levels import LevelInputs, WindowReading
from exitbrain.domain.plans.decision import DecisionContext, judge_levels
from exitbrain.domain.plans.exit_plan import Decision, LevelsComputed, LevelsRefused
from exitbrain.domain.policies.fingerprint import fingerprint
from exitbrain.domain.policies.policy import Policy, PolicyRef
from exitbrain.domain.values import Cause, Origin, TimeOrigin, changed
from exitbrain.infrastructure.engines.builtin import BuiltInFormulas
from exitbrain.infrastructure.event_store.mapper import MAPPER
from tests.property.level_inputs import random_inputs

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def decided(
    policy: Policy,
    inputs: LevelInputs,
    instrument: Instrument | None = None,
    *,
    revision: int = 1,
    age_s: float | None = 1.0,
) -> Decision:
    """Return what is recorded when a policy decides on inputs; an age of None is one that is not known."""
    recorded_at = NOON + timedelta(seconds=revision)
    occurred_at = recorded_at if age_s is None else recorded_at - timedelta(seconds=age_s)
    context = DecisionContext(
        occurred_at=occurred_at,
        time_origin=TimeOrigin.RECORDED_AT if age_s is None else TimeOrigin.PAYLOAD,
        recorded_at=recorded_at,
        origin=Origin.IMPORT,
        position_version=1,
        register_version=1,
        window=WindowReading(0, 0, 0),
        snapshot=None if instrument is None else instrument.content_hash,
        max_intent_age_s=300.0,
        order_id="",
        atr_value=None,
        regime=None,
    )
    raw = BuiltInFormulas().compute(policy, inputs, () if instrument is None else instrument.brackets)
    kind = LevelsComputed if raw.refusal is None else LevelsRefused
    return kind(
        revision,
        inputs.quantity,
        raw.harvest if raw.refusal is None else None,
        Cause.INTENT,
        (),
        UUID(int=1),
        "default",
        "BTCUSDT" if instrument is None else instrument.symbol,
        PolicyRef(policy.name, policy.parameters_hash, fingerprint(policy)),
        BUILT_IN,
        inputs,
        context,
        (),
        judge_levels(policy.unit, inputs, raw, instrument, context.freshness),
    )


def harvesting(*shares: float) -> dict[str, float]:
    """Return the parameters of a harvest scheme, the same at every leverage."""
    numbered = list(enumerate(shares, start=1))
    return {f"harvest{target}_{at}": share for at in ("low", "middle", "high") for target, share in numbered}


def random_decisions(
    policy: Policy, instruments: Sequence[Instrument | None], *, seed: int, count: int
) -> Iterator[Decision]:
    """Yield decisions on random inputs, fresh and stale, priced and not, of all the instruments."""
    chance = Random(seed)
    for number, inputs in enumerate(random_inputs(policy, seed=seed, count=count), start=1):
        given = changed(inputs, leverage_assumed=chance.random() < 0.1)
        if given.entry_price is None and chance.random() < 0.3:
            given = changed(given, quantity=Decimal("0.5"))
        age_s = chance.choice((None, 0.0, 12.5, 300.0, 300.000001, -1e6, chance.uniform(-400.0, 400.0)))
        yield decided(policy, given, chance.choice(instruments), revision=number, age_s=age_s)


def stored(decisions: Iterable[Decision]) -> Iterator[RawRow]:
    """Yield decisions as a store holds them, one log position each."""
    for position, decision in enumerate(decisions, start=1):
        event = MAPPER.to_stored_event(Record(UUID(int=position), 0, decision))
        yield position, UUID(int=position).hex, 0, event.topic, event.state
