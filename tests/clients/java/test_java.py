"""The RabbitMQ Java client: one JVM per scenario of src/main/java/onemq/Scenarios.java."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from broker_process import BrokerProcess  # noqa: E402

HERE = Path(__file__).parent
BUILD_SECONDS_MAX = 300
SCENARIO_SECONDS_MAX = 45
GOALS = ["dependency:copy-dependencies", "compile"]


class Broker(Protocol):
    @property
    def url(self) -> str: ...


@pytest.fixture(scope="session")
def java(require_tools: Callable[..., None]) -> list[str]:
    """The command that runs the scenarios. Built once a session, offline when all is there already."""
    require_tools("java", "javac", "mvn")
    for options in (["-o"], []):
        built = subprocess.run(
            ["mvn", "--batch-mode", "-q", *options, *GOALS],
            cwd=HERE,
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS_MAX,
            check=False,
        )
        if built.returncode == 0:
            break
    assert built.returncode == 0, built.stdout + built.stderr
    target = HERE / "target"
    class_path = os.pathsep.join([str(target / "classes"), str(target / "dependency" / "*")])
    return ["java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", class_path, "onemq.Scenarios"]


@pytest.mark.timeout(BUILD_SECONDS_MAX + SCENARIO_SECONDS_MAX)
@pytest.mark.parametrize(
    "scenario",
    [
        "confirms",
        "nacks",
        "settling",
        "transaction",
        "headers",
        "mandatory",
        "values",
        "rpc",
        "errors",
        "cancelled",
    ],
)
def test_scenario(broker: Broker, java: list[str], scenario: str) -> None:
    done = subprocess.run(
        [*java, broker.url, scenario],
        capture_output=True,
        text=True,
        timeout=SCENARIO_SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"OK {scenario}" in done.stdout.splitlines()


@pytest.mark.timeout(BUILD_SECONDS_MAX + SCENARIO_SECONDS_MAX)
def test_connection_and_topology_recover_after_a_crash(
    own_broker: BrokerProcess, java: list[str], tmp_path: Path
) -> None:
    errors = tmp_path / "java.log"
    with (
        errors.open("wb") as error_file,
        subprocess.Popen(
            [*java, own_broker.url, "recovery"], stdout=subprocess.PIPE, stderr=error_file, text=True
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
