"""The settings that a decision reads, and the event that keeps them: a replay decides with what was in force."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from exitbrain.domain.events import About, Event


class DecisionSettings(Struct, frozen=True):
    """The settings a decision reads: account alias, age in seconds, fee and slippage in basis points.

    `dedupe_by` names the field (`trace_id`, `event_id` or `correlation_id`) whose value tells a producer's messages
    apart; a second message with a used value is ignored. None: only entry ids count. `flat` says what a bare FLAT does,
    `spot_names` whether a spot spelling of a symbol means its perpetual, `paper` what becomes of messages marked as
    paper trading: an account of their own, or nothing. `report_window_s` is how long after the end of a position by an
    intent its report is expected. Ids and times further than `max_clock_ahead_s` ahead of the clock are not believed.
    """

    account: str = "default"
    max_intent_age_s: float = 300.0
    fee_bps: float = 5.0
    slippage_bps: float = 0.0
    dedupe_by: str | None = None
    flat: Literal["ignore", "close"] = "ignore"
    spot_names: Literal["accept", "refuse"] = "accept"
    paper: Literal["separate", "ignore"] = "separate"
    report_window_s: float = 120.0
    max_clock_ahead_s: float = 300.0


class IntakeConfigured(Event, frozen=True):
    """The settings of an intake, and the build that reads them, where they differ from those before.

    A receipt names by its version the configuration under which it was decided.
    """

    TOPIC = "exitbrain.IntakeConfigured"
    LABEL = "intake configured"
    ABOUT = About.STORE

    build: str
    settings: DecisionSettings
    recorded_at: datetime
