"""The command `serve`: run the worker, from its flags to its exit code."""

from typing import Annotated

from typer import Option

from exitbrain.infrastructure.cli.errors import CanNotGoOn, WrongUsage
from exitbrain.infrastructure.cli.options import Account, PolicyOfNewStore, Redis, Store, flag, verbs
from exitbrain.infrastructure.cli.store import collecting_seldom
from exitbrain.infrastructure.redis.address import BadRedisUrl
from exitbrain.infrastructure.redis.connection import connect_for_blocking
from exitbrain.infrastructure.settings import ENV_FILE, load_settings

verb = verbs()


@verb.command(
    epilog="Example: exitbrain serve --redis redis://127.0.0.1:6379/0 --store sqlite:///exitbrain.db"
)
def serve(
    redis: Redis = None,
    store: Store = None,
    mode: Annotated[
        str | None, flag("MODE", 'What to do with plans. Only "shadow" (send no orders) exists so far.')
    ] = None,
    policy: PolicyOfNewStore = None,
    instruments: Annotated[str | None, flag("FILE", "Ticks, steps and brackets: a file, or binance.")] = None,
    account: Account = None,
    consumer: Annotated[
        str | None,
        flag("NAME", "Name of this worker; keep it the same across restarts. Default: the host name."),
    ] = None,
    health: Annotated[
        str | None, flag("HOST:PORT", "Address for health and metrics; default 127.0.0.1:9464.")
    ] = None,
    drain: Annotated[bool, Option("--drain", help="Record and decide; send no orders.")] = False,
    republish_from: Annotated[int | None, flag("N", "Publish the log again from this position on.")] = None,
    begin_publishing_here: Annotated[
        bool,
        Option(
            "--begin-publishing-here",
            help="Publish from the end of the log on, under a new epoch; for a restored store.",
        ),
    ] = False,
) -> None:
    """Serve with the settings in force; a flag wins over the environment."""
    from exitbrain.infrastructure.worker import serving  # noqa: PLC0415 - start-up

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
            serving.serve(settings, serving.ServeOptions(republish_from, begin_publishing_here))
    except serving.Unserved as error:
        raise CanNotGoOn(str(error)) from error


def check_url(url: str) -> None:
    """Refuse an unusable URL before anything is opened."""
    try:
        _ = connect_for_blocking(url)
    except BadRedisUrl as error:
        raise WrongUsage(f"{error} (--redis, or setting REDIS)") from error
