"""The peer: what a user would write with the event sourcing library alone, following its documentation.

Aggregates with `@event`, the default JSON mapper, one `save` for each message. It does the same work: the same
messages give the same levels, which the benchmarks check.
"""

import json
import math
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

PlainLevels = tuple[float, float, float, float, float, tuple[float, float, float]]
"""TP1, TP2, TP3, SL, LSF and harvest: a plain tuple, since nothing is made faster."""


def plain_levels(
    leverage: float, volatility: float, base_tp: float = 1.0, base_sl: float = 0.5
) -> PlainLevels:
    """Compute lsf-3.5 in plain Python as policy v3.5 reads it, with the logarithm of the C library."""
    lev = max(leverage, 1.0)
    lsf = 1.0 / (1.0 + math.log(lev + 1.0))
    tp1 = max(base_tp * (0.6 + lsf), 0.003)
    tp2 = max(base_tp * (1.2 + lsf / 2.0), 0.003)
    tp3 = max(base_tp * (1.8 + lsf / 4.0), 0.003)
    sl = max(base_sl * (1.0 + (1.0 - lsf) * 0.8) * (1.0 + 0.2 * volatility), 0.0015)
    sl = min(max(sl, 0.001), 0.02)
    harvest = (0.3, 0.3, 0.4) if lev <= 10 else (0.4, 0.4, 0.2) if lev <= 30 else (0.5, 0.3, 0.2)
    return tp1, tp2, tp3, sl, lsf, harvest


class PlainReceipt(Aggregate):
    """One message and what became of it."""

    @event("Received")
    def __init__(self, entry: str, fields: dict[str, str], outcome: str):
        self.entry = entry
        self.fields = fields
        self.outcome = outcome

    @staticmethod
    def create_id(entry: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/receipt/{entry}")


class PlainPlan(Aggregate):
    """A position with its levels."""

    @event("Opened")
    def __init__(self, symbol: str):
        self.symbol = symbol
        self.inputs: dict[str, Any] = {"leverage": 1.0, "volatility_factor": 1.0}
        self.levels: dict[str, Any] = {}
        self.side = ""

    @staticmethod
    def create_id(symbol: str) -> UUID:
        return uuid5(NAMESPACE_URL, f"/plan/{symbol}")

    @event("LevelsComputed")
    def compute(
        self, side: str, inputs: dict[str, Any], levels: dict[str, Any], triggers: dict[str, float]
    ) -> None:
        self.side = side
        self.inputs = inputs
        self.levels = levels

    @event("Reduced")
    def reduce(self, entry: str) -> None:
        pass

    @event("Closed")
    def close(self, pnl_percent: float) -> None:
        self.side = ""


class PlainApplication(Application[UUID]):
    """Take messages one by one."""

    name = "plain"

    def __init__(self, env: dict[str, str]) -> None:
        super().__init__(env)
        self.plans: dict[str, PlainPlan] = {}

    def take(self, line: bytes) -> float | None:
        """Record one message; return its TP1 where it led to levels."""
        message = json.loads(line)
        fields = message["fields"]
        payload = json.loads(fields["payload"]) if "payload" in fields else fields
        symbol = payload["symbol"]
        plan = self.plans.get(symbol)
        if plan is None:
            plan = self.plans[symbol] = PlainPlan(symbol=symbol)
        tp1 = self._apply(plan, payload, message["stream_id"])
        receipt = PlainReceipt(entry=message["stream_id"], fields=fields, outcome="ACCEPTED")
        self.save(receipt, plan)
        return tp1

    def _apply(self, plan: PlainPlan, payload: dict[str, Any], entry: str) -> float | None:
        if "pnl_percent" in payload:
            plan.close(pnl_percent=float(payload["pnl_percent"]))
            return None
        if payload.get("reduce_only"):
            plan.reduce(entry=entry)
            return None
        if payload["side"] == "HOLD":
            return None
        tp1, tp2, tp3, sl, lsf, _ = plain_levels(float(payload["leverage"]), payload["volatility_factor"])
        price, direction = payload["entry_price"], 1 if payload["side"] == "BUY" else -1
        triggers = {
            "tp1": price * (1 + direction * tp1 / 100),
            "tp2": price * (1 + direction * tp2 / 100),
            "tp3": price * (1 + direction * tp3 / 100),
            "sl": price * (1 - direction * sl / 100),
        }
        levels = {"tp1": tp1, "tp2": tp2, "tp3": tp3, "sl": sl, "lsf": lsf}
        plan.compute(side=payload["side"], inputs=payload, levels=levels, triggers=triggers)
        return tp1
