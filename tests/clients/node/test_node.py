"""amqplib (Node.js): the seeds' RabbitMQ programs, unmodified, and the library's features."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import pytest

from clients.kafka_programs.scenarios import Played, play

HERE = Path(__file__).parent
INSTALL_SECONDS_MAX = 120
PROGRAM_SECONDS_MAX = 60

pytestmark = pytest.mark.timeout(INSTALL_SECONDS_MAX + PROGRAM_SECONDS_MAX)

SEEDS = (
    "taskQueue",
    "orders",
    "events",
    "messageFailures",
    "idempotency",
    "orderSentAndReceived",
    "callbackProducer",
    "deadLetter",
    "priority",
    "durableQueue",
)
FEATURES = (
    "confirms",
    "returns",
    "rpc",
    "cancelled",
    "errors",
    "values",
    "heartbeat",
    "smallestFrame",
    "callbackApi",
    "wrongPassword",
    "recoverAndNackAll",
)


class Broker(Protocol):
    @property
    def url(self) -> str: ...


@pytest.fixture(scope="session")
def amqplib(require_tools: Callable[..., None]) -> None:
    """amqplib is installed now when it is not there yet."""
    require_tools("node", "npm")
    if not (HERE / "node_modules" / "amqplib" / "package.json").exists():
        install = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"]
        subprocess.run(install, cwd=HERE, check=True, timeout=INSTALL_SECONDS_MAX)


def playing(program: str, scenarios: Sequence[str], broker: Broker) -> AbstractContextManager[Played]:
    command = ["node", str(HERE / "programs" / program), *scenarios]
    return play(command, {"AMQP_URL": broker.url}, PROGRAM_SECONDS_MAX)


@pytest.fixture(scope="session")
def seeds(broker: Broker, amqplib: None) -> Generator[Played, None, None]:
    with playing("seeds.js", SEEDS, broker) as program:
        yield program


@pytest.fixture(scope="session")
def features(broker: Broker, amqplib: None) -> Generator[Played, None, None]:
    with playing("features.js", FEATURES, broker) as program:
        yield program


def test_seed_task_queue(seeds: Played) -> None:
    assert seeds.result("taskQueue") == {"said": ["Received: before", "Received: after"], "left": 0}


def test_seed_orders_with_prefetch_ack_and_nack(seeds: Played) -> None:
    result = seeds.result("orders")
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


def test_seed_events_reach_both_services(seeds: Played) -> None:
    both = [{"type": "created"}, {"type": "paid"}]
    assert seeds.result("events") == {"mails": both, "texts": both}


def test_seed_message_failures(seeds: Played) -> None:
    assert seeds.result("messageFailures") == {"handled": ["a", "b", "c", "d"], "left": 0}


def test_seed_idempotency(seeds: Played) -> None:
    result = seeds.result("idempotency")
    # Two consumers take turns. The wrong one pays whatever it gets and never acknowledges.
    assert result["payments"] == [1, 1, 2, 2]
    assert (result["wrong"], result["left"]) == (2, 2)


def test_seed_order_sent_and_received(seeds: Played) -> None:
    assert seeds.result("orderSentAndReceived") == {
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


def test_seed_callback_producer(seeds: Played) -> None:
    body = '{"orderId":123,"item":"Laptop","quantity":1}'
    assert seeds.result("callbackProducer") == {
        "said": [f"[x] Sent {body}"],
        "body": body,
        "redelivered": False,
    }


def test_seed_dead_letter_queue(seeds: Played) -> None:
    assert seeds.result("deadLetter") == {
        "body": "bad",
        "more": False,
        "death": {"queue": "task_queue", "reason": "rejected", "count": 1, "keys": ["task_queue"]},
        "left": 0,
    }


def test_seed_priority_queue(seeds: Played) -> None:
    assert seeds.result("priority") == {"order": ["10", "10", "5", "3", "1", "none"]}


def test_seed_durable_queue(seeds: Played) -> None:
    result = seeds.result("durableQueue")
    assert result["messageCount"] == 0
    assert "406" in result["refusal"]
    assert "inequivalent arg 'durable' for queue 'task_queue' in vhost '/'" in result["refusal"]


def test_confirms_and_nacks(features: Played) -> None:
    # In which order they come is the broker's affair: what is refused need not wait for a disk.
    assert sorted(features.result("confirms")["outcomes"]) == ["ack", "ack", "ack", "nack", "nack"]


def test_a_return_comes_before_its_confirm(features: Played) -> None:
    assert features.result("returns") == {"events": ["return 312 NO_ROUTE", "ack"]}


def test_rpc_by_direct_reply_to(features: Played) -> None:
    assert features.result("rpc") == {
        "answers": {"square of 2": "4", "square of 3": "9", "square of 4": "16"}
    }


def test_a_consumer_is_told_that_its_queue_is_gone(features: Played) -> None:
    assert features.result("cancelled") == {"received": ["m", None]}


def test_channel_errors(features: Played) -> None:
    assert features.result("errors") == {"codes": [404, 404, 403, "406 unknown delivery tag 99"]}


def test_values_round_trip(features: Played) -> None:
    result = features.result("values")
    assert result["same"] is True and result["empty"] == 0
    assert result["received"] == result["sent"]


def test_heartbeats(features: Played) -> None:
    assert features.result("heartbeat") == {"failure": None, "named": True}


def test_smallest_frame_size(features: Played) -> None:
    assert features.result("smallestFrame") == {"same": True}


def test_callback_api(features: Played) -> None:
    assert features.result("callbackApi") == {"body": "called back"}


def test_wrong_password(features: Played) -> None:
    assert "ACCESS" in features.result("wrongPassword")["message"].upper()


def test_recover_and_nack_all(features: Played) -> None:
    assert features.result("recoverAndNackAll") == {
        "redelivered": [True, True, True],
        "last": ["1", "2", "3"],
    }
