"""The deployment files agree with each other and with the code; no container engine is needed to see that."""

import json
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
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
# Bound to this machine: neither Redis nor Prometheus asks anybody who he is.
Port = Annotated[str, StringConstraints(pattern=r"^127\.0\.0\.1:\d+:\d+$")]
Text = Annotated[str, StringConstraints(min_length=1, strict=True)]


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


class Service(Strict):
    """The part of a service of the Compose Specification that is used here."""

    image: Image
    build: Literal["."] | None = None
    command: list[Text] = []
    init: bool = False
    restart: Literal["unless-stopped"]
    stop_grace_period: Duration = "10s"
    read_only: bool = False
    cap_drop: list[Literal["ALL"]] = []
    security_opt: list[Literal["no-new-privileges:true"]] = []
    depends_on: dict[str, Dependency] = {}
    environment: dict[str, Annotated[str, StringConstraints(strict=True)]] = {}
    ports: list[Port] = []
    volumes: list[Text] = []
    healthcheck: HealthCheck | None = None


class Compose(Strict):
    model_config = ConfigDict(extra="forbid")

    name: Literal["exitbrain"]
    x_worker: Service = Field(validation_alias="x-worker")
    services: dict[str, Service]
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
    ],
)
def test_a_compose_file_that_is_wrong_is_noticed(wrong: str, key: str) -> None:
    service = loaded(f"redis:\n    restart: unless-stopped\n    {wrong}\n")
    with pytest.raises(ValidationError) as caught:
        Service.model_validate(service["redis"])

    assert {str(error["loc"][0]) for error in caught.value.errors()} == {key}


def test_the_workers_run_commands_that_exist_under_names_that_stay(compose: Compose) -> None:
    for name, service in workers(compose).items():
        given = parsed(service.command)
        assert (given["command"], given["consumer"]) == ("serve", name)
        assert service.image == f"exitbrain:{__version__}"
        assert (service.read_only, service.init, service.cap_drop) == (True, True, ["ALL"])


def test_a_command_that_does_not_exist_is_noticed() -> None:
    with pytest.raises(typer.TyperException):
        parsed(["serve", "--consumers", "worker-a"])
    with pytest.raises(typer.TyperException):
        parsed(["server"])


def test_every_variable_of_ours_is_a_setting_with_an_allowed_value(
    compose: Compose, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in compose.x_worker.environment.items():
        if name.startswith("EXITBRAIN_"):
            assert name.removeprefix("EXITBRAIN_").lower() in Settings.model_fields, name
            monkeypatch.setenv(name, "" if value.startswith("${") else value)
    settings = load_settings()

    assert (settings.mode, settings.log_form, settings.instruments) == ("shadow", "json", None)
    assert settings.redis == "redis://redis:6379/0"
    assert settings.store == "postgresql://exitbrain@postgres:5432/exitbrain"
    for service in workers(compose).values():
        assert service.environment == compose.x_worker.environment


def test_the_workers_reach_the_servers_where_and_as_whom_these_let_them_in(compose: Compose) -> None:
    servers = compose.services
    assert servers["redis"].ports == ["127.0.0.1:6379:6379"]
    assert Settings.model_fields["redis"].default == "redis://127.0.0.1:6379/0"
    made = servers["postgres"].environment
    assert (made["POSTGRES_USER"], made["POSTGRES_DB"]) == ("exitbrain", "exitbrain")
    assert compose.x_worker.environment["PGPASSWORD"] == made["POSTGRES_PASSWORD"]
    assert made["POSTGRES_PASSWORD"].startswith("${POSTGRES_PASSWORD:?")


def test_redis_keeps_what_it_was_given(compose: Compose) -> None:
    command = compose.services["redis"].command
    options = dict(zip(command[1::2], command[2::2], strict=True))

    assert command[0] == "redis-server"
    assert options["--appendonly"] == "yes"
    assert options["--appendfsync"] in {"everysec", "always"}
    assert options["--maxmemory-policy"] == "noeviction"


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
    assert re.findall(r"(?im)^\s*\w*(?:password|secret|api_key):(?! \$\{)", text) == []


def test_prometheus_asks_every_worker_on_the_port_of_health_and_metrics(compose: Compose) -> None:
    config = loaded((ROOT / "deploy" / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = config["scrape_configs"]
    (targets,) = job["static_configs"]

    assert targets["targets"] == [f"{name}:{HEALTH_PORT}" for name in workers(compose)]
    mounts = compose.services["prometheus"].volumes
    assert "./deploy/prometheus.yml:/etc/prometheus/prometheus.yml:ro" in mounts


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
