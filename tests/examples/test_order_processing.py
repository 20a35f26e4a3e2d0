"""The order example: every order ends once, as it should, whatever happens to the services on the way."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pika
import psycopg
import pytest

from broker_process import BrokerProcess
from example_runner import LISTENERS, STOP_SECONDS_MAX, Examples, rows, until

ORDERS = 80

Query = Callable[[str], list[tuple[Any, ...]]]


def dead_letters(examples: Examples) -> dict[str | None, pika.BasicProperties]:
    """What lies in the payment service's dead letters, by message id; it is taken out."""
    connection = pika.BlockingConnection(pika.URLParameters(examples.environment["AMQP_URL"]))
    channel = connection.channel()
    found: dict[str | None, pika.BasicProperties] = {}
    while True:
        method, properties, _body = channel.basic_get("shop.payment.dead", auto_ack=True)
        if method is None or properties is None:
            connection.close()
            return found
        found[properties.message_id] = properties


def check_the_play(examples: Examples, query: Query) -> None:
    assert query("SELECT order_id, status FROM payments ORDER BY order_id") == [
        ("order-1", "paid"),
        ("order-2", "paid"),
        ("order-3", "declined"),
        ("order-4", "paid"),
    ]
    assert query("SELECT available FROM stock WHERE item = 'teapot'") == [(8,)]
    letters: dict[str, str] = dict(query("SELECT order_id, text FROM notifications"))
    assert {order: text.split(";")[0] for order, text in letters.items()} == {
        "order-1": "Your order is on its way.",
        "order-2": "Your order is on its way.",
        "order-3": "Your order was not placed: the card was declined.",
        "order-4": "We have run out of samovar",
    }
    dead = dead_letters(examples)
    assert dead.keys() == {"order-5/order.placed", "poison"}
    headers = dead["order-5/order.placed"].headers or {}
    assert headers["attempt"] == 5
    assert headers["last-error"] == "GatewayTimeout('no answer within 3 s')"
    deaths = {(death["queue"], death["reason"]) for death in headers["x-death"]}
    assert deaths == {("shop.payment", "rejected"), ("shop.payment.retry.800ms", "expired")}
    assert "attempt" not in (dead["poison"].headers or {})


def on_sqlite(examples: Examples) -> Query:
    path = examples.directory / "shop.sqlite3"
    examples.environment["DATABASE_URL"] = f"sqlite+aiosqlite:///{path}"
    return partial(rows, path)


def test_each_order_ends_as_it_should(examples: Examples) -> None:
    query = on_sqlite(examples)
    examples.play("order_processing")
    check_the_play(examples, query)


SERVICES = ("payment", "inventory", "notification")


def start_services(examples: Examples) -> dict[str, subprocess.Popen[bytes]]:
    services = {name: examples.start(f"order_processing.{name}") for name in SERVICES}
    until(lambda: examples.logs().count("is ready") == len(SERVICES), "the services are ready")
    return services


def test_everything_is_done_once_whoever_is_killed(tmp_path: Path) -> None:
    """Two of the services, and the broker. The services stay when it goes, and go on when it is there again."""
    broker = BrokerProcess(tmp_path / "broker", listeners=LISTENERS)
    broker.start()
    (tmp_path / "shop").mkdir()
    examples = Examples(broker, tmp_path / "shop")
    try:
        query = on_sqlite(examples)
        examples.play("order_processing.prepare", str(ORDERS * 10))
        services = start_services(examples)
        examples.play("order_processing.order", str(ORDERS))
        for name, table in (("payment", "payments"), ("inventory", "notifications")):
            until(lambda table=table: len(query(f"SELECT 1 FROM {table}")) >= 5, f"the first {table}")  # type: ignore[misc]
            services[name].kill()
            services[name].wait()
            services[name] = examples.start(f"order_processing.{name}")
        until(lambda: len(query("SELECT 1 FROM notifications")) >= 15, "some more are told")
        broker.kill9()
        broker.start()
        until(lambda: len(query("SELECT 1 FROM notifications")) == ORDERS, "everybody is told")
        assert [examples.stop(process) for process in services.values()] == [0, 0, 0]

        assert query("SELECT status, count(*) FROM payments GROUP BY status") == [("paid", ORDERS)]
        assert query("SELECT available FROM stock") == [(ORDERS * 9,)]
        assert query("SELECT text, count(*) FROM notifications") == [("Your order is on its way.", ORDERS)]
        assert dead_letters(examples) == {}
    finally:
        examples.end()
        broker.kill9()


@pytest.fixture
def postgresql_url(tmp_path: Path) -> Generator[str, None, None]:
    """A PostgreSQL of its own for one test. It does not run as root, so root lends it to the user `postgres`."""
    if shutil.which("initdb") is None or shutil.which("postgres") is None:
        pytest.skip("TOOLCHAIN MISSING: PostgreSQL is not installed; it is an option of the example")
    user = "postgres" if os.geteuid() == 0 else None
    # Its directory lies outside of tmp_path, which other users may not enter.
    place = Path(tempfile.mkdtemp(prefix="postgresql-"))
    if user is not None:
        shutil.chown(place, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = place / "data"
    initdb = ["initdb", "-D", str(data), "-A", "trust", "-U", "shop", "--no-sync", "--locale=C", "-E", "UTF8"]
    subprocess.run(initdb, user=user, cwd=place, check=True, capture_output=True, timeout=60)
    command = [
        "postgres",
        "-D",
        str(data),
        "-p",
        str(port),
        "-k",
        str(place),
        "-c",
        "listen_addresses=127.0.0.1",
    ]
    with (tmp_path / "postgresql.log").open("wb") as log:
        server = subprocess.Popen(command, user=user, cwd=place, stdout=log, stderr=subprocess.STDOUT)
    try:
        log_path = tmp_path / "postgresql.log"
        until(lambda: "ready to accept connections" in log_path.read_text(), "PostgreSQL is ready")
        yield f"127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(STOP_SECONDS_MAX)
        shutil.rmtree(place, ignore_errors=True)


def test_the_same_on_postgresql(examples: Examples, postgresql_url: str) -> None:
    address = f"shop@{postgresql_url}/postgres"
    examples.environment["DATABASE_URL"] = f"postgresql+psycopg://{address}"
    examples.play("order_processing")
    with psycopg.connect(f"postgresql://{address}") as connection:
        check_the_play(examples, lambda statement: connection.execute(statement.encode()).fetchall())
