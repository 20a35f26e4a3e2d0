"""Kafka's own Java client and command line tools, and the seeds' Java programs, unmodified.

The scenarios are in java/scenarios; one JVM plays all that were asked for. The seeds were written for the clients before 4.0,
which java/seed_runner fetches; of a seed's text nothing changes but the broker's address.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest

from clients.conftest import missing_toolchain
from clients.kafka_programs.scenarios import Played, play, wanted_scenarios
from kafka_peer import ToolchainMissing, class_path

JAVA = Path(__file__).parent / "java"
SCENARIOS = JAVA / "scenarios"
SEEDS = JAVA / "seeds"
SEED_RUNNER = JAVA / "seed_runner"
TARGET = JAVA / "target"
BROKER_OF_THE_SEEDS = "localhost:9092"
FETCH_SECONDS_MAX = 600
COMPILE_SECONDS_MAX = 120
PROGRAM_SECONDS_MAX = 150
RUN = ("java", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
NAMED = re.compile(r'"(\w+)",\s+(?:\w+Scenarios::\w+|bench ->)')

LONGEST = ("shareLock", "groupNext")
"""Scenarios that wait for a lock or a heartbeat; they begin first."""

pytestmark = pytest.mark.timeout(FETCH_SECONDS_MAX + COMPILE_SECONDS_MAX + PROGRAM_SECONDS_MAX)


def scenario_names() -> list[str]:
    """What the sources name: `"name", AdminScenarios::topics` or `"name", bench -> ...`."""
    return sorted(name for source in SCENARIOS.glob("*.java") for name in NAMED.findall(source.read_text()))


def compile_java(sources: Sequence[Path], libraries: str, target: Path) -> None:
    command = ["javac", "-nowarn", "-d", str(target), "-cp", libraries, *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_SECONDS_MAX, check=False)
    if done.returncode:
        pytest.fail(f"the Java programs do not compile:\n{done.stdout}{done.stderr}", pytrace=False)


@pytest.fixture(scope="session")
def scenarios_command(require_tools: Callable[..., None]) -> list[str]:
    """The command that plays scenarios; compiled when a source has changed."""
    require_tools("java", "javac", "mvn")
    try:
        libraries = class_path()
    except ToolchainMissing as error:
        missing_toolchain(str(error))
    sources = sorted(SCENARIOS.glob("*.java"))
    classes = TARGET / "scenarios"
    main = classes / "onemq" / "kafka" / "Main.class"
    if not main.exists() or main.stat().st_mtime < max(source.stat().st_mtime for source in sources):
        compile_java(sources, libraries, classes)
    return [*RUN, "-cp", os.pathsep.join([str(classes), libraries]), "onemq.kafka.Main"]


def fetch_older_client() -> str:
    """The class path of the clients before 4.0; offline when they were fetched before."""
    jars = SEED_RUNNER / "target" / "dependency"
    output = ""
    for options in (["-o"], []):
        if any(jars.glob("kafka-clients-3.*.jar")):
            return str(jars / "*")
        done = subprocess.run(
            ["mvn", "--batch-mode", "-q", *options, "dependency:copy-dependencies"],
            cwd=SEED_RUNNER,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS_MAX,
            check=False,
        )
        output = done.stdout + done.stderr
    if not any(jars.glob("kafka-clients-3.*.jar")):
        missing_toolchain(f"the Java client of the seeds cannot be fetched: {output}")
    return str(jars / "*")


@pytest.fixture(scope="session")
def seeds_command(
    require_tools: Callable[..., None], bootstrap: str, tmp_path_factory: pytest.TempPathFactory
) -> list[str]:
    """The command that runs the seeds, which are compiled with the address of the broker."""
    require_tools("java", "javac", "mvn")
    libraries = fetch_older_client()
    work = tmp_path_factory.mktemp("seeds")
    copies: list[Path] = []
    for seed in sorted(SEEDS.glob("*.java")):
        text = seed.read_text(encoding="utf-8")
        assert text.count(BROKER_OF_THE_SEEDS) in (1, 2)
        copies.append(work / seed.name)
        copies[-1].write_text(text.replace(BROKER_OF_THE_SEEDS, bootstrap), encoding="utf-8")
    compile_java([*copies, *sorted(SEED_RUNNER.glob("*.java"))], libraries, work / "classes")
    return [*RUN, "-cp", os.pathsep.join([str(work / "classes"), libraries]), "SeedRunner", bootstrap]


@pytest.fixture(scope="session")
def scenarios(
    request: pytest.FixtureRequest, scenarios_command: list[str], bootstrap: str
) -> Generator[Played, None, None]:
    """The results of all scenarios that were asked for, played at once."""
    names = wanted_scenarios(request, test_scenario)
    names.sort(key=lambda name: not name.startswith(LONGEST))
    with play([*scenarios_command, bootstrap, *names], {}, PROGRAM_SECONDS_MAX) as program:
        yield program


@pytest.fixture(scope="session")
def java_seeds(seeds_command: list[str]) -> Generator[Played, None, None]:
    """On their own: one of them waits for its record for one second only."""
    with play(seeds_command, {}, PROGRAM_SECONDS_MAX) as program:
        yield program


@pytest.mark.parametrize("scenario", scenario_names())
def test_scenario(scenarios: Played, scenario: str) -> None:
    assert scenarios.result(scenario) == "ok"


def test_seed_example(java_seeds: Played) -> None:
    assert java_seeds.result("KafkaExample") == {
        "said": "Message sent to Kafka topic: orders\nProcessing order: 12345\n",
        "records": "[OrderID=12345]",
    }


def test_seed_producer_example(java_seeds: Played) -> None:
    assert java_seeds.result("KafkaProducerExample") == {
        "said": "Message sent to Kafka topic 'user_activity'\n",
        "records": "[play=user123 played song456]",
    }
