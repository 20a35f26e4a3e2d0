"""kafkajs (Node.js): the seeds' Kafka programs, unmodified, and the library's features."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from clients.kafka_programs.conftest import PASSWORD, USER
from clients.kafka_programs.scenarios import Played, is_wanted, play, wanted_scenarios

NODE = Path(__file__).parent / "node"
INSTALL_SECONDS_MAX = 120
PROGRAM_SECONDS_MAX = 60

pytestmark = pytest.mark.timeout(INSTALL_SECONDS_MAX + PROGRAM_SECONDS_MAX)


@pytest.fixture(scope="session")
def kafkajs(require_tools: Callable[..., None]) -> None:
    """kafkajs is installed now when it is not there yet."""
    require_tools("node", "npm")
    if not (NODE / "node_modules" / "kafkajs" / "package.json").exists():
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=NODE, check=True, timeout=INSTALL_SECONDS_MAX)


@pytest.fixture(scope="session")
def programs(
    request: pytest.FixtureRequest, kafkajs: None, bootstrap: str
) -> Generator[dict[str, Played], None, None]:
    """The programs that tests of this run want, side by side: they mostly wait."""
    commands = {
        "features": ["node", str(NODE / "features.js"), *wanted_scenarios(request, test_feature)],
        "node_seeds": ["node", str(NODE / "seeds.js")],
    }
    environment = {"KAFKA_BOOTSTRAP": bootstrap}
    with ExitStack() as running:
        yield {
            fixture: running.enter_context(play(command, environment, PROGRAM_SECONDS_MAX))
            for fixture, command in commands.items()
            if is_wanted(request, fixture)
        }


@pytest.fixture(scope="session")
def features(programs: dict[str, Played]) -> Played:
    return programs["features"]


@pytest.fixture(scope="session")
def node_seeds(programs: dict[str, Played]) -> Played:
    return programs["node_seeds"]


def numbered(count: int, prefix: str = "m") -> list[str]:
    return [f"{prefix}{number}" for number in range(count)]


def committed(partition: int, offset: int, metadata: str | None = None) -> dict[str, Any]:
    return {"partition": partition, "offset": str(offset), "metadata": metadata}


EXPECTED: dict[str, Any] = {
    "adminTopics": {
        "checked": True,
        "afterCheck": False,
        "created": True,
        "again": False,
        "partitions": [0, 1, 2, 3, 4],
        "errors": [0, 0, 0, 0, 0],
        "fewer": ["INVALID_PARTITIONS"],
        "badName": ["INVALID_TOPIC_EXCEPTION"],
        "badConfig": ["INVALID_CONFIG"],
        "gone": ["UNKNOWN_TOPIC_OR_PARTITION"],
    },
    "adminSetOffsets": {
        "none": [committed(0, -1), committed(1, -1)],
        "set": [committed(0, 2), committed(1, -1)],
    },
    "adminResetOffsets": {"earliest": ["-2", "1"], "latest": ["-1", "3"]},
    "adminRecords": {
        "byTime": {"500": "0", "1500": "1", "2000": "1", "3001": "3"},
        "ends": [
            {"partition": 0, "offset": "3", "high": "3", "low": "1"},
            {"partition": 1, "offset": "0", "high": "0", "low": "0"},
        ],
        "tooFar": ["OFFSET_OUT_OF_RANGE"],
        "records": ["2000", "3000"],
    },
    # The value, whether it is the default, and where it comes from: 1 is the topic, 5 the default.
    "adminConfigs": {
        "before": ["compact", False, 1],
        "retention": ["604800000", True, 5],
        "after": [["delete", True, 5], ["2000", False, 1]],
        "refused": ["INVALID_CONFIG"],
        "unknown": ["UNKNOWN_TOPIC_OR_PARTITION"],
    },
    "adminGroups": {
        "running": {
            "state": "Stable",
            "protocol": "RoundRobinAssigner",
            "protocolType": "consumer",
            "errorCode": 0,
            "members": [["onemq-kafkajs", "/127.0.0.1"]],
        },
        "listed": ["consumer"],
        "busy": ["NON_EMPTY_GROUP"],
        "empty": "Empty",
        "removed": [0],
        "dead": "Dead",
        "gone": ["GROUP_ID_NOT_FOUND"],
    },
    "adminAcls": {
        "both": [["User:alice", 3], ["User:bob", 2]],
        "deleted": ["User:bob"],
        "left": [["User:alice", 3]],
    },
    "roundTrip": {
        "offsets": ["0", "1", "2", "3", "0", None, "2"],
        "first": {
            "key": "k",
            "value": "text",
            "timestamp": "1234567890123",
            "headers": {"one": "1", "two": True, "many": ["a", "b"]},
        },
        "zipped": True,
        "tombstone": ["gone", None],
        "bytes": [True, 0],
        "other": ["leader only", "no acks", "ümläut"],
        "readOffsets": ["0", "1", "2", "3"],
    },
    "autoCreated": {"records": ["first"], "refused": ["UNKNOWN_TOPIC_OR_PARTITION"], "made": False},
    "refusedRecords": {"large": ["MESSAGE_TOO_LARGE"], "keyless": ["INVALID_RECORD"], "kept": ["kept"]},
    "idempotent": {
        "offsets": ["0", "3", "6"],
        "records": [f"r{round_}-{number}" for round_ in range(3) for number in range(3)],
    },
    "transactions": {
        "afterAbort": "-1",
        "afterCommit": "7",
        "committed": ["committed", "plain"],
        "uncommitted": ["aborted", "committed", "plain"],
        "other": ["committed too"],
        "ended": [False, ["Cannot continue to use transaction once ended"]],
    },
    "openTransactionHidesWhatFollows": {
        "whileOpen": [],
        "committed": ["inside", "after"],
        "uncommitted": ["inside", "after"],
    },
    "newestFencesOlder": {"refused": 1, "records": ["of the newer"]},
    "fromBeginningOrEnd": {"beginning": ["early", "late"], "end": ["late"]},
    "subscribedByPattern": {"seen": ["1", "2"]},
    # First and last offset of the batch, the high watermark, and what four resolved messages will commit.
    "eachBatch": {"batches": [["0", "9", "10", "4"], ["4", "9", "10", "8"], ["8", "9", "10", "10"]]},
    "rebalanceUnderLoad": {"alone": 6, "outOfOrder": 0, "missing": 0},
    "pauseResume": {"paused": [[1]], "whilePaused": ["b0", "c0"], "rest": ["b1", "c1"]},
    "seek": {"again": ["m3", "m4", *numbered(5)]},
    "manualCommit": {
        "first": numbered(4),
        "second": numbered(4),
        "committed": [committed(0, 3, "by hand")],
        "third": ["m3"],
    },
    "deletedTopic": {"offset": "0", "value": "new"},
}


@pytest.mark.parametrize("scenario", [*EXPECTED, "adminCluster"])
def test_feature(features: Played, bootstrap: str, scenario: str) -> None:
    cluster = {"addresses": [bootstrap], "controllerKnown": True, "named": True}
    assert features.result(scenario) == EXPECTED.get(scenario, cluster)


def test_login(kafkajs: None, secured: str) -> None:
    environment = {"KAFKA_BOOTSTRAP": secured, "KAFKA_USER": USER, "KAFKA_PASSWORD": PASSWORD}
    with play(["node", str(NODE / "features.js"), "sasl"], environment, PROGRAM_SECONDS_MAX) as program:
        result = program.result("sasl")
    mechanisms = ["plain", "scram-sha-256", "scram-sha-512"]
    assert sorted(result["records"]) == mechanisms
    for mechanism in mechanisms:
        assert result[f"{mechanism} right"] == []
        (told,) = result[f"{mechanism} wrong"]
        assert "authentication failed" in told
    assert result["anonymous"] == 1


def test_seed_feedback(node_seeds: Played) -> None:
    result = node_seeds.result("feedback")
    assert result["ratings"] == [4, 5]
    assert result["said"] == [
        f'Received message: {{"userId":"u","rating":{rating},"comment":"c","timestamp":1}}'
        for rating in (4, 5)
    ]


def test_seed_orders(node_seeds: Played) -> None:
    paid = [f"Processing payment for order {number}" for number in (1, 2, 3)]
    assert node_seeds.result("orders") == {"said": paid, "behind": 0}


def test_seed_user_events(node_seeds: Played) -> None:
    said = ["Message sent to Kafka", "Received: New user sign-up: John Doe"]
    assert node_seeds.result("userEvents") == {"said": said}
