"""The settings that decisions read, and the event that records them, so that a replay uses the same ones."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from exitbrain.domain.events import About, Event


class DecisionSettings(Struct, frozen=True):
    """The settings a decision reads: account alias, age in seconds, fee and slippage in basis points.

    `dedupe_by` names the field (`trace_id`, `event_id` or `correlation_id`) that identifies a producer's
    messages; a second message with the same value is ignored. None: only entry ids count. `flat` says what a
    bare FLAT does, `spot_names` whether a spot spelling of a symbol means its perpetual, `paper` whether
    paper trading messages get an account of their own or are ignored. `report_window_s` is how many seconds a
    report may come after an intent ended its position. Ids and times more than `max_clock_ahead_s` ahead of
    the clock are not believed.
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
    """The settings of an intake and the build that reads them, recorded when either changes.

    A receipt holds the version of the configuration that was in force.
    """

    TOPIC = "exitbrain.IntakeConfigured"
    LABEL = "intake configured"
    ABOUT = About.STORE

    build: str
    settings: DecisionSettings
    recorded_at: datetime
