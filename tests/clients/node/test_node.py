"""amqplib (Node.js): the seeds' RabbitMQ programs, unmodified, and the library's features."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

HERE = Path(__file__).parent
INSTALL_SECONDS_MAX = 120
PROGRAM_SECONDS_MAX = 40

Run = Callable[[str, str], dict[str, Any]]


class Broker(Protocol):
    @property
    def url(self) -> str: ...


@pytest.fixture(scope="session")
def amqplib(require_tools: Callable[..., None]) -> Path:
    """Where amqplib is installed; installed now when it is not there yet."""
    require_tools("node", "npm")
    modules = HERE / "node_modules"
    if not (modules / "amqplib" / "package.json").exists():
        subprocess.run(
            ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"],
            cwd=HERE,
            check=True,
            timeout=INSTALL_SECONDS_MAX,
        )
    return modules


@pytest.fixture
def run(broker: Broker, amqplib: Path) -> Run:
    """Runs one scenario of one program in a Node.js process and gives its result."""

    def run_scenario(program: str, scenario: str) -> dict[str, Any]:
        done = subprocess.run(
            ["node", str(HERE / "programs" / program), scenario],
            env={**os.environ, "AMQP_URL": broker.url},
            capture_output=True,
            text=True,
            timeout=PROGRAM_SECONDS_MAX,
            check=False,
        )
        results = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
        assert done.returncode == 0 and len(results) == 1, f"{done.stdout}\n{done.stderr}"
        result: dict[str, Any] = json.loads(results[0].removeprefix("RESULT "))
        return result

    return run_scenario


def test_seed_task_queue(run: Run) -> None:
    assert run("seeds.js", "taskQueue") == {"said": ["Received: before", "Received: after"], "left": 0}


def test_seed_orders_with_prefetch_ack_and_nack(run: Run) -> None:
    result = run("seeds.js", "orders")
    assert sorted(result["processed"]) == [1, 2, 3]
    assert result["said"][:5] == [
        "Order 1 sent to queue",
        "Order 2 sent to queue",
        "Order 3 sent to queue",
        "Waiting for orders...",
        "Processing payment for order 1",
    ]
    # Requeued, order 2 returns to its place before order 3.
    assert result["said"][5:] == [
        "Order 1 processed",
        "Processing payment for order 2",
        "Failed to process order 2",
        "Processing payment for order 2",
        "Order 2 processed",
        "Processing payment for order 3",
        "Order 3 processed",
    ]
    assert result["left"] == 0


def test_seed_events_reach_both_services(run: Run) -> None:
    both = [{"type": "created"}, {"type": "paid"}]
    assert run("seeds.js", "events") == {"mails": both, "texts": both}


def test_seed_message_failures(run: Run) -> None:
    assert run("seeds.js", "messageFailures") == {"handled": ["a", "b", "c", "d"], "left": 0}


def test_seed_idempotency(run: Run) -> None:
    result = run("seeds.js", "idempotency")
    # Two consumers take turns. The wrong one pays whatever it gets and never acknowledges.
    assert result["payments"] == [1, 1, 2, 2]
    assert (result["wrong"], result["left"]) == (2, 2)


def test_seed_order_sent_and_received(run: Run) -> None:
    assert run("seeds.js", "orderSentAndReceived") == {
        "said": [
            'Order received: {"id":123,"amount":100}',
            'Order sent: {"id":101,"product":"Laptop","quantity":1}',
            'Order sent: {"id":123,"amount":100}',
            'Processing order: {"id":101,"product":"Laptop","quantity":1}',
            "Waiting for messages...",
            "Waiting for messages...",
        ],
        "left": 0,
    }


def test_seed_callback_producer(run: Run) -> None:
    body = '{"orderId":123,"item":"Laptop","quantity":1}'
    assert run("seeds.js", "callbackProducer") == {
        "said": [f"[x] Sent {body}"],
        "body": body,
        "redelivered": False,
    }


def test_seed_dead_letter_queue(run: Run) -> None:
    assert run("seeds.js", "deadLetter") == {
        "body": "bad",
        "more": False,
        "death": {"queue": "task_queue", "reason": "rejected", "count": 1, "keys": ["task_queue"]},
        "left": 0,
    }


def test_seed_priority_queue(run: Run) -> None:
    assert run("seeds.js", "priority") == {"order": ["10", "10", "5", "3", "1", "none"]}


def test_seed_durable_queue(run: Run) -> None:
    result = run("seeds.js", "durableQueue")
    assert result["messageCount"] == 0
    assert "406" in result["refusal"]
    assert "inequivalent arg 'durable' for queue 'task_queue' in vhost '/'" in result["refusal"]


def test_confirms_and_nacks(run: Run) -> None:
    # In which order they come is the broker's affair: what is refused need not wait for a disk.
    assert sorted(run("features.js", "confirms")["outcomes"]) == ["ack", "ack", "ack", "nack", "nack"]


def test_a_return_comes_before_its_confirm(run: Run) -> None:
    assert run("features.js", "returns") == {"events": ["return 312 NO_ROUTE", "ack"]}


def test_rpc_by_direct_reply_to(run: Run) -> None:
    assert run("features.js", "rpc") == {
        "answers": {"square of 2": "4", "square of 3": "9", "square of 4": "16"}
    }


def test_a_consumer_is_told_that_its_queue_is_gone(run: Run) -> None:
    assert run("features.js", "cancelled") == {"received": ["m", None]}


def test_channel_errors(run: Run) -> None:
    assert run("features.js", "errors") == {"codes": [404, 404, 403, "406 unknown delivery tag 99"]}


def test_values_round_trip(run: Run) -> None:
    result = run("features.js", "values")
    assert result["same"] is True and result["empty"] == 0
    assert result["received"] == result["sent"]


def test_heartbeats(run: Run) -> None:
    assert run("features.js", "heartbeat") == {"failure": None, "named": True}


def test_smallest_frame_size(run: Run) -> None:
    assert run("features.js", "smallestFrame") == {"same": True}


def test_callback_api(run: Run) -> None:
    assert run("features.js", "callbackApi") == {"body": "called back"}


def test_wrong_password(run: Run) -> None:
    assert "ACCESS" in run("features.js", "wrongPassword")["message"].upper()


def test_recover_and_nack_all(run: Run) -> None:
    assert run("features.js", "recoverAndNackAll") == {
        "redelivered": [True, True, True],
        "last": ["1", "2", "3"],
    }
