"""Build decision columns from stored bytes, a part that fits into memory at a time."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from exitbrain.application.ports.exit_ledger import UnreadableEvent
from exitbrain.application.ports.raw_log import RawRow
from exitbrain.domain.catalogue import DECISION_TOPICS
from exitbrain.domain.levels.levels import REFUSALS, LevelInputs
from exitbrain.domain.plans.decision import DecisionContext, JudgedLevels
from exitbrain.domain.plans.exit_plan import LevelsRefused
from exitbrain.domain.policies.policy import PolicyRef
from exitbrain.domain.values import EPOCH, TimeOrigin
from exitbrain.infrastructure.event_store.decisions import StoredDecision
from exitbrain.infrastructure.event_store.mapper import MAPPER
from exitbrain.infrastructure.lab.decision_columns import (
    INPUTS,
    OUTPUTS,
    PLAN_ID,
    SCHEMA,
    TEXTS,
    Coded,
    DecisionColumns,
)
from exitbrain.infrastructure.lab.judgement import digests_of, guard_states, words_of

_CODES = {refusal: code for code, refusal in REFUSALS.items()}
_EXACT_US = 1 << 53
"""Above this (285 years), a double no longer holds a time difference to the microsecond."""


class _Stored(StoredDecision, kw_only=True, gc=False):
    account: str
    outcome: JudgedLevels = msgspec.field(name="levels")


_decode = msgspec.json.Decoder(_Stored).decode


def columns_of(rows: Iterable[RawRow]) -> DecisionColumns:
    """Return the columns of the stored decisions, all in memory."""
    heads = {topic: MAPPER.head_of(topic) for topic in DECISION_TOPICS}
    building = _Building()
    for position, stream, _, topic, state in rows:
        try:
            if state.startswith(heads[topic]):
                decision = _decode(state)
                decision.state = state
                regular = decision.equals(decision.outcome)
                context: Any = decision.context
                building.add(position, stream, topic, decision, context, decision.outcome, regular=regular)
            else:
                event = MAPPER.to_domain_event(position, topic, state)
                building.add(position, stream, topic, event, event.context, event.levels, regular=False)
        # Replay reports what is wrong with it. Odd times raise TypeError or OverflowError, endless brackets
        # RecursionError.
        except (msgspec.MsgspecError, UnreadableEvent, ValueError, TypeError, OverflowError, RecursionError):
            building.add_unreadable(position)
    return building.columns()


def microseconds(at: datetime) -> int:
    """Return a time as microseconds since 1970, exactly."""
    since = at - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class _Texts:
    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._rows: list[int] = []

    def add(self, text: str | None) -> None:
        self._rows.append(-1 if text is None else self._codes.setdefault(text, len(self._codes)))

    def coded(self) -> Coded:
        return Coded(np.array(self._rows, dtype=np.int32), tuple(self._codes))


class _Building:
    """Collect rows: texts, whole numbers and doubles apart."""

    def __init__(self) -> None:
        self._texts = {name: _Texts() for name in TEXTS}
        self._plan_ids: list[bytes] = []
        self._words: list[bytes] = []
        self._whole: list[tuple[int, ...]] = []
        self._doubles: list[tuple[float, ...]] = []

    def add(
        self,
        position: int,
        stream: str,
        topic: str,
        decision: Any,
        context: DecisionContext,
        levels: JudgedLevels,
        *,
        regular: bool,
    ) -> None:
        inputs: LevelInputs = decision.inputs
        occurred, recorded = microseconds(context.occurred_at), microseconds(context.recorded_at)
        states, words = guard_states(levels.guards), words_of(levels)
        refusal = 0 if levels.raw.refusal is None else _CODES.get(levels.raw.refusal, -1)
        in_columns = words is not None and states is not None and refusal >= 0
        whole = (
            position,
            decision.revision,
            True,
            topic == LevelsRefused.TOPIC,
            regular and in_columns and abs(recorded - occurred) < _EXACT_US,
            occurred,
            recorded,
            context.time_origin is not TimeOrigin.RECORDED_AT,
            inputs.leverage_assumed,
            refusal,
            -1 if states is None else states,
        )
        doubles = _doubles_of(context.max_intent_age_s, inputs, levels)
        self._keep(UUID(stream).bytes, words or b"", whole, doubles, _texts_of(decision, context.snapshot))

    def add_unreadable(self, position: int) -> None:
        """Add a row for an unreadable decision."""
        whole = (position, 0, *[False] * 3, 0, 0, *[False] * 2, 0, 0)
        self._keep(bytes(16), b"", whole, _NO_DOUBLES, (None,) * len(TEXTS))

    def columns(self) -> DecisionColumns:
        whole = list(zip(*self._whole, strict=True)) or [()] * len(_WHOLE)
        doubles = np.array(self._doubles, dtype=np.float64).reshape(-1, len(_DOUBLES))
        columns: dict[str, Any] = {
            name: np.array(values, dtype=SCHEMA.field(name).type.to_pandas_dtype())
            for name, values in zip(_WHOLE, whole, strict=True)
        }
        for place, name in enumerate(_DOUBLES):
            columns[name] = np.ascontiguousarray(doubles[:, place])
        columns.update({name: texts.coded() for name, texts in self._texts.items()})
        plan_ids = np.frombuffer(b"".join(self._plan_ids), PLAN_ID)
        return DecisionColumns(plan_id=plan_ids, judgement=digests_of(self._words), **columns)

    def _keep(
        self,
        plan_id: bytes,
        words: bytes,
        whole: tuple[int, ...],
        doubles: tuple[float, ...],
        texts: tuple[str | None, ...],
    ) -> None:
        self._plan_ids.append(plan_id)
        self._words.append(words)
        self._whole.append(whole)
        self._doubles.append(doubles)
        for name, text in zip(TEXTS, texts, strict=True):
            self._texts[name].add(text)


_WHOLE = (
    "log_position",
    "revision",
    "readable",
    "refused",
    "regular",
    "occurred_at_us",
    "recorded_at_us",
    "time_known",
    "leverage_assumed",
    "refusal",
    "guard_states",
)
_DOUBLES = (
    "max_intent_age_s",
    "direction",
    *INPUTS,
    "entry_price",
    "quantity",
    *OUTPUTS,
    "harvest1",
    "harvest2",
    "harvest3",
    "floor",
    "cap",
)
_NO_DOUBLES = (float("nan"),) * len(_DOUBLES)


def _doubles_of(max_age_s: float, x: LevelInputs, levels: JudgedLevels) -> tuple[float, ...]:
    raw = levels.raw
    return (
        max_age_s,
        float(x.side.direction),
        x.leverage,
        x.volatility,
        x.funding,
        x.divergence,
        x.confidence,
        x.average_pnl,
        x.base_tp,
        x.base_sl,
        x.fee_bps,
        x.slippage_bps,
        _double_of(x.entry_price),
        _double_of(x.quantity),
        raw.lsf,
        raw.pnl_factor,
        raw.lsf_adjusted,
        raw.tp1,
        raw.tp2,
        raw.tp3,
        raw.sl,
        *raw.harvest,
        raw.floor,
        raw.cap,
    )


def _texts_of(decision: Any, snapshot: str | None) -> tuple[str | None, ...]:
    policy: PolicyRef = decision.policy
    entry_price, quantity = decision.inputs.entry_price, decision.inputs.quantity
    return (
        decision.account,
        decision.symbol,
        policy.name,
        policy.parameters_hash,
        policy.fingerprint,
        snapshot,
        None if entry_price is None else str(entry_price),
        None if quantity is None else str(quantity),
    )


def _double_of(value: Decimal | None) -> float:
    return float("nan") if value is None else float(value)
