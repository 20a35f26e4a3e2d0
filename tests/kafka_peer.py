"""A real Apache Kafka as a child process: one node, KRaft, broker and controller in one, from its published jars.

What it does is the measure of what the Kafka head must do. It also runs Kafka's own command line tools, against any
broker. It knows Java, Maven and Kafka's settings, nothing of the wire, and must not import the broker's packages.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

HOST: Final = "127.0.0.1"
JARS: Final = Path(__file__).resolve().parent / "kafka_jars"
FETCH_SECONDS_MAX: Final = 600.0
# Several seconds where it is quiet; many times that on a machine that compiles meanwhile.
READY_SECONDS_MAX: Final = 180.0
STOP_SECONDS_MAX: Final = 40.0
TOOL_SECONDS_MAX: Final = 120.0
POLL_SECONDS: Final = 0.01
LOG_TAIL_CHARACTERS: Final = 6000
READY_MARK: Final = "Kafka Server started"

BROKER_MAIN: Final = "kafka.Kafka"
STORAGE_MAIN: Final = "kafka.tools.StorageTool"

# The tests' node: small, and quick to start; the compiler's second stage would cost more than it brings.
SMALL_JAVA: Final = ("-Xms128m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
# What Kafka's own start script gives when nothing is set: what the benchmark measures.
DEFAULT_JAVA: Final = (
    *("-Xms1G", "-Xmx1G", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20"),
    *(
        "-XX:InitiatingHeapOccupancyPercent=35",
        "-XX:+ExplicitGCInvokesConcurrent",
        "-Djava.awt.headless=true",
    ),
)
TOOL_JAVA: Final = ("-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")

# One node cannot hold three copies; the distribution's own example configuration says the same.
ONE_NODE: Final = {
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}


class ToolchainMissing(Exception):
    """java or mvn is not there, java is too old, or the jars could not be fetched: a test skips loudly."""


class KafkaFailed(AssertionError):
    """The node died or did not become ready in time; the message ends with its log."""


@functools.cache
def java_program() -> str:
    """The path of a java that can run Kafka. Raises ToolchainMissing."""
    program = shutil.which("java")
    if program is None:
        raise ToolchainMissing("not installed: java (17 or newer)")
    told = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=30, check=False)
    found = re.search(r'version "(\d+)', told.stderr + told.stdout)
    if found is None or int(found[1]) < 17:
        raise ToolchainMissing(
            f"java 17 or newer is needed, this is: {told.stderr.strip() or told.stdout.strip()}"
        )
    return program


def class_path(folder: Path = JARS) -> str:
    """The jars that the pom in `folder` names (Kafka's), fetched by Maven when it has changed. Raises ToolchainMissing."""
    target = folder / "target"
    target.mkdir(exist_ok=True)
    wanted = hashlib.sha256((folder / "pom.xml").read_bytes()).hexdigest()
    stamp = target / "fetched"
    with (target / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            _fetch(folder / "pom.xml", target / "jars")
            stamp.write_text(wanted)
    return f"{target / 'jars'}/*"


def _fetch(pom: Path, jars: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise ToolchainMissing(f"not installed: mvn, which fetches the jars of {pom.parent.name}")
    shutil.rmtree(jars, ignore_errors=True)
    command = [maven, "-q", "-B", "-f", str(pom), "dependency:copy-dependencies"]
    command += ["-DincludeScope=runtime", f"-DoutputDirectory={jars}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired as error:
        raise ToolchainMissing(f"mvn did not fetch {pom.parent.name} in {FETCH_SECONDS_MAX:.0f} s") from error
    if done.returncode:
        raise ToolchainMissing(
            f"mvn could not fetch {pom.parent.name}: {(done.stdout + done.stderr)[-1000:]}"
        )


def kafka_version() -> str:
    """The version of the jars that the pom names."""
    found = re.search(r"<kafka\.version>([^<]+)<", (JARS / "pom.xml").read_text(encoding="utf-8"))
    assert found is not None, "the pom names no kafka.version"
    return found[1]


def java_command(main_class: str, *arguments: str, options: Sequence[str] = TOOL_JAVA) -> list[str]:
    """The command line of a main class in Kafka's jars. Raises ToolchainMissing."""
    logging = JARS / ("log4j2.properties" if main_class == BROKER_MAIN else "log4j2-tools.properties")
    command = [java_program(), *options, f"-Dlog4j2.configurationFile={logging}", "-cp", class_path()]
    return [*command, main_class, *arguments]


def run_tool(
    main_class: str, *arguments: str, seconds_max: float = TOOL_SECONDS_MAX, text_in: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run one of Kafka's tools to its end, e.g. `org.apache.kafka.tools.TopicCommand`, against any broker.

    The exit code is not looked at. Raises ToolchainMissing, subprocess.TimeoutExpired.
    """
    command = java_command(main_class, *arguments)
    return subprocess.run(
        command, input=text_in, capture_output=True, text=True, timeout=seconds_max, check=False
    )


def free_ports(count: int) -> list[int]:
    """Different ports of the loopback device that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind((HOST, 0))
        return [probe.getsockname()[1] for probe in probes]


class KafkaPeer:
    """A node on loopback, on free ports that stay the same over restarts.

    `directory` keeps the data, the log and the configuration. `overrides` are broker settings on top of the defaults;
    `listeners` are names with their security protocols, of which the first is for the broker's own use and `bootstrap`.
    `java_options` None gives a small heap.
    """

    host: Final = HOST

    def __init__(
        self,
        directory: Path,
        *,
        overrides: Mapping[str, str] = MappingProxyType({}),
        listeners: Mapping[str, str] = MappingProxyType({"PLAINTEXT": "PLAINTEXT"}),
        java_options: Sequence[str] | None = None,
    ) -> None:
        self.directory = directory
        self.log_path = directory / "kafka.log"
        self.settings_path = directory / "server.properties"
        controller_port, *ports = free_ports(1 + len(listeners))
        self.controller_port = controller_port
        self.ports = dict(zip(listeners, ports, strict=True))
        self._protocols = dict(listeners)
        self._overrides = dict(overrides)
        self._java_options = SMALL_JAVA if java_options is None else tuple(java_options)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return next(iter(self.ports.values()))

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the node was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def format(self) -> None:
        """Write the settings and make the empty storage, unless that was done before. Raises KafkaFailed."""
        self.directory.mkdir(parents=True, exist_ok=True)
        lines = [f"{name}={value}" for name, value in self._settings().items()]
        self.settings_path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        if (self.directory / "data" / "meta.properties").exists():
            return
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A")
        done = run_tool(STORAGE_MAIN, "format", "--standalone", "-t", cluster, "-c", str(self.settings_path))
        if done.returncode:
            raise KafkaFailed(f"the storage could not be formatted: {done.stdout} {done.stderr}")

    def start(self) -> None:
        """Format when needed, start, and wait until it serves. Raises KafkaFailed, ToolchainMissing."""
        assert not self.running, "the node runs already"
        self.format()
        with self.log_path.open("ab") as log_file:
            log_start = log_file.tell()
            self._process = subprocess.Popen(
                java_command(BROKER_MAIN, str(self.settings_path), options=self._java_options),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._wait_until_ready(log_start)

    def stop(self) -> int:
        """Ask for an orderly stop and wait. Returns the exit code (143 after SIGTERM); kills when it takes too long."""
        if self._process is None:
            return 0
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise KafkaFailed(f"no orderly stop within {STOP_SECONDS_MAX} s\n{self.log_tail()}") from None

    def kill9(self) -> None:
        """Kill the process at once, as a crash would. Nothing happens when it has stopped."""
        if self._process is None:
            return
        if self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS_MAX)

    def restart(self) -> None:
        """Start again on the same directory and ports; a node that still runs is asked to stop first."""
        self.stop()
        self.start()

    def tool(
        self, main_class: str, *arguments: str, seconds_max: float = TOOL_SECONDS_MAX, text_in: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """`run_tool` with `--bootstrap-server` of this node."""
        return run_tool(
            main_class,
            *("--bootstrap-server", self.bootstrap, *arguments),
            seconds_max=seconds_max,
            text_in=text_in,
        )

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def log_tail(self) -> str:
        return f"--- last lines of {self.log_path.name} ---\n{self.log()[-LOG_TAIL_CHARACTERS:]}"

    def __enter__(self) -> KafkaPeer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill9()

    def _settings(self) -> dict[str, str]:
        controller = f"{HOST}:{self.controller_port}"
        addresses = [f"{name}://{HOST}:{port}" for name, port in self.ports.items()]
        protocols = [f"{name}:{protocol}" for name, protocol in self._protocols.items()]
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.bootstrap.servers": controller,
            "listeners": ",".join([*addresses, f"CONTROLLER://{controller}"]),
            "advertised.listeners": ",".join([*addresses, f"CONTROLLER://{controller}"]),
            "listener.security.protocol.map": ",".join([*protocols, "CONTROLLER:PLAINTEXT"]),
            "inter.broker.listener.name": next(iter(self.ports)),
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.directory / "data"),
            **ONE_NODE,
            **self._overrides,
        }

    def _wait_until_ready(self, log_start: int) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            exited = not self.running
            if READY_MARK.encode() in self.log_path.read_bytes()[log_start:]:
                return
            if exited:
                raise KafkaFailed(f"Kafka exited before it was ready\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill9()
                raise KafkaFailed(f"Kafka was not ready within {READY_SECONDS_MAX} s\n{self.log_tail()}")
            time.sleep(POLL_SECONDS)
