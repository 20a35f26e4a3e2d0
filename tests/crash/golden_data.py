"""Writes the data directory that test_process_golden.py keeps: run once per format version, never again for the same one.

`python tests/crash/golden_data.py tests/crash/data/v1` makes it with the broker of today. What an old broker has written
must be opened by every later one; so the directory of a version is committed, and only new versions get new ones.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from random import Random

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS)]

from onemq.auth.gate import Gate  # noqa: E402
from onemq.auth.permissions import Permission, Permissions  # noqa: E402
from onemq.auth.users import User, Users  # noqa: E402
from onemq.engine.broker import Broker  # noqa: E402
from onemq.engine.settings import EngineSettings  # noqa: E402
from onemq.heads.amqp091.head import AmqpHead  # noqa: E402
from onemq.heads.amqp091.methods import (  # noqa: E402
    BasicAck,
    BasicConsume,
    BasicReject,
    ConfirmSelect,
    ExchangeDeclare,
    QueueBind,
    QueueDeclare,
)
from onemq.heads.amqp091.native_reader import AmqpNativeReader  # noqa: E402
from onemq.heads.amqp091.properties import BasicProperties  # noqa: E402
from onemq.heads.amqp091.settings import PREDECLARED_EXCHANGES, AmqpSettings  # noqa: E402
from onemq.model.passwords import hash_password  # noqa: E402
from onemq.model.record import NATIVE_AMQP091  # noqa: E402
from onemq.storage.file_store import FileStore  # noqa: E402
from onemq.storage.settings import StoreSettings  # noqa: E402
from simulation.simulated_files import SimulatedFiles, _Directory  # noqa: E402
from simulation.stepped import Stepped  # noqa: E402
from simulation.world_turns import START_MS  # noqa: E402
from unit.heads.amqp091.playbook import Peer, Stage  # noqa: E402

DURABLE = BasicProperties(delivery_mode=2)


class FileStage(Stage):
    """A stage whose broker stores in simulated files."""

    def __init__(self) -> None:
        super().__init__()
        self.random = Random(1)
        self.files = SimulatedFiles(self.random)
        self.workers = Stepped()
        settings = StoreSettings("/data", segment_bytes=4000, preallocate_bytes=0)
        self.store = FileStore(settings, self.files, self.workers, lambda: None)
        engine = EngineSettings(
            tail_bytes_max=8000, journal_bytes_max=20_000, predeclared=list(PREDECLARED_EXCHANGES)
        )
        self.broker = Broker(self.store, engine, self._entropy)
        self.broker.catalog.natives.register(NATIVE_AMQP091, AmqpNativeReader())
        users = {
            "guest": User("guest", ["administrator"], hash_password("guest", b"salt"), loopback_only=True)
        }
        granted = {("guest", "/"): Permission(".*", ".*", ".*")}
        self.gate = Gate(Users(users), Permissions(["/"], granted), self.broker)
        self.head = AmqpHead(self.gate, AmqpSettings(), self._entropy)
        self.now_ms = START_MS
        self.broker.begin_turn(self.now_ms)
        self.broker.recover()

    def turn(self) -> None:
        for _ in range(6):
            super().turn()
            self.workers.run(self.random)


def declare(peer: Peer) -> None:
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead", "x-max-priority": 5}
    peer.says(1, QueueDeclare("work", durable=True, arguments=arguments))  # type: ignore[arg-type]
    for name in ("dead", "copies", "empty"):
        peer.says(1, QueueDeclare(name, durable=True))
    peer.says(1, QueueDeclare("log", durable=True, arguments={"x-queue-type": "stream"}))
    peer.says(1, QueueDeclare("memory", durable=False))
    peer.says(1, ExchangeDeclare("news", "topic", durable=True))
    peer.says(1, QueueBind("copies", "news", "#.weather.*"))
    peer.says(1, QueueBind("copies", "amq.fanout", ""))


def fill(peer: Peer) -> None:
    everything = BasicProperties(
        content_type="text/plain",
        headers={"number": 7, "name": "größer", "flag": True, "list": [1, "two"], "table": {"in": b"\0\1"}},
        delivery_mode=2,
        priority=3,
        correlation_id="correlation",
        reply_to="answers",
        message_id="message-1",
        timestamp=1_700_000_000,
        type="kind",
        app_id="golden",
    )
    peer.publishes(1, "", "work", b"with all properties", properties=everything)
    for number in range(60):
        peer.publishes(1, "", "work", b"%03d " % number + b"x" * (number * 37 % 400), properties=DURABLE)
        if number % 3 == 0:
            peer.publishes(1, "", "log", b"entry %d" % number, properties=DURABLE)
    peer.publishes(1, "news", "eu.weather.berlin", b"rain", b"sun", properties=DURABLE)
    peer.publishes(1, "amq.fanout", "", b"to all", properties=DURABLE)
    peer.publishes(1, "", "work", b"transient: gone", properties=BasicProperties(delivery_mode=1))
    peer.publishes(1, "", "memory", b"queue in memory: gone", properties=DURABLE)
    peer.publishes(1, "", "empty", b"consumed", properties=DURABLE)


def settle(stage: FileStage, peer: Peer) -> None:
    """Some are taken, some rejected, one is out when the broker stops."""
    peer.says(1, BasicConsume("empty", "e"))
    peer.says(1, BasicConsume("work", "w"))
    tags: dict[bytes, int] = {}
    for heard in peer.heard():
        body = getattr(heard.what, "body", None)
        if body is not None:
            tags[body.split(b" ")[0]] = heard.what.method.delivery_tag  # type: ignore[union-attr]
    for name, tag in tags.items():
        if name == b"consumed" or (name.isdigit() and int(name) % 4 == 0):
            peer.says(1, BasicAck(tag, False))
        elif name.isdigit() and int(name) % 10 == 5:
            peer.says(1, BasicReject(tag, False))
        elif name.isdigit() and int(name) % 10 != 7:
            peer.says(1, BasicReject(tag, True))
            peer.heard()


def write_files(directory: _Directory, target: Path) -> None:
    target.mkdir(parents=True)
    for name, entry in directory.live.items():
        if isinstance(entry, _Directory):
            write_files(entry, target / name)
        elif name != "lock":
            (target / name).write_bytes(bytes(entry.live))


def expected() -> dict[str, object]:
    """What must be delivered, said without asking the broker."""
    bodies = {number: f"{number:03d} " + "x" * (number * 37 % 400) for number in range(60)}
    dead = [number for number in range(60) if number % 4 and number % 10 == 5]
    work = ["with all properties"]
    work += [bodies[number] for number in range(60) if number % 4 and number % 10 != 5]
    return {
        "work": work,
        "dead": [bodies[number] for number in dead],
        "copies": ["rain", "sun", "to all"],
        "empty": [],
        "log": [f"entry {number}" for number in range(0, 60, 3)],
    }


def main(target: Path) -> None:
    stage = FileStage()
    peer = stage.connect()
    peer.opens(1)
    peer.says(1, ConfirmSelect())
    declare(peer)
    fill(peer)
    settle(stage, peer)
    for number in range(3):
        peer.publishes(1, "", "log", b"late entry %d" % number, properties=DURABLE)
    found = expected()
    log = found["log"]
    assert isinstance(log, list)
    log += [f"late entry {number}" for number in range(3)]
    # As a kill would leave it: nothing is closed.
    write_files(stage.files._directory("/data"), target / "data")
    (target / "expected.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
