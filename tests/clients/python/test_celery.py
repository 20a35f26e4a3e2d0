"""Celery: real workers as child processes, results by rpc://, retries, ETA, late acks, priorities, remote control."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Generator
from pathlib import Path

import pika
import pytest
from celery import Celery, group
from pika_session import Broker, parameters

APPLICATION = Path(__file__).parent / "celery_app"
READY_SECONDS_MAX = 30.0
RESULT_SECONDS_MAX = 20.0


class Worker:
    """One `celery worker` process; its log is a file."""

    def __init__(self, broker_url: str, queue: str, log_path: Path, pool: str, concurrency: int = 1) -> None:
        self.node = f"w{uuid.uuid4().hex[:8]}@acceptance"
        self.log_path = log_path
        self.environment = environment(broker_url, queue)
        command = [sys.executable, "-m", "celery", "-A", "app", "worker", "--loglevel", "INFO"]
        command += ["--pool", pool, "--concurrency", str(concurrency), "-n", self.node]
        with log_path.open("ab") as log_file:
            self.process = subprocess.Popen(
                command,
                cwd=APPLICATION,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_ready(self) -> None:
        wait_for(
            lambda: f"{self.node} ready." in self.log() or self.process.poll() is not None, READY_SECONDS_MAX
        )
        assert self.process.poll() is None, self.log()

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def kill9(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """An orderly (warm) shutdown; killed when it takes too long. Returns the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.kill9()
            raise AssertionError(f"the worker did not stop\n{self.log()}") from None


def environment(broker_url: str, queue: str) -> dict[str, str]:
    return {**os.environ, "ACCEPTANCE_BROKER": broker_url, "ACCEPTANCE_QUEUE": queue, "PYTHONUNBUFFERED": "1"}


def wait_for(condition: Callable[[], bool], within_seconds: float = RESULT_SECONDS_MAX) -> None:
    deadline = time.monotonic() + within_seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_seconds} s"
        time.sleep(0.02)


def delete_queue(broker: Broker, queue: str) -> None:
    with pika.BlockingConnection(parameters(broker.url)) as connection:
        connection.channel().queue_delete(queue)


@pytest.fixture
def task_queue(broker: Broker) -> Generator[str, None, None]:
    queue = f"celery-{uuid.uuid4().hex[:8]}"
    yield queue
    delete_queue(broker, queue)


@pytest.fixture
def start_worker(
    broker: Broker, task_queue: str, tmp_path: Path
) -> Generator[Callable[..., Worker], None, None]:
    workers: list[Worker] = []

    def start(pool: str = "solo", concurrency: int = 1) -> Worker:
        worker = Worker(broker.url, task_queue, tmp_path / f"worker{len(workers)}.log", pool, concurrency)
        workers.append(worker)
        return worker

    yield start
    for worker in workers:
        worker.kill9()


@pytest.fixture
def client(broker: Broker, task_queue: str) -> Generator[Celery, None, None]:
    """The producing side; it knows the tasks by name only."""
    application = Celery("producer", broker=broker.url, backend="rpc://", set_as_current=False)
    application.conf.update(task_default_queue=task_queue, task_queue_max_priority=10)
    yield application
    application.close()


def test_tasks_of_a_solo_worker(
    client: Celery, start_worker: Callable[..., Worker], task_queue: str, broker: Broker, tmp_path: Path
) -> None:
    """One worker, many things to see: starting a worker is what takes the time."""
    worker = start_worker()
    early = client.send_task("add", (20, 22))  # queued before the worker is there
    worker.wait_ready()
    assert early.get(timeout=RESULT_SECONDS_MAX) == 42

    with pytest.raises(ValueError, match="as it should"):
        client.send_task("fail", ("as it should",)).get(timeout=RESULT_SECONDS_MAX)

    attempts = tmp_path / "attempts"
    assert client.send_task("flaky", (str(attempts),)).get(timeout=RESULT_SECONDS_MAX) == 3
    assert attempts.read_text().splitlines() == ["attempt 0", "attempt 1", "attempt 2"]

    # An ETA task waits in the worker, which raises its global prefetch so that others pass it.
    sent_at = time.time()
    delayed = client.send_task("moment", countdown=1.2)
    assert client.send_task("add", (1, 1)).get(timeout=RESULT_SECONDS_MAX) == 2
    assert delayed.get(timeout=RESULT_SECONDS_MAX) - sent_at >= 1.2

    answer = subprocess.run(
        [sys.executable, "-m", "celery", "-A", "app", "inspect", "ping", "-t", "5", "-d", worker.node],
        cwd=APPLICATION,
        env=environment(broker.url, task_queue),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{worker.node}: OK" in answer.stdout and "pong" in answer.stdout
    assert worker.stop() == 0, worker.log()


def test_priorities(client: Celery, start_worker: Callable[..., Worker], tmp_path: Path) -> None:
    order = tmp_path / "order"
    for priority in (1, 9, 5, 9, 0):
        client.send_task("record", (str(order), str(priority)), priority=priority)
    start_worker()
    wait_for(lambda: order.exists() and len(order.read_text().splitlines()) == 5, READY_SECONDS_MAX)
    assert order.read_text().splitlines() == ["9", "9", "5", "1", "0"]


def test_a_late_acknowledged_task_outlives_its_worker(
    client: Celery, start_worker: Callable[..., Worker], tmp_path: Path
) -> None:
    takers = tmp_path / "takers"
    first = start_worker()
    result = client.send_task("outlive", (str(takers),))
    wait_for(takers.exists, READY_SECONDS_MAX)
    second = start_worker()
    second.wait_ready()
    first.kill9()
    assert result.get(timeout=RESULT_SECONDS_MAX) is True
    assert len(takers.read_text().splitlines()) == 2


def test_a_group_on_a_prefork_worker_and_an_answer_by_broadcast(
    client: Celery, start_worker: Callable[..., Worker]
) -> None:
    worker = start_worker("prefork", 2)
    worker.wait_ready()
    job = group(client.signature("add", (n, n)) for n in range(30))
    assert job.apply_async().get(timeout=RESULT_SECONDS_MAX) == [n * 2 for n in range(30)]
    inspect = client.control.inspect(destination=[worker.node], timeout=5)
    assert inspect.ping() == {worker.node: {"ok": "pong"}}
    assert client.control.broadcast("add_consumer", {"queue": "x"}, destination=["nobody@here"]) is None
    assert "add" in inspect.registered()[worker.node]
    assert worker.stop() == 0, worker.log()
