"""BinanceAccess: where the venue is, and who asks it."""

from dataclasses import dataclass, field

from exitbrain.infrastructure.settings import Settings, SettingsError


@dataclass(frozen=True, slots=True)
class BinanceAccess:
    """Without both keys only public calls can be made; they show in no text.

    `url` stands in for the venue's own address, up to but without `/fapi`.
    """

    api_key: str = field(default="", repr=False)
    api_secret: str = field(default="", repr=False)
    testnet: bool = False
    url: str | None = None
    timeout_s: float = 10.0

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
