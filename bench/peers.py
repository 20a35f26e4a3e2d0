"""Starts and ends the brokers that are compared: onemq, and a private RabbitMQ node, with default settings.

Must not tune one broker and not the other, nor touch a broker it did not start: each RabbitMQ node has its
own directory, ports, cookie and epmd, all on loopback.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final, Protocol

from bench import process_tree
from bench.amqp_wire import ADDRESS, LoadError, wait_for_handshake
from bench.aws_wire import wait_for_answer as wait_for_aws
from bench.kafka_wire import wait_for_answer as wait_for_kafka

START_SECONDS_MAX: Final = 120.0
RECOVERY_SECONDS_MAX: Final = 1800.0
# The wrapper that Debian puts on the path changes the user and starts a node even for --version.
RABBITMQ_PLACES: Final = ("/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/rabbitmq/sbin/rabbitmq-server")


class BrokerError(Exception):
    """A broker did not start, or did not end."""


class Started:
    """How long a start took, in milliseconds from exec; `ready_ms` is the broker's own ready line."""

    def __init__(self, exec_at: float, ready_ms: float, handshake_ms: float, version: str) -> None:
        self.exec_at = exec_at
        self.ready_ms = ready_ms
        self.handshake_ms = handshake_ms
        self.version = version


class Broker(Protocol):
    name: str
    port: int

    def start(self, seconds_max: float = START_SECONDS_MAX) -> Started: ...

    def processes(self) -> list[int]: ...

    def kill(self) -> None: ...


class Process:
    """One child process, its output in a file, and the end of its whole tree."""

    def __init__(self, command: list[str], output: Path, environment: dict[str, str] | None = None) -> None:
        self.output = output
        with output.open("wb") as sink:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT, env=environment
            )

    def wait_for_line(self, mark: str, deadline: float) -> str:
        """The first line of output that holds `mark`."""
        while True:
            for line in self.output.read_text(errors="replace").splitlines(keepends=True):
                if mark in line and line.endswith("\n"):
                    return line.strip()
            if self.child.poll() is not None:
                raise BrokerError(f"ended with {self.child.returncode}: {self.tail()}")
            if time.monotonic() >= deadline:
                raise BrokerError(f"no line with {mark!r} in time: {self.tail()}")
            time.sleep(0.002)

    def tail(self) -> str:
        lines = [line for line in self.output.read_text(errors="replace").splitlines() if line.strip()]
        return " / ".join(lines[-3:])[-300:] or "no output"

    def kill(self) -> None:
        """SIGKILL to the child and all below it; returns when all are gone."""
        tree = process_tree.descendants(self.child.pid) if self.child.poll() is None else []
        for process in tree:
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.child.wait(30)
        deadline = time.monotonic() + 30
        while any(process_tree.alive(process) for process in tree):
            if time.monotonic() >= deadline:
                raise BrokerError("processes outlived SIGKILL")
            time.sleep(0.005)


class Onemq:
    """onemq with default settings, apart from `environment`; `listener` is the one that is measured."""

    name: str = "onemq"

    def __init__(
        self,
        command: list[str],
        directory: Path,
        *,
        listener: str = "amqp",
        name: str = "onemq",
        environment: dict[str, str] | None = None,
    ) -> None:
        self.name = name
        self.command = command
        self.directory = directory
        self._listener = listener
        self._environment = environment
        self.port = 0
        self._process: Process | None = None

    def start(self, seconds_max: float = START_SECONDS_MAX) -> Started:
        self.directory.mkdir(parents=True, exist_ok=True)
        arguments = ["serve", "--data", str(self.directory / "data"), "--host", ADDRESS]
        for listener in dict.fromkeys(("amqp", "http", self._listener)):
            arguments += [f"--{listener}-port", "0"]
        exec_at = time.monotonic()
        deadline = exec_at + seconds_max
        self._process = Process(self.command + arguments, self.directory / "output.txt", self._environment)
        # The listener may be announced before it serves, so the handshake is tried only after the ready line.
        self._process.wait_for_line("ready in", deadline)
        ready_ms = (time.monotonic() - exec_at) * 1000
        line = self._process.wait_for_line(f"listening {self._listener} ", deadline)
        self.port = int(line.rpartition(":")[2])
        if self._listener == "kafka":
            wait_for_kafka(self.port, deadline)
        elif self._listener == "aws":
            wait_for_aws(self.port, deadline)
        else:
            wait_for_handshake(self.port, deadline).close()
        handshake_ms = (time.monotonic() - exec_at) * 1000
        return Started(exec_at, ready_ms, handshake_ms, self._version())

    def _version(self) -> str:
        command = [*self.command, "--version"]
        try:
            result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
        except (OSError, subprocess.SubprocessError):
            return "unknown"
        return result.stdout.strip() or "unknown"

    def processes(self) -> list[int]:
        return process_tree.descendants(self._process.child.pid) if self._process else []

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process = None


class RabbitMQ:
    name: str = "RabbitMQ"

    def __init__(self, program: str, directory: Path) -> None:
        self.program = program
        self.directory = directory
        self.port = free_port()
        # Kept over restarts: the database belongs to the node's name.
        self._node = f"bench{secrets.token_hex(4)}@localhost"
        self._node_port = free_port()
        self._epmd_port = free_port()
        self._epmd: Process | None = None
        self._process: Process | None = None

    def start(self, seconds_max: float = START_SECONDS_MAX) -> Started:
        self._start_epmd()
        exec_at = time.monotonic()
        deadline = exec_at + seconds_max
        self._process = Process([self.program], self.directory / "output.txt", self._environment())
        try:
            connection = wait_for_handshake(self.port, deadline)
        except LoadError as error:
            raise BrokerError(f"{error}: {self._process.tail()}") from error
        handshake_ms = (time.monotonic() - exec_at) * 1000
        version = connection.server_version()
        connection.close()
        self._process.wait_for_line("completed with", deadline)
        ready_ms = (time.monotonic() - exec_at) * 1000
        return Started(exec_at, ready_ms, handshake_ms, version)

    def _start_epmd(self) -> None:
        """An epmd of its own in the foreground; otherwise the node would leave a daemon behind."""
        if self._epmd is not None:
            return
        program = shutil.which("epmd")
        if program is None:
            raise BrokerError("epmd is not on the path")
        for name in ("home", "log", "mnesia"):
            (self.directory / name).mkdir(parents=True, exist_ok=True)
        command = [program, "-address", ADDRESS, "-port", str(self._epmd_port)]
        self._epmd = Process(command, self.directory / "epmd.txt")
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection((ADDRESS, self._epmd_port), timeout=1).close()
                return
            except OSError as error:
                if time.monotonic() >= deadline:
                    raise BrokerError(f"epmd does not answer: {error}") from error
                time.sleep(0.01)

    def _environment(self) -> dict[str, str]:
        settings = self.directory / "rabbitmq.conf"
        settings.write_text(f"listeners.tcp.1 = {ADDRESS}:{self.port}\n")
        plugins = self.directory / "enabled_plugins"
        plugins.write_text("[].\n")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}
        return inherited | {
            "HOME": str(self.directory / "home"),
            "ERL_EPMD_ADDRESS": ADDRESS,
            "ERL_EPMD_PORT": str(self._epmd_port),
            "RABBITMQ_NODENAME": self._node,
            "RABBITMQ_DIST_PORT": str(self._node_port),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(settings),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_LOG_BASE": str(self.directory / "log"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
        }

    def processes(self) -> list[int]:
        return process_tree.descendants(self._process.child.pid) if self._process else []

    def kill(self) -> None:
        if self._process:
            self._process.kill()
            self._process = None
        if self._epmd:
            self._epmd.kill()
            self._epmd = None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        port: int = probe.getsockname()[1]
        return port


def find_rabbitmq(program: str | None) -> str | None:
    """The path of the rabbitmq-server script, or None when it is not installed."""
    for place in (program,) if program else RABBITMQ_PLACES:
        if place and os.access(place, os.X_OK):
            return place
    return None if program else shutil.which("rabbitmq-server")
