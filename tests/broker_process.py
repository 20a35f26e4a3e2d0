"""Runs one broker as a child process: start, wait until it is ready, stop, kill, start again.

For tests of every kind. It knows the command line and the lines the broker prints (`listening NAME HOST:PORT` and
`ready in N ms`), nothing of any protocol, and must not import the broker's packages.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

READY_SECONDS_MAX: Final = 30.0
STOP_SECONDS_MAX: Final = 20.0
POLL_SECONDS: Final = 0.01
LOG_TAIL_CHARACTERS: Final = 6000

LISTENING: Final = re.compile(r"^listening (\S+) (\S+):(\d+)\s*$", re.MULTILINE)
READY: Final = re.compile(r"^ready in [\d.]+ ms\s*$", re.MULTILINE)


class BrokerFailed(AssertionError):
    """The process died or did not become ready in time; the message ends with its log."""


class BrokerProcess:
    """A broker on loopback, on free ports that stay the same over restarts.

    `directory` keeps the data, the log and the configuration file. `listeners` are the names that have a
    `--NAME-port` flag. With `memory` the broker keeps nothing on disk. `configuration` is the text of its TOML file.
    """

    host: Final = "127.0.0.1"

    def __init__(
        self,
        directory: Path,
        *,
        arguments: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        memory: bool = False,
        configuration: str | None = None,
        listeners: Sequence[str] = ("amqp", "http"),
    ) -> None:
        self.directory = directory
        self.log_path = directory / "broker.log"
        self.ports: dict[str, int] = dict.fromkeys(listeners, 0)
        self._arguments = list(arguments)
        self._environment = dict(environment or {})
        self._memory = memory
        self._configuration_path: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        if configuration is not None:
            self._configuration_path = directory / "onemq.toml"
            self._configuration_path.write_text(configuration, encoding="utf-8")

    @property
    def port(self) -> int:
        return self.ports["amqp"]

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@{self.host}:{self.port}/"

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start the process and wait for its ready line. Raises BrokerFailed."""
        assert not self.running, "the broker runs already"
        with self.log_path.open("ab") as log_file:
            log_start = log_file.tell()
            self._process = subprocess.Popen(
                self._command(),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self._silent(), **self._environment},
                start_new_session=True,
            )
        self._wait_until_ready(log_start)

    def terminate(self) -> int:
        """Ask for an orderly stop and wait for it. Returns the exit code; raises BrokerFailed when it takes too long."""
        assert self._process is not None, "the broker was not started"
        if self.running:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise BrokerFailed(f"no orderly stop within {STOP_SECONDS_MAX} s\n{self.log_tail()}") from None

    def kill9(self) -> None:
        """Kill the process and its children at once, as a crash would. Nothing happens when it has stopped."""
        if self._process is None:
            return
        if self.running:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_SECONDS_MAX)

    def restart(self) -> None:
        """Start again on the same directory and ports; a process that still runs is asked to stop first."""
        if self.running:
            self.terminate()
        self.start()

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace") if self.log_path.exists() else ""

    def log_tail(self) -> str:
        return f"--- last lines of {self.log_path.name} ---\n{self.log()[-LOG_TAIL_CHARACTERS:]}"

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "onemq", "serve", "--host", self.host]
        command += ["--memory"] if self._memory else ["--data", str(self.directory / "data")]
        if self._configuration_path is not None:
            command += ["--config", str(self._configuration_path)]
        for name, port in self.ports.items():
            command += [f"--{name}-port", str(port)]
        return command + self._arguments

    def _silent(self) -> dict[str, str]:
        """Listeners that were not asked for stay off: their default ports are nobody's to take in a test. Flags go before."""
        off = {f"ONEMQ_{name}_TLS_PORT": "off" for name in ("KAFKA", "AWS", "HTTP", "METRICS")}
        for name in ("kafka", "aws", "metrics"):
            if name not in self.ports:
                off[f"ONEMQ_{name.upper()}_PORT"] = "off"
        return off

    def _wait_until_ready(self, log_start: int) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            exited = not self.running
            printed = self.log_path.read_bytes()[log_start:].decode("utf-8", "replace")
            if READY.search(printed):
                self.ports.update({name: int(port) for name, _host, port in LISTENING.findall(printed)})
                if 0 in self.ports.values():
                    self.kill9()
                    raise BrokerFailed(
                        f"ready, but it did not say where all of {[*self.ports]} are\n{self.log_tail()}"
                    )
                return
            if exited:
                raise BrokerFailed(f"the broker exited before it was ready\n{self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill9()
                raise BrokerFailed(
                    f"the broker was not ready within {READY_SECONDS_MAX} s\n{self.log_tail()}"
                )
            time.sleep(POLL_SECONDS)
