"""BinanceAccess: the address and the keys for the venue."""

import re
from dataclasses import dataclass, field

from exitbrain.infrastructure.secrets import masked
from exitbrain.infrastructure.settings import Settings, SettingsError
from exitbrain.infrastructure.urls import parts_of

VENUE, TEST_NETWORK = "https://fapi.binance.com", "https://testnet.binancefuture.com"
"""The hosts of the venue, and the only ones that get a key unless a setting names another.

https://developers.binance.com/docs/derivatives/usds-margined-futures/general-info
"""

_LOOPBACK = re.compile(r"(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d{1,5})?")


@dataclass(frozen=True, slots=True)
class BinanceAccess:
    """Without both keys only public calls can be made; they show in no text.

    `url` stands in for the venue's own address, up to but without `/fapi`: https, or http on this machine. Raises
    SettingsError for any other.
    """

    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    testnet: bool = False
    url: str | None = None
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if self.url is not None:
            _check_url(self.url)

    @property
    def address(self) -> str:
        """Return where the venue is asked, up to but without `/fapi`."""
        own = TEST_NETWORK if self.testnet else VENUE
        return own if self.url is None else self.url.rstrip("/")

    @property
    def signs(self) -> bool:
        """Return whether signed calls can be made."""
        return bool(self.api_key and self.api_secret)


def binance_access(settings: Settings) -> BinanceAccess:
    """Return the access that the settings describe; raises SettingsError for half a pair of keys."""
    key, secret = (
        "" if each is None else each.get_secret_value()
        for each in (settings.binance_api_key, settings.binance_api_secret)
    )
    if bool(key) != bool(secret):
        raise SettingsError(
            f"setting BINANCE_API_{'KEY' if secret else 'SECRET'} is missing: both are needed, or none"
        )
    return BinanceAccess(key, secret, settings.binance_testnet, settings.binance_url or None)


def _check_url(url: str) -> None:
    parts = None if "\\" in url else parts_of(url)  # some readers take it for a slash
    scheme = "" if parts is None else parts.scheme.lower()
    place = "" if parts is None else parts.place
    of_this_machine = scheme == "http" and _LOOPBACK.fullmatch(place) is not None
    if parts is None or not place or parts.parameters or not (scheme == "https" or of_this_machine):
        raise SettingsError(
            f"setting BINANCE_URL is {masked(url)!r}; allowed: https://HOST, or http://127.0.0.1:PORT for a venue on this machine"
        )
