"""Runs the programs of examples/ as a person would: `python -m examples.NAME`, against one broker."""

from __future__ import annotations

import os
import shlex
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from broker_process import BrokerProcess

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = ROOT / "examples"
LISTENERS = ("amqp", "http", "kafka", "aws", "metrics")
EXAMPLE_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20


class Examples:
    """Runs examples against one broker; their files go into one directory."""

    def __init__(self, broker: BrokerProcess, directory: Path) -> None:
        self.broker = broker
        self.directory = directory
        given = [
            str(Path(each).resolve()) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep) if each
        ]
        self.environment = {
            **os.environ,
            "AMQP_URL": f"amqp://guest:guest@{broker.host}:{broker.ports['amqp']}/%2F",
            "KAFKA_BOOTSTRAP_SERVERS": f"{broker.host}:{broker.ports['kafka']}",
            "AWS_ENDPOINT_URL": f"http://{broker.host}:{broker.ports['aws']}",
            "ONEMQ_URL": f"http://{broker.host}:{broker.ports['http']}",
            "METRICS_URL": f"http://{broker.host}:{broker.ports['metrics']}/metrics",
            "AWS_ACCESS_KEY_ID": "any",
            "AWS_SECRET_ACCESS_KEY": "any",
            "AWS_DEFAULT_REGION": "us-east-1",
            # Programs run in a directory of their own, so what is on the path by a relative name is named in full.
            "PYTHONPATH": os.pathsep.join([str(ROOT), *given]),
        }
        self._started: list[subprocess.Popen[bytes]] = []

    def play(self, module: str, *arguments: str) -> None:
        """Run `python -m examples.MODULE` to its end; it has to succeed."""
        finished = subprocess.run(
            [sys.executable, "-m", f"examples.{module}", *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=EXAMPLE_SECONDS_MAX,
        )
        assert finished.returncode == 0, f"{finished.stdout}\n{finished.stderr}"

    def start(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start `python -m examples.MODULE` and let it run; what still runs at the end of the test is killed."""
        with (self.directory / f"{module}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"examples.{module}", *arguments],
                cwd=self.directory,
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started.append(process)
        return process

    def command(self, line: str, directory: Path) -> str:
        """Run a command line of ours in a directory; it has to succeed. Returns what it prints."""
        program, *words = shlex.split(line)
        assert program == "onemq", line
        finished = subprocess.run(
            [sys.executable, "-m", "onemq", *words],
            cwd=directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=EXAMPLE_SECONDS_MAX,
        )
        assert finished.returncode == 0, f"{line}\n{finished.stdout}\n{finished.stderr}"
        return finished.stdout

    def stop(self, process: subprocess.Popen[bytes]) -> int:
        """Ask for an orderly stop. Returns the exit code."""
        process.send_signal(signal.SIGTERM)
        return process.wait(STOP_SECONDS_MAX)

    def logs(self) -> str:
        return "\n".join(
            f"--- {path.name} ---\n{path.read_text()[-4000:]}" for path in self.directory.glob("*.log")
        )

    def end(self) -> None:
        for process in self._started:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(STOP_SECONDS_MAX)


def until(condition: Callable[[], bool], what: str, seconds_max: float = EXAMPLE_SECONDS_MAX) -> None:
    """Wait for something to come true; fails with `what` when it does not."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds_max} s: {what}"
        time.sleep(0.02)


def rows(database: Path, statement: str) -> list[tuple[Any, ...]]:
    """What an example's SQLite database answers; nothing as long as there is no such table."""
    if not database.exists():
        return []
    connection = sqlite3.connect(database, timeout=30)
    try:
        found = connection.execute(statement).fetchall()
        connection.commit()
        return found
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return []
    finally:
        connection.close()
