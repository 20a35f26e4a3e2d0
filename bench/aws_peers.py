"""ElasticMQ and moto's server as brokers that are compared: each as its own documentation starts it.

Must not tune them: what is set is where they listen. Neither keeps anything on disk.
"""

import importlib.metadata
import re
import sys
import time
from pathlib import Path
from typing import Final

import kafka_peer
from bench import process_tree
from bench.amqp_wire import ADDRESS
from bench.aws_wire import wait_for_answer
from bench.peers import START_SECONDS_MAX, BrokerError, Process, Started, free_port

ELASTICMQ_JARS: Final = Path(__file__).resolve().parent / "elasticmq_jars"
ELASTICMQ_MAIN: Final = "org.elasticmq.server.Main"
# Their own words for being ready.
ELASTICMQ_READY: Final = "=== ElasticMQ server"
MOTO_READY: Final = "Running on"


class _Server:
    """A program that listens on `port` and says `ready_mark` when it does."""

    name: str
    version: str
    ready_mark: str

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.port = free_port()
        self._process: Process | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self, seconds_max: float = START_SECONDS_MAX) -> Started:
        """Raises BrokerError, LoadError."""
        command = self.command()
        exec_at = time.monotonic()
        deadline = exec_at + seconds_max
        self._process = Process(command, self.directory / "output.txt")
        self._process.wait_for_line(self.ready_mark, deadline)
        ready_ms = (time.monotonic() - exec_at) * 1000
        wait_for_answer(self.port, deadline)
        handshake_ms = (time.monotonic() - exec_at) * 1000
        return Started(exec_at, ready_ms, handshake_ms, self.version)

    def processes(self) -> list[int]:
        return process_tree.descendants(self._process.child.pid) if self._process else []

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process = None


class ElasticMQ(_Server):
    name = "ElasticMQ"
    ready_mark = ELASTICMQ_READY

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        found = re.search(r"<elasticmq\.version>([^<]+)<", (ELASTICMQ_JARS / "pom.xml").read_text("utf-8"))
        assert found is not None, "the pom names no elasticmq.version"
        self.version = found[1]

    def command(self) -> list[str]:
        settings = {
            "rest-sqs.bind-hostname": ADDRESS,
            "rest-sqs.bind-port": self.port,
            "generate-node-address": "true",
            "rest-stats.bind-hostname": ADDRESS,
            "rest-stats.bind-port": free_port(),
        }
        options = [f"-D{name}={value}" for name, value in settings.items()]
        try:
            class_path = kafka_peer.class_path(ELASTICMQ_JARS)
            return [kafka_peer.java_program(), *options, "-cp", class_path, ELASTICMQ_MAIN]
        except kafka_peer.ToolchainMissing as error:
            raise BrokerError(str(error)) from error


class Moto(_Server):
    name = "moto"
    ready_mark = MOTO_READY

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.version = importlib.metadata.version("moto")

    def command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", ADDRESS, "-p", str(self.port)]
