"""The spellings of one instrument: what producers write for a perpetual of Binance, and what we call it.

A message has no other message to look at, so the table alone decides. What it does not name stays as it is written.
"""

import re
from dataclasses import dataclass

from exitbrain.domain.values import Assumption

QUOTES = ("USDT", "USDC")

PERPETUAL_SPELLINGS = (
    ("ETH/USDT:USDT", "ccxt"),
    ("ETHUSDT.P, BINANCE:ETHUSDT.P", "TradingView"),
    ("ETHUSDT-PERP, ETHUSDT_PERP, ETHUSDTPERP, ETHUSDT-PERP.BINANCE", "NautilusTrader and others"),
    ("ETH-USDT-SWAP, ETH-USDT-PERP, ETH_USDT_PERP, ETH-USDT-PERPETUAL", "OKX and others"),
)
SPOT_SPELLINGS = (
    ("ETH/USDT, ETH-USDT, ETH_USDT", "ccxt, OKX, Gate"),
    ("BINANCE:ETHUSDT, BINANCE:ETH/USDT", "TradingView"),
)

_BASE = r"(?P<base>[^\s/:.\-_]+?)"
_QUOTE = rf"(?P<quote>{'|'.join(QUOTES)})"
_FORMS = tuple(
    (re.compile(form, re.ASCII | re.IGNORECASE), is_spot)
    for form, is_spot in (
        (rf"(?:BINANCE:)?{_BASE}/{_QUOTE}:(?P=quote)", False),
        (rf"(?:BINANCE:)?{_BASE}[-_/]?{_QUOTE}(?:\.P|[-_]?PERP|[-_](?:PERPETUAL|SWAP))(?:\.BINANCE)?", False),
        (rf"BINANCE:{_BASE}[-_/]?{_QUOTE}", True),
        (rf"{_BASE}[-_/]{_QUOTE}", True),
    )
)


@dataclass(frozen=True, slots=True)
class Spelling:
    """The symbol that a text means; `doubts` says how it was written where that is not how we write it."""

    name: str
    spot: bool = False
    doubts: tuple[Assumption, ...] = ()


def spelling_of(text: str) -> Spelling:
    """Return what a trimmed symbol means; upper case when it is ASCII, as venues write theirs.

    Case does not count. USDT and USDC stay apart, and so do dated contracts, COIN-M contracts and other venues.
    """
    for form, is_spot in _FORMS:
        match = form.fullmatch(text)
        if match is not None:
            symbol = _upper(match["base"]) + match["quote"].upper()
            why = f"a {'spot' if is_spot else 'perpetual'} spelling of {symbol}"
            return Spelling(symbol, is_spot, (Assumption("symbol", text, why),))
    return Spelling(_upper(text))


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else text
