"""`exitbrain serve`: the worker, from its flags to its exit code."""

from exitbrain.infrastructure.cli.errors import CanNotGoOn, WrongUsage
from exitbrain.infrastructure.cli.store import collecting_seldom
from exitbrain.infrastructure.live.serving import ServeOptions, Unserved, serve
from exitbrain.infrastructure.redis.address import BadRedisUrl
from exitbrain.infrastructure.redis.connection import connect_for_blocking
from exitbrain.infrastructure.settings import ENV_FILE, load_settings


def run(
    *,
    store: str | None,
    redis: str | None,
    mode: str | None,
    policy: str | None,
    instruments: str | None,
    account: str | None,
    consumer: str | None,
    health: str | None,
    drain: bool,
    republish_from: int | None,
    begin_publishing_here: bool,
) -> None:
    """Serve with the settings in force; a flag wins over the environment."""
    settings = load_settings(
        env_file=ENV_FILE,
        store=store,
        redis=redis,
        mode=mode,
        policy=policy,
        instruments=instruments,
        account=account,
        consumer=consumer,
        health=health,
        drain=drain or None,
    )
    if settings.mode != "shadow":
        raise WrongUsage(f"mode {settings.mode} sends orders, which this version does not; it serves shadow")
    check_url(settings.redis)
    if republish_from is not None and republish_from < 1:
        raise WrongUsage(f"--republish-from is {republish_from}; allowed: a log position, 1 or more")
    if republish_from is not None and begin_publishing_here:
        raise WrongUsage(
            "--republish-from and --begin-publishing-here exclude each other; allowed: one of them"
        )
    try:
        with collecting_seldom():
            serve(settings, ServeOptions(republish_from, begin_publishing_here))
    except Unserved as error:
        raise CanNotGoOn(str(error)) from error


def check_url(url: str) -> None:
    """Refuse a URL that no client can be made for, before anything is opened."""
    try:
        _ = connect_for_blocking(url)
    except BadRedisUrl as error:
        raise WrongUsage(f"{error} (--redis, or setting REDIS)") from error
