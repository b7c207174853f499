"""The users of `deploy/redis/users.acl`, on a real server: who writes to the bus cannot touch what a worker relies on."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError

from exitbrain.infrastructure.redis.rehearsal import rehearse
from tests.architecture.source import ROOT
from tests.attacks.attacked import attacked, exitbrain
from tests.event_loop import in_event_loop
from tests.integration.test_redis_rights import ITEMS
from tests.integration.test_serve import EVENTS, INTENTS, LEVELS, LONG, Served, settled
from tests.names import LEASE, NAMES
from tests.own_time import wait_until
from tests.servers import REDIS_KINDS, RedisServer

pytestmark = pytest.mark.integration

PUBLISHED = "{quantum:stream:exitbrain.events}:published"
USERS = (ROOT / "deploy" / "redis" / "users.acl").read_text().splitlines()


class Deployed:
    """A server with the users that `deploy/make-secrets` makes, and the passwords of these."""

    def __init__(self, folder: Path, kind: str) -> None:
        shutil.copytree(ROOT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
        self.script = folder / "deploy" / "make-secrets"
        self.secrets = folder / "deploy" / "secrets"
        subprocess.run([self.script], check=True, capture_output=True)
        self.server = RedisServer(kind, "--aclfile", str(self.secrets / "users.acl"))

    def url(self, user: str) -> str:
        password = (self.secrets / f"redis_{user}").read_text()
        return self.server.url.replace("unix://", f"unix://{user}:{password}@")

    def client(self, user: str) -> Any:
        return redis.Redis.from_url(self.url(user), decode_responses=True)


@pytest.fixture(params=REDIS_KINDS)
def deployed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Deployed]:
    made = Deployed(tmp_path, request.param)
    yield made
    made.server.stop()


@pytest.mark.parametrize("deployed", ["current"], indirect=True)
def test_a_worker_that_is_given_secret_files_reads_decides_and_publishes(
    deployed: Deployed, tmp_path: Path
) -> None:
    secrets = tmp_path / "run-secrets"
    secrets.mkdir()
    (secrets / "exitbrain_redis").write_text(deployed.url("exitbrain") + "\n")
    (secrets / "exitbrain_store").write_text(f"sqlite:///{tmp_path / 'live.db'}")
    (secrets / "exitbrain_binance_api_key").write_text("")
    environment = {"EXITBRAIN_SECRETS": str(secrets), "EXITBRAIN_LOG_FORM": "json"}
    producer, operator = deployed.client("producer"), deployed.client("operator")
    producer.xadd(INTENTS, {name: str(value) for name, value in LONG.items()})
    worker = Served(tmp_path, "", "", **environment)
    try:
        settled(operator, worker, INTENTS, 1)
        reader = deployed.client("reader")
        wait_until(lambda: bool(reader.xread({LEVELS: "0"})), lambda: worker.log.read_text()[-2000:])
        password = (deployed.secrets / "redis_exitbrain").read_text()
        asked = attacked(*exitbrain("doctor"), cwd=tmp_path, env={**os.environ, **environment})
    finally:
        worker.stop()
    assert password not in worker.log.read_text() + asked.out + asked.err
    assert asked.code == 0, asked.out


@in_event_loop
async def test_a_worker_has_the_rights_of_the_page_and_no_more(deployed: Deployed) -> None:
    await rehearse(deployed.url("exitbrain"), NAMES)

    [rule] = [line.split() for line in USERS if line.startswith("user exitbrain ")]
    assert sorted(item for item in rule if item[0] in "~+%&") == sorted(ITEMS)


def test_nobody_comes_in_without_a_password_or_with_anothers(deployed: Deployed) -> None:
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(deployed.server.url).get(LEASE)
    for user in ("exitbrain", "producer", "reader", "operator", "default"):
        wrong = deployed.server.url.replace("unix://", f"unix://{user}:{'0' * 32}@")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(wrong).ping()
    health = redis.Redis.from_url(deployed.server.url.replace("unix://", "unix://health:x@"))
    assert health.ping()
    with pytest.raises(NoPermissionError):
        health.get(LEASE)


@pytest.mark.parametrize("user", ["producer", "reader"])
def test_who_writes_or_reads_the_bus_can_not_touch_what_a_worker_relies_on(
    deployed: Deployed, user: str
) -> None:
    operator, hostile = deployed.client("operator"), deployed.client(user)
    operator.set(LEASE, "worker-a", px=60_000)
    operator.set(PUBLISHED, "1")
    operator.xadd(EVENTS, {"a": "b"})
    operator.xadd(INTENTS, {"a": "b"})
    attacks = [
        *(
            ["SET", key, "mine"]
            for key in (LEASE, f"{LEASE}:store", PUBLISHED, "{" + INTENTS + "}:exitbrain:store")
        ),
        *(["DEL", key] for key in (LEASE, PUBLISHED, EVENTS, INTENTS)),
        ["PERSIST", LEASE],
        *(["XADD", stream, "*", "a", "b"] for stream in (EVENTS, LEVELS, "quantum:dlq:trade.intent")),
        *(["XTRIM", stream, "MAXLEN", "0"] for stream in (EVENTS, INTENTS)),
        ["XGROUP", "CREATE", INTENTS, "exitbrain", "$"],
        ["XGROUP", "DESTROY", INTENTS, "exitbrain"],
        ["XREADGROUP", "GROUP", "exitbrain", "me", "STREAMS", INTENTS, ">"],
        ["XACK", INTENTS, "exitbrain", "0-1"],
        ["EVAL", "return redis.call('set', KEYS[1], 'mine')", "1", LEASE],
        *(["CONFIG", "SET", "maxmemory", "1"], ["FLUSHALL"], ["ACL", "LIST"], ["KEYS", "*"], ["SHUTDOWN"]),
    ]
    for attack in attacks:
        with pytest.raises(NoPermissionError):
            hostile.execute_command(*attack)
    assert (operator.get(LEASE), operator.get(PUBLISHED), operator.xlen(EVENTS)) == ("worker-a", "1", 1)


def test_secrets_that_are_made_again_stay_and_let_nobody_else_on_this_machine_in(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy", tmp_path / "deploy", ignore=shutil.ignore_patterns("secrets"))
    made = []
    for _ in range(2):
        subprocess.run([tmp_path / "deploy" / "make-secrets"], check=True, capture_output=True)
        made.append({path.name: path.read_text() for path in (tmp_path / "deploy" / "secrets").iterdir()})

    assert made[0] == made[1]
    assert (tmp_path / "deploy" / "secrets").stat().st_mode & 0o777 == 0o700
    passwords = [text for name, text in made[0].items() if name.startswith("redis_") or "password" in name]
    assert len({*passwords}) == 5
    assert {len(one) for one in passwords} == {32}
    assert [one for one in passwords if one in made[0]["users.acl"]] == []
