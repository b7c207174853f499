"""The settings: what is passed, else environment variables `EXITBRAIN_*`, else secret files, else a file of variables.

The caller names the file of variables. `EXITBRAIN_SECRETS` names the folder of secret files, one for each setting
(`exitbrain_redis`), as containers are given them. What is empty counts as absent.
"""

import os
from difflib import get_close_matches
from pathlib import Path
from socket import gethostname
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from exitbrain.domain.errors import SHOWN_MAX
from exitbrain.domain.messages.configuration import DecisionSettings
from exitbrain.infrastructure.files.limits import DEFAULT_LIMITS, FileLimits
from exitbrain.infrastructure.secrets import OF_THIS_PROCESS
from exitbrain.infrastructure.setting_files import PREFIX, EnvFile, check_file, secret_file, secret_files
from exitbrain.infrastructure.setting_files import SettingsError as SettingsError  # noqa: PLC0414 - also from here
from exitbrain.infrastructure.wire.incoming import DEFAULT_PREFIX, STREAM_ID_ALLOWED, STREAM_ID_END
from exitbrain.infrastructure.wire.scalars import account_of
from exitbrain.infrastructure.wire.stream_names import DEFAULT_GROUP, Names

ENV_FILE = Path(".env")
"""What the command line reads in the working folder; a library reads no file that it was not told of."""

_SQLITE = "sqlite:///"
_NAME = r"^[^\s{}\p{Cc}]{1,64}$"
"""What a name of keys may be: braces would move it to another slot of a cluster."""

_NOT_SETTINGS = ("DEBUG", "TEST_", "SECRETS")

SECRETS = ("binance_api_key", "binance_api_secret", "health_token")


class Settings(BaseSettings):
    """Everything that can be set, with its default."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,  # how a compose file says "not set"
        extra="ignore",
        frozen=True,
    )

    store: str = Field("sqlite:///exitbrain.db", repr=False, description="where decisions are kept")
    mirror: Path | None = Field(
        None, description="folder of the columnar mirror; None: beside an SQLite store, PATH.mirror"
    )
    index: Path | None = Field(
        None, description="file of the index for look-ups; None: beside an SQLite store, PATH.index"
    )
    redis: str = Field("redis://127.0.0.1:6379/0", repr=False, description="where the streams are")
    account: Annotated[str, AfterValidator(account_of)] = Field(
        "default", description="alias of messages that name none"
    )
    mode: Literal["shadow", "paper", "testnet", "live"] = Field(
        "shadow", description="what is done with plans"
    )
    policy: str | None = Field(None, min_length=1, description="policy in force in a new store; None: v3.5")
    max_intent_age_s: float = Field(
        300.0, gt=0, le=1e9, description="age in seconds above which an intent is stale"
    )
    fee_bps: float = Field(5.0, ge=0, lt=10_000, description="fee per side in basis points")
    slippage_bps: float = Field(0.0, ge=0, lt=10_000, description="slippage per market exit in basis points")
    dedupe_by: Literal["trace_id", "event_id", "correlation_id"] | None = Field(
        None, description="field by which a producer that resends tells its messages apart"
    )
    flat: Literal["ignore", "close"] = Field("ignore", description="what a bare FLAT does to a held position")
    spot_names: Literal["accept", "refuse"] = Field(
        "accept", description="whether a spot spelling such as ETH/USDT means the perpetual"
    )
    paper: Literal["separate", "ignore"] = Field(
        "separate", description="messages marked as paper: kept in the account ACCOUNT.paper, or ignored"
    )
    report_window_s: float = Field(
        120.0,
        ge=0,
        le=86_400,
        description="seconds after the end of a position in which its report is expected",
    )
    max_clock_ahead_s: float = Field(
        300.0,
        ge=1,
        le=86_400,
        description="seconds ahead of the clock beyond which an entry id or a time is not believed",
    )
    max_message_bytes: int = Field(65_536, ge=256, le=131_072, description="size cap of one message")
    max_file_bytes: int = Field(
        DEFAULT_LIMITS.max_bytes,
        ge=1024,
        le=2**50,
        description="most bytes that are read of one file, unpacked",
    )
    max_file_rows: int = Field(
        DEFAULT_LIMITS.max_rows, ge=1, le=2**40, description="most rows or lines that are read of one file"
    )
    max_unpack_ratio: int = Field(
        DEFAULT_LIMITS.max_ratio,
        ge=1,
        le=1_000_000,
        description="most bytes that one byte of a packed file may unpack to; never asked below 16 MiB",
    )
    instruments: Literal["binance"] | Path | None = Field(
        None, description="file with ticks, steps and leverage brackets, or the word binance"
    )
    instruments_beside: Path | None = Field(
        None, description="file asked for what Binance does not tell, such as brackets without keys"
    )
    reasons: Path | None = Field(
        None, description="file that says which reasons of closes the exits, the trader or the venue give"
    )
    binance_api_key: SecretStr | None = Field(None, description="key of the account at the venue")
    binance_api_secret: SecretStr | None = Field(None, description="its secret")
    binance_testnet: bool = Field(False, description="ask the venue's test network")
    binance_url: str | None = Field(
        None, repr=False, description="address that stands in for the venue's own"
    )

    consumer: str | None = Field(
        None,
        min_length=1,
        max_length=128,
        description="name of this worker, the same over restarts; None: the host's",
    )
    group: str = Field(
        DEFAULT_GROUP,
        pattern=_NAME,
        description="name of the workers that share one store; each group reads every message",
    )
    stream_prefix: str = Field(
        DEFAULT_PREFIX, pattern=_NAME, description="what the names of all streams and keys begin with"
    )
    group_start: str = Field(
        "0",
        pattern=r"^(\$|[0-9]{1,20}(-[0-9]{1,20})?)$",
        description="entry id after which a new consumer group begins",
    )
    reclaim_idle_s: float = Field(
        60.0,
        ge=1,
        le=1e9,
        description="seconds after which an entry that was not acknowledged is delivered again",
    )
    reap_idle_s: float = Field(
        3600.0, ge=1, le=1e9, description="seconds after which an idle, empty consumer is removed"
    )
    give_up_after_s: float = Field(
        60.0, ge=1, le=1e9, description="seconds without success after which a worker ends"
    )
    drain: bool = Field(False, description="record and decide, and execute nothing")
    health: str = Field("127.0.0.1:9464", description="HOST:PORT of health and metrics")
    health_token: SecretStr | None = Field(
        None, min_length=16, description="what a request for health from another machine must carry"
    )
    log_level: Literal["debug", "info", "warning"] = Field("info", description="least level that is logged")
    log_form: Literal["auto", "json", "text"] = Field(
        "auto", description="form of the log; auto: text on a terminal"
    )

    @field_validator("group_start")
    @classmethod
    def _check_is_an_entry_id(cls, text: str) -> str:
        if text != "$" and any(int(part) >= STREAM_ID_END for part in text.split("-")):
            raise PydanticCustomError("entry_id", f"should be $ or {STREAM_ID_ALLOWED}")
        return text

    def model_post_init(self, _context: Any) -> None:
        """Hide the secrets in everything that this process shows."""
        for url in (self.store, self.redis, self.binance_url):
            OF_THIS_PROCESS.learn_url(url)
        for name in SECRETS:
            secret = getattr(self, name)
            OF_THIS_PROCESS.learn("" if secret is None else secret.get_secret_value())

    @property
    def mirror_folder(self) -> Path | None:
        """Return where the columnar mirror of the store is, None where nothing says so."""
        if self.mirror is None and self.store.startswith(_SQLITE):
            return Path(f"{self.store.removeprefix(_SQLITE)}.mirror")
        return self.mirror

    @property
    def index_file(self) -> Path | None:
        """Return where the index of the store is, None where it is made in memory."""
        if self.index is None and self.store.startswith(_SQLITE):
            return Path(f"{self.store.removeprefix(_SQLITE)}.index")
        return self.index

    @property
    def consumer_name(self) -> str:
        """Return the name under which this worker reads streams."""
        return self.consumer or gethostname()

    @property
    def names(self) -> Names:
        """Return the names of streams, groups and keys."""
        return Names(self.stream_prefix, self.group)

    @property
    def served_mode(self) -> str:
        """Return what a worker does with plans, as health and metrics name it."""
        return "drain" if self.drain else self.mode

    @property
    def instruments_file(self) -> Path | None:
        """Return the file that tells of instruments, all that a command knows that does not ask the venue."""
        return self.instruments_beside if self.instruments == "binance" else self.instruments

    @property
    def file_limits(self) -> FileLimits:
        """Return how much is read of one file."""
        return FileLimits(self.max_file_bytes, self.max_file_rows, self.max_unpack_ratio)

    @property
    def decisions(self) -> DecisionSettings:
        """Return the part that a decision reads."""
        return DecisionSettings(
            account=self.account,
            max_intent_age_s=self.max_intent_age_s,
            fee_bps=self.fee_bps,
            slippage_bps=self.slippage_bps,
            dedupe_by=self.dedupe_by,
            flat=self.flat,
            spot_names=self.spot_names,
            paper=self.paper,
            report_window_s=self.report_window_s,
            max_clock_ahead_s=self.max_clock_ahead_s,
        )


def load_settings(*, env_file: Path | None = None, **given: Any) -> Settings:
    """Return the settings in force; a given value that is not None wins. Raises SettingsError.

    `env_file` is read beneath the environment and the secret files; it may be absent. It must not say whose code runs,
    nor where credentials go.
    """
    passed = {name: value for name, value in given.items() if value is not None}
    above = secret_files(Settings.model_fields) | EnvSettingsSource(Settings)() | passed
    of_file = {} if env_file is None else EnvFile(Settings, env_file)()
    if env_file is not None:
        check_file(env_file, {name: value for name, value in of_file.items() if name not in above})
    try:
        return Settings(**of_file | above)
    except ValidationError as error:
        first = error.errors()[0]
        field = "_".join(str(part) for part in first["loc"])
        value = "***" if field in SECRETS else _shown(first.get("input"))
        allowed = first["msg"][0].lower() + first["msg"][1:]
        raise SettingsError(f"setting {field.upper()} is {value}: {allowed}") from error


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN_MAX else f"{text[:SHOWN_MAX]}…"


def sources_of(*, env_file: Path | None = None, **given: Any) -> dict[str, str]:
    """Return, for each setting in force that is no default, where `load_settings` takes it from."""
    passed = {name for name, value in given.items() if value is not None}
    of_environment, of_secrets = EnvSettingsSource(Settings)(), secret_files(Settings.model_fields)
    of_file = {} if env_file is None else EnvFile(Settings, env_file)()
    found: dict[str, str] = {}
    for name in Settings.model_fields:
        if name in passed:
            found[name] = f"flag --{name}"
        elif name in of_environment:
            found[name] = "environment"
        elif name in of_secrets:
            found[name] = f"secret file {secret_file(name)}"
        elif name in of_file:
            found[name] = f"file {(env_file or ENV_FILE).absolute()}"
    return found


def unknown_settings(env_file: Path) -> dict[str, str]:
    """Return each variable, of the environment or a file, that is named like a setting and is none.

    The value is the setting whose name is nearest, empty where none is near.
    """
    known = [name.upper() for name in Settings.model_fields]
    given = sorted({name.upper() for name in (*os.environ, *EnvFile(Settings, env_file).env_vars)})
    return {
        f"{PREFIX}{name}": next((f"{PREFIX}{like}" for like in get_close_matches(name, known, n=1)), "")
        for name in [one.removeprefix(PREFIX) for one in given if one.startswith(PREFIX)]
        if name not in known and not name.startswith(_NOT_SETTINGS)
    }
