"""The deployment files agree with each other and with the code; no container engine is needed to see that."""

import json
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import typer
import yaml  # type: ignore[import-untyped]  # it ships no types
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from exitbrain import __version__
from exitbrain.infrastructure.cli.commands import app
from exitbrain.infrastructure.settings import Settings, load_settings
from tests.architecture.source import ROOT

COMPOSE = ROOT / "docker-compose.yml"
DOCKERFILE = ROOT / "Dockerfile"
EXAMPLE = ROOT / "deploy" / "env.example"
HEALTH_PORT = Settings.model_fields["health"].default.rpartition(":")[2]

Duration = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*(ms|s|m)$")]
# A tag with a whole version, or a digest: what is tested today is what runs tomorrow.
Image = Annotated[
    str, StringConstraints(pattern=r"^[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z0-9.]+)?$|@sha256:[0-9a-f]{64}$")
]
# Bound to this machine: Prometheus does not ask anybody who he is, and Redis speaks without TLS.
Port = Annotated[str, StringConstraints(pattern=r"^127\.0\.0\.1:\d+:\d+$")]
Text = Annotated[str, StringConstraints(min_length=1, strict=True)]
Size = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*[mg]$")]


class Strict(BaseModel):
    """A misspelt key would silently be nothing, so it is an error."""

    model_config = ConfigDict(extra="forbid")


class HealthCheck(Strict):
    test: Annotated[list[Text], Field(min_length=2)]
    interval: Duration
    timeout: Duration
    retries: Annotated[int, Field(strict=True, ge=1)]
    start_period: Duration = "0s"


class Dependency(Strict):
    condition: Literal["service_healthy"]


class Confined(Strict):
    """What every service is held to."""

    restart: Literal["unless-stopped"]
    read_only: Literal[True]
    cap_drop: Annotated[list[Literal["ALL"]], Field(min_length=1)]
    security_opt: Annotated[list[Literal["no-new-privileges:true"]], Field(min_length=1)]
    pids_limit: Annotated[int, Field(strict=True, ge=10, le=1000)]


class Service(Confined):
    """The part of a service of the Compose Specification that is used here."""

    image: Image
    build: Literal["."] | None = None
    user: Text | None = None
    command: list[Text] = []
    init: bool = False
    stop_grace_period: Duration = "10s"
    mem_limit: Size
    shm_size: Size | None = None
    tmpfs: list[Text] = []
    secrets: list[Text] = []
    depends_on: dict[str, Dependency] = {}
    environment: dict[str, Annotated[str, StringConstraints(strict=True)]] = {}
    ports: list[Port] = []
    volumes: list[Text] = []
    healthcheck: HealthCheck | None = None


class SecretFile(Strict):
    file: Annotated[str, StringConstraints(pattern=r"^\./deploy/secrets/[a-z_.]+$")]


class Compose(Strict):
    model_config = ConfigDict(extra="forbid")

    name: Literal["exitbrain"]
    x_confined: Confined = Field(validation_alias="x-confined")
    x_worker: Service = Field(validation_alias="x-worker")
    services: dict[str, Service]
    secrets: dict[str, SecretFile]
    volumes: dict[str, None]


def loaded(text: str) -> Any:
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def compose() -> Compose:
    """Return the compose file, checked."""
    return Compose.model_validate(loaded(COMPOSE.read_text(encoding="utf-8")))


def workers(compose: Compose) -> dict[str, Service]:
    return {name: service for name, service in compose.services.items() if service.build}


def parsed(arguments: list[str]) -> dict[str, Any]:
    """Return what the command line makes of arguments, without running them."""
    group: Any = typer.main.get_command(app)
    context = group.make_context("exitbrain", list(arguments))
    name, command, rest = group.resolve_command(context, [*context._protected_args, *context.args])
    values: dict[str, Any] = command.make_context(name, rest, parent=context).params
    return {"command": name, **values}


def test_compose_has_the_servers_two_workers_and_prometheus(compose: Compose) -> None:
    assert set(compose.services) == {"redis", "postgres", "worker-a", "worker-b", "prometheus"}
    assert len(workers(compose)) == 2
    assert {name for name, service in compose.services.items() if service.healthcheck} == {
        "redis",
        "postgres",
        "prometheus",
    }


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ("image: redis:latest", "image"),
        ("image: redis", "image"),
        ("image: redis:7", "image"),
        ("image: redis:7.2.13\n    restrat: always", "restrat"),
        ("image: redis:7.2.13\n    ports: ['6379:6379']", "ports"),
        ("image: redis:7.2.13\n    command: [redis-server, --appendonly, yes]", "command"),
        ("image: redis:7.2.13\n    stop_grace_period: 10", "stop_grace_period"),
        ("image: redis:7.2.13\n    privileged: true", "privileged"),
        ("image: redis:7.2.13\n    read_only: false", "read_only"),
        ("image: redis:7.2.13\n    cap_drop: []", "cap_drop"),
        ("image: redis:7.2.13\n    pids_limit: -1", "pids_limit"),
        ("image: redis:7.2.13\n    mem_limit: ''", "mem_limit"),
    ],
)
def test_a_compose_file_that_is_wrong_is_noticed(wrong: str, key: str, compose: Compose) -> None:
    confined = compose.x_confined.model_dump() | {"mem_limit": "1g"}
    with pytest.raises(ValidationError) as caught:
        Service.model_validate(confined | loaded(f"redis:\n    {wrong}\n")["redis"])

    assert {str(error["loc"][0]) for error in caught.value.errors()} == {key}


def test_the_workers_run_commands_that_exist_under_names_that_stay(compose: Compose) -> None:
    for name, service in workers(compose).items():
        given = parsed(service.command)
        assert (given["command"], given["consumer"]) == ("serve", name)
        assert service.image == f"exitbrain:{__version__}"
        assert service.init


def test_a_command_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(typer.TyperException):
        parsed(["serve", "--consumers", "worker-a"])
    with pytest.raises(typer.TyperException):
        parsed(["server"])


def test_every_variable_of_ours_is_a_setting_with_an_allowed_value(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in compose.x_worker.environment.items():
        if name != "EXITBRAIN_SECRETS":
            assert name.removeprefix("EXITBRAIN_").lower() in Settings.model_fields, name
            monkeypatch.setenv(name, "" if value.startswith("${") else value)
    settings = load_settings()

    assert (settings.mode, settings.log_form, settings.instruments) == ("shadow", "json", None)
    for service in workers(compose).values():
        assert service.environment == compose.x_worker.environment
        assert service.secrets == compose.x_worker.secrets


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that the script makes, in a copy of deploy/."""
    folder = tmp_path_factory.mktemp("deployed") / "deploy"
    shutil.copytree(ROOT / "deploy", folder, ignore=shutil.ignore_patterns("secrets"))
    subprocess.run([folder / "make-secrets"], check=True, capture_output=True)
    return folder / "secrets"


def test_the_workers_reach_the_servers_where_and_as_whom_these_let_them_in(
    compose: Compose, secrets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the compose file mounts from the files of the script are the settings of a worker."""
    for name in compose.x_worker.secrets:
        shutil.copy(secrets / Path(compose.secrets[name].file).name, tmp_path / name)
    monkeypatch.setenv("EXITBRAIN_SECRETS", str(tmp_path))
    settings = load_settings()
    read = {name: (secrets / name).read_text() for name in ("redis_exitbrain", "postgres_password")}

    assert settings.redis == f"redis://exitbrain:{read['redis_exitbrain']}@redis:6379/0"
    assert settings.store == f"postgresql://exitbrain:{read['postgres_password']}@postgres:5432/exitbrain"
    assert (settings.binance_api_key, settings.binance_api_secret) == (None, None)
    assert compose.services["redis"].ports == ["127.0.0.1:6379:6379"]
    made = compose.services["postgres"]
    assert (made.environment["POSTGRES_USER"], made.environment["POSTGRES_DB"]) == ("exitbrain", "exitbrain")
    assert made.environment["POSTGRES_PASSWORD_FILE"] == f"/run/secrets/{made.secrets[0]}"


def test_every_secret_is_declared_used_and_made_by_the_script(compose: Compose, secrets: Path) -> None:
    used = {name for service in compose.services.values() for name in service.secrets}

    assert used == set(compose.secrets)
    for name, secret in compose.secrets.items():
        assert Path(secret.file).name == name
        assert (secrets / name).stat().st_mode & 0o777 == 0o644, "a container's user reads it"
    assert secrets.stat().st_mode & 0o777 == 0o700, "on the host nobody else does"
    assert ignored("deploy")
    assert "/deploy/secrets/" in (ROOT / ".gitignore").read_text().splitlines()


def test_redis_keeps_what_it_was_given(compose: Compose) -> None:
    command = compose.services["redis"].command
    options = dict(zip(command[1::2], command[2::2], strict=True))

    assert command[0] == "valkey-server"
    assert options["--aclfile"] == f"/run/secrets/{compose.services['redis'].secrets[0]}"
    assert megabytes(options["--maxmemory"].removesuffix("b")) * 2 <= megabytes(
        compose.services["redis"].mem_limit
    )
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] in {"everysec", "always"}
    assert options["--maxmemory-policy"] == "noeviction"


def megabytes(size: str) -> int:
    return int(size[:-1]) * {"m": 1, "g": 1024}[size[-1]]


def test_every_service_that_is_waited_for_exists_and_says_when_it_is_healthy(compose: Compose) -> None:
    for service in compose.services.values():
        for needed in service.depends_on:
            assert compose.services[needed].healthcheck is not None
    assert set(compose.x_worker.depends_on) == {"redis", "postgres"}


def test_every_volume_is_declared_and_used_and_every_mounted_file_exists(compose: Compose) -> None:
    sources = [mount.partition(":")[0] for each in compose.services.values() for mount in each.volumes]

    assert {source for source in sources if not source.startswith(".")} == set(compose.volumes)
    assert [source for source in sources if source.startswith(".") and not (ROOT / source).is_file()] == []


def test_no_secret_is_written_down_and_the_example_names_each_that_is_asked_for() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    asked = set(re.findall(r"\$\{([A-Z_]+)", text))
    lines = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
    offered = dict(line.split("=", 1) for line in lines)

    assert set(offered) == asked
    assert set(offered.values()) == {""}
    assert re.findall(r"(?im)^\s*\w*(?:password|secret|api_key|token):(?! *$)", text) == []
    assert (
        re.findall(r"(?i)pass|key|secret|token", EXAMPLE.read_text().partition("EXITBRAIN_INSTRUMENTS=")[2])
        == []
    )


def test_prometheus_asks_every_worker_on_the_port_of_health_and_metrics(compose: Compose) -> None:
    config = loaded((ROOT / "deploy" / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    (targets,) = job["static_configs"]

    assert targets["targets"] == [f"{name}:{HEALTH_PORT}" for name in workers(compose)]
    mounts = compose.services["prometheus"].volumes
    for file in ("prometheus.yml", *config["rule_files"]):
        assert f"./deploy/{file}:/etc/prometheus/{file}:ro" in mounts
    assert (
        job["authorization"]["credentials_file"]
        == f"/run/secrets/{compose.services['prometheus'].secrets[0]}"
    )


def instructions() -> list[tuple[str, str]]:
    """Return the instructions of the Dockerfile with their arguments, continued lines joined."""
    lines = [line for line in DOCKERFILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(each.split(maxsplit=1)[0], each.split(maxsplit=1)[1]) for each in joined.splitlines() if each]


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage."""
    found: list[list[tuple[str, str]]] = []
    for name, argument in instructions():
        if name == "FROM":
            found.append([])
        found[-1].append((name, argument))
    return found


def ignored(path: str) -> bool:
    """Return whether .dockerignore leaves out a file or folder at the top; the last line that fits decides."""
    verdict = False
    for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines():
        pattern = line.removeprefix("!")
        if line and line[0] != "#" and pattern in ("*", path):
            verdict = not line.startswith("!")
    return verdict


def test_every_stage_begins_with_the_same_slim_image_of_one_version() -> None:
    images = {dict(stage)["FROM"].split()[0] for stage in stages()}

    assert len(images) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-[a-z]+", images.pop())


def test_the_image_gets_what_the_wheel_is_made_of_and_nothing_else() -> None:
    build, final = stages()
    sources = [part for name, arguments in build if name == "COPY" for part in arguments.split()[:-1]]

    assert [each for each in sources if not (ROOT / each).exists() or ignored(each)] == []
    needed = {"pyproject.toml", "README.md", "LICENSE", "lock", "src", "domain", "application"}
    assert set(sources) == needed | {"infrastructure"}
    outside = [".env", ".git", ".venv", "tests", "docs", "deploy", "exitbrain.db", "docker-compose.yml"]
    assert [each for each in outside if not ignored(each)] == []
    assert [arguments for name, arguments in final if name == "COPY"] == [
        "--from=build /opt/exitbrain /opt/exitbrain"
    ]


def test_the_final_stage_has_no_tool_to_build_with_and_runs_as_nobody_in_particular() -> None:
    final = stages()[-1]
    runs = " ".join(arguments for name, arguments in final if name == "RUN")
    order = [name for name, _ in final]

    assert "pip uninstall" in runs
    assert not re.search(r"pip install|apt-get|gcc|build-essential", runs)
    user = dict(final)["USER"]
    assert re.search(rf"useradd --uid [1-9]\d{{3,}} .*\b{user}\b", runs)
    assert order.index("USER") < order.index("ENTRYPOINT")


def test_the_image_serves_on_the_port_that_it_tells_of() -> None:
    final = dict(stages()[-1])
    environment = dict(each.split("=", 1) for each in shlex.split(final["ENV"]))

    assert final["EXPOSE"] == HEALTH_PORT
    assert environment["EXITBRAIN_HEALTH"] == f"0.0.0.0:{HEALTH_PORT}"
    assert json.loads(final["ENTRYPOINT"]) == ["exitbrain"]
    assert parsed(json.loads(final["CMD"]))["command"] == "serve"
    assert final["STOPSIGNAL"] == "SIGTERM"


@contextmanager
def answering(status: int) -> Iterator[tuple[int, list[str]]]:
    """Answer every GET with a status; yield the port and the paths that are asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_port, asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_of_the_image_asks_whether_the_worker_does_its_work(
    status: int, healthy: bool
) -> None:
    check = dict(stages()[-1])["HEALTHCHECK"]
    program, *arguments = json.loads(check.partition("CMD ")[2])
    assert (program, f"127.0.0.1:{HEALTH_PORT}/" in arguments[-1]) == ("python", True)

    with answering(status) as (port, asked):
        moved = [*arguments[:-1], arguments[-1].replace(f":{HEALTH_PORT}/", f":{port}/")]
        ended = subprocess.run([sys.executable, *moved], capture_output=True, check=False)

    assert asked == ["/healthz/ready"]
    assert (ended.returncode == 0) is healthy
