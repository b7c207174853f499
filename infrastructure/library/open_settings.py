"""The settings that `open` takes as keywords, for type checkers; `settings.py` describes them."""

from pathlib import Path
from typing import Literal, TypedDict

from exitbrain.application.ports.instruments import Instruments


class OpenSettings(TypedDict, total=False):
    """The settings of `ExitBrain.open` other than the store, each by its name in lower case; None counts as not given.

    The page of settings in the manual has their meaning and defaults. `instruments` also takes instruments of
    your own.
    """

    mirror: Path | None
    index: Path | None
    redis: str
    account: str
    mode: Literal["shadow", "paper", "testnet", "live"]
    policy: str | None
    max_intent_age_s: float
    fee_bps: float
    slippage_bps: float
    dedupe_by: Literal["trace_id", "event_id", "correlation_id"] | None
    flat: Literal["ignore", "close"]
    spot_names: Literal["accept", "refuse"]
    paper: Literal["separate", "ignore"]
    report_window_s: float
    max_clock_ahead_s: float
    max_message_bytes: int
    max_file_bytes: int
    max_file_rows: int
    max_unpack_ratio: int
    instruments: Literal["binance"] | Path | Instruments | None
    instruments_beside: Path | None
    reasons: Path | None
    binance_api_key: str | None
    binance_api_secret: str | None
    binance_testnet: bool
    binance_url: str | None
    consumer: str | None
    group: str
    stream_prefix: str
    group_start: str
    reclaim_idle_s: float
    reap_idle_s: float
    give_up_after_s: float
    drain: bool
    health: str
    health_token: str | None
    log_level: Literal["debug", "info", "warning"]
    log_form: Literal["auto", "json", "text"]
