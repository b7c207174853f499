"""Detect paper trading by a flag or a mode, in a message or around it."""

import re
from collections.abc import Mapping

from exitbrain.domain.messages.receipt import Reason
from exitbrain.infrastructure.wire.flags import FLAG_ALLOWED, flag_of
from exitbrain.infrastructure.wire.reading import FieldReader, refused

PAPER_FLAGS = (
    "paper_trade", "paperTrade", "papertrade", "is_paper_trade", "isPaperTrade", "paper_trading", "paperTrading", "paper",
    "is_paper", "isPaper", "paper_mode", "paperMode", "simulated", "is_simulated", "isSimulated", "simulation",
    "is_simulation", "dry_run", "dryRun", "dryrun", "is_dry_run", "isDryRun", "demo", "is_demo", "isDemo",
)  # fmt: skip
MODE_NAMES = (
    "mode", "trading_mode", "tradingMode", "trade_mode", "tradeMode", "execution_mode", "executionMode", "run_mode",
    "runMode", "environment", "env", "account_type", "accountType", "trade_type", "tradeType",
)  # fmt: skip
PAPER_WORDS = (
    "paper", "paper trade", "paper trading", "paper account", "simulation", "simulated", "simulator", "sim", "dry run",
    "dry", "demo", "backtest", "backtesting", "virtual",
)  # fmt: skip
PAPER_NAMES = frozenset((*PAPER_FLAGS, *MODE_NAMES))

_WORDS = frozenset(word.replace(" ", "") for word in PAPER_WORDS)
_BETWEEN = re.compile(r"[\W_]+")


def is_paper(
    said: Mapping[str, object], around: Mapping[str, object], reading: FieldReader, *, lenient: bool
) -> bool:
    """Return whether a message is paper trading; refuse an unreadable mark, unless lenient."""
    marked = False
    for place in (said, around):
        if PAPER_NAMES.isdisjoint(place):
            continue
        for name in PAPER_FLAGS:
            if name in place:
                flag = flag_of(place[name])
                if flag is None and not lenient:
                    raise refused(Reason.BAD_VALUE, name, place[name], FLAG_ALLOWED)
                if flag is None:
                    reading.drop(name, place[name])
                marked = marked or flag is True
        marked = marked or any(_is_paper_word(place.get(name)) for name in MODE_NAMES)
    return marked


def _is_paper_word(given: object) -> bool:
    return isinstance(given, str) and _BETWEEN.sub("", given.lower()) in _WORDS
