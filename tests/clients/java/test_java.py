"""The RabbitMQ Java client: the scenarios of src/main/java/onemq/Scenarios.java, played in one JVM, but for a crash."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol

import pytest

from broker_process import BrokerProcess
from clients.kafka_programs.scenarios import Played, play, wanted_scenarios

HERE = Path(__file__).parent
SOURCE = HERE / "src" / "main" / "java" / "onemq" / "Scenarios.java"
BUILD_SECONDS_MAX = 300
SCENARIO_SECONDS_MAX = 45
PROGRAM_SECONDS_MAX = 90
GOALS = ["dependency:copy-dependencies", "compile"]


class Broker(Protocol):
    @property
    def url(self) -> str: ...


def client_url(broker: Broker) -> str:
    """Without the slash at the end, which to this client means the virtual host with the empty name."""
    return broker.url.removesuffix("/")


def built_since_last_change(target: Path) -> bool:
    classes = target / "classes" / "onemq" / "Scenarios.class"
    sources = [HERE / "pom.xml", *(HERE / "src").rglob("*.java")]
    return (
        classes.exists()
        and any((target / "dependency").glob("amqp-client-*.jar"))
        and classes.stat().st_mtime > max(source.stat().st_mtime for source in sources)
    )


def build() -> None:
    """Offline when everything needed was fetched before, else online."""
    output = ""
    for options in (["-o"], []):
        done = subprocess.run(
            ["mvn", "--batch-mode", "-q", *options, *GOALS],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS_MAX,
            check=False,
        )
        if done.returncode == 0:
            return
        output = done.stdout + done.stderr
    pytest.fail(f"the Java programs do not build:\n{output}", pytrace=False)


@pytest.fixture(scope="session")
def java(require_tools: Callable[..., None]) -> list[str]:
    """The command that runs the scenarios; built when a source has changed."""
    require_tools("java", "javac", "mvn")
    target = HERE / "target"
    if not built_since_last_change(target):
        build()
    class_path = os.pathsep.join([str(target / "classes"), str(target / "dependency" / "*")])
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", class_path, "onemq.Scenarios"]


@pytest.fixture(scope="session")
def scenarios(
    request: pytest.FixtureRequest, java: list[str], broker: Broker
) -> Generator[Played, None, None]:
    """The results of all scenarios that were asked for."""
    names = wanted_scenarios(request, test_scenario)
    with play([*java, client_url(broker), *names], {}, PROGRAM_SECONDS_MAX) as program:
        yield program


def scenario_names() -> list[str]:
    """What the source names: `"name", this::name`."""
    return sorted(re.findall(r'"(\w+)", this::', SOURCE.read_text(encoding="utf-8")))


@pytest.mark.timeout(BUILD_SECONDS_MAX + PROGRAM_SECONDS_MAX)
@pytest.mark.parametrize("scenario", scenario_names())
def test_scenario(scenarios: Played, scenario: str) -> None:
    assert scenarios.result(scenario) == "ok"


@pytest.mark.timeout(BUILD_SECONDS_MAX + SCENARIO_SECONDS_MAX)
def test_connection_and_topology_recover_after_a_crash(
    own_broker: BrokerProcess, java: list[str], tmp_path: Path
) -> None:
    errors = tmp_path / "java.log"
    with (
        errors.open("wb") as error_file,
        subprocess.Popen(
            [*java, client_url(own_broker), "recovery"], stdout=subprocess.PIPE, stderr=error_file, text=True
        ) as client,
    ):
        try:
            assert client.stdout is not None
            assert client.stdout.readline().strip() == "READY", errors.read_text()
            own_broker.kill9()
            own_broker.restart()
            output, _none = client.communicate(timeout=SCENARIO_SECONDS_MAX)
            assert client.returncode == 0, output + errors.read_text()
            assert "OK recovery" in output.splitlines()
        finally:
            client.kill()
