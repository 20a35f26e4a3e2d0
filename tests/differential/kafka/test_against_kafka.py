"""onemq and a real Apache Kafka are asked the same over bare sockets and must answer the same.

What docs/protocols/kafka.md calls a difference is taken out first (compare.py). Without Java or Maven the test skips, and fails in
continuous integration. `python -m differential.kafka.explore NAME` (with src, tests and the root on PYTHONPATH) shows all differences of
a scenario.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from clients.conftest import missing_toolchain
from differential.kafka.brokers import both
from differential.kafka.compare import compared
from differential.kafka.scenarios import SCENARIOS
from kafka_peer import FETCH_SECONDS_MAX, READY_SECONDS_MAX, ToolchainMissing, class_path, java_program

pytestmark = pytest.mark.timeout(FETCH_SECONDS_MAX + READY_SECONDS_MAX)


@pytest.fixture(scope="module")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[str, str], None, None]:
    try:
        java_program()
        class_path()
    except ToolchainMissing as error:
        missing_toolchain(str(error))
    with both(tmp_path_factory.mktemp("brokers")) as addresses:
        yield addresses


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_answers_are_the_same(
    brokers: tuple[str, str], name: str, request: pytest.FixtureRequest
) -> None:
    # A second try finds what the first one left: its names are others.
    attempt = getattr(request.node, "execution_count", 1)
    differences = compared(SCENARIOS[name], *brokers, f"{name}{attempt}")
    if differences:
        pytest.fail("\n\n".join(map(str, differences)), pytrace=False)
