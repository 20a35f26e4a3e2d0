"""The AWS SDKs for JavaScript, v2 and v3: the seeds' SQS programs, as they stand but for the endpoint, and the SDKs'
features; SNS with v3."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest

from clients.kafka_programs.scenarios import Played, play, wanted_scenarios

NODE = Path(__file__).parent / "node"
INSTALL_SECONDS_MAX = 120
PROGRAM_SECONDS_MAX = 60

pytestmark = pytest.mark.timeout(INSTALL_SECONDS_MAX + 2 * PROGRAM_SECONDS_MAX)


@pytest.fixture(scope="session")
def sdks(require_tools: Callable[..., None]) -> None:
    """The SDKs are installed now when they are not there yet."""
    require_tools("node", "npm")
    installed = NODE / "node_modules"
    wanted = ("aws-sdk", "@aws-sdk/client-sns", "@aws-sdk/client-sqs")
    if not all((installed / name / "package.json").exists() for name in wanted):
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=NODE, check=True, timeout=INSTALL_SECONDS_MAX)


@pytest.fixture(scope="session")
def environment(endpoint: str) -> dict[str, str]:
    return {"AWS_TEST_ENDPOINT": endpoint, "AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE": "1"}


@pytest.fixture(scope="session")
def features(
    request: pytest.FixtureRequest, sdks: None, environment: dict[str, str]
) -> Generator[Played, None, None]:
    command = ["node", str(NODE / "features.js"), *wanted_scenarios(request, test_feature)]
    with play(command, environment, PROGRAM_SECONDS_MAX) as program:
        yield program


@pytest.fixture(scope="session")
def node_seeds(sdks: None, environment: dict[str, str]) -> Generator[Played, None, None]:
    with play(["node", str(NODE / "seeds.js")], environment, PROGRAM_SECONDS_MAX) as program:
        yield program


RANGE = (
    "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
)
EXPECTED: dict[str, Any] = {
    "roundTrip": {
        "body": "hello ümläut 🙂",
        "text": "grün & <b>",
        "number": "7",
        "raw": [0, 255, 30],
        "count": "1",
        "left": "0",
    },
    "batches": {
        "sent": ["a", "b"],
        "failed": [["c", "InvalidParameterValue", True]],
        "bodies": ["a", "b"],
        "deleted": 2,
    },
    "fifo": {"bodies": ["a1", "a2"], "repeated": True, "ascending": True},
    "visibility": {"same": True, "otherHandle": True},
    "longPoll": ["hello"],
    "tags": {"team": "orders"},
    "deadLetters": "poison",
}
# What each SDK calls an error: v2 by the name in the body, v3 by the code of the Query protocol where the model has no name.
ERRORS = {
    "v2": {
        "unknown": "QueueDoesNotExist",
        "handle": "ReceiptHandleIsInvalid",
        "range": ["InvalidParameterValueException", RANGE],
    },
    "v3": {
        "unknown": "QueueDoesNotExist",
        "handle": "ReceiptHandleIsInvalid",
        "range": ["InvalidParameterValue", RANGE],
    },
}
WANTED: dict[str, Any] = {
    **{f"{sdk}-{name}": wanted for sdk in ("v2", "v3") for name, wanted in EXPECTED.items()},
    **{f"{sdk}-errors": wanted for sdk, wanted in ERRORS.items()},
    "v3QueueUrlAsEndpoint": ["by its URL"],
    "v3Topic": {
        "published": ["1", "2"],
        "envelopes": [["Notification", "grün & <b> 1"], ["Notification", "grün & <b> 2"]],
        "sameIds": True,
        "raw": ["grün & <b> 1", "red", 0],
        "gone": ["NotFoundException", "Topic does not exist"],
    },
}


@pytest.mark.parametrize("scenario", WANTED)
def test_feature(features: Played, scenario: str) -> None:
    assert features.result(scenario) == WANTED[scenario]


def test_seed_send_and_receive(node_seeds: Played) -> None:
    assert node_seeds.result("sendAndReceive") == {
        "received": ["Message received:", "New order placed: #455"],
        "sent": "Message sent:",
        "id": 36,
    }


def test_seed_serverless(node_seeds: Played) -> None:
    assert node_seeds.result("serverless") == {
        "sent": "Message sent:",
        "processed": ["Processing messages:", [{"orderId": 456}]],
    }


def test_seed_ride_status(node_seeds: Played) -> None:
    assert node_seeds.result("rideStatus") == {
        "said": "Message sent:",
        "body": '{"rideId":101,"status":"Driver en route"}',
    }
