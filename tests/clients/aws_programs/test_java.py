"""The AWS SDK for Java v2, with its checks of MD5s. One JVM plays all scenarios that were asked for."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from clients.conftest import missing_toolchain
from clients.kafka_programs.scenarios import Played, play, wanted_scenarios

JAVA = Path(__file__).parent / "java"
SOURCE = JAVA / "Scenarios.java"
CLASSES = JAVA / "target" / "classes"
JARS = JAVA / "target" / "dependency"
FETCH_SECONDS_MAX = 600
COMPILE_SECONDS_MAX = 120
PROGRAM_SECONDS_MAX = 90
RUN = ("java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

pytestmark = pytest.mark.timeout(FETCH_SECONDS_MAX + COMPILE_SECONDS_MAX + PROGRAM_SECONDS_MAX)


def scenario_names() -> list[str]:
    """What the source names: `"name", this::name`."""
    return sorted(re.findall(r'"(\w+)", this::', SOURCE.read_text(encoding="utf-8")))


def fetch_jars() -> None:
    """The SDK's jars; offline when they were fetched before."""
    output = ""
    for options in (["-o"], []):
        if any(JARS.glob("sqs-2.*.jar")):
            return
        command = ["mvn", "--batch-mode", "-q", *options, "dependency:copy-dependencies"]
        done = subprocess.run(
            command, cwd=JAVA, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False
        )
        output = done.stdout + done.stderr
    if not any(JARS.glob("sqs-2.*.jar")):
        missing_toolchain(f"the AWS SDK for Java cannot be fetched: {output}")


@pytest.fixture(scope="session")
def command(require_tools: Callable[..., None]) -> list[str]:
    """The command that plays scenarios; compiled when the source has changed."""
    require_tools("java", "javac", "mvn")
    fetch_jars()
    main = CLASSES / "onemq" / "aws" / "Scenarios.class"
    if not main.exists() or main.stat().st_mtime < SOURCE.stat().st_mtime:
        compiler = [
            "javac",
            "-nowarn",
            "-encoding",
            "UTF-8",
            "-d",
            str(CLASSES),
            "-cp",
            f"{JARS}/*",
            str(SOURCE),
        ]
        done = subprocess.run(
            compiler, capture_output=True, text=True, timeout=COMPILE_SECONDS_MAX, check=False
        )
        if done.returncode:
            pytest.fail(f"the Java program does not compile:\n{done.stdout}{done.stderr}", pytrace=False)
    return [*RUN, "-cp", os.pathsep.join([str(CLASSES), f"{JARS}/*"]), "onemq.aws.Scenarios"]


@pytest.fixture(scope="session")
def scenarios(
    request: pytest.FixtureRequest, command: list[str], endpoint: str
) -> Generator[Played, None, None]:
    """The results of all scenarios that were asked for."""
    names = wanted_scenarios(request, test_scenario)
    with play([*command, endpoint, *names], {}, PROGRAM_SECONDS_MAX) as program:
        yield program


@pytest.mark.parametrize("scenario", scenario_names())
def test_scenario(scenarios: Played, scenario: str) -> None:
    assert scenarios.result(scenario) == "ok"
