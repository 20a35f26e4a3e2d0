"""The Celery application the acceptance tests run in a real worker process. Configured by the environment only."""

# Celery's decorators carry no types.
# mypy: disable-error-code="untyped-decorator"

from __future__ import annotations

import os
import time
from pathlib import Path

from celery import Celery, Task

app = Celery("acceptance", broker=os.environ["ACCEPTANCE_BROKER"], backend="rpc://")
app.conf.update(
    task_default_queue=os.environ["ACCEPTANCE_QUEUE"],
    task_queue_max_priority=10,
    worker_prefetch_multiplier=1,
    worker_send_task_events=True,
    broker_connection_retry_on_startup=True,
    broker_transport_options={"confirm_publish": True},
)


def note(path: str, line: str) -> int:
    """Append a line and return how many there are now."""
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return len(Path(path).read_text(encoding="utf-8").splitlines())


@app.task(name="add")
def add(x: int, y: int) -> int:
    return x + y


@app.task(name="fail")
def fail(text: str) -> None:
    raise ValueError(text)


@app.task(name="flaky", bind=True, max_retries=5)
def flaky(self: Task, path: str) -> int:
    """Fails twice, then succeeds; every attempt leaves a line."""
    attempts = note(path, f"attempt {self.request.retries}")
    if attempts < 3:
        raise self.retry(countdown=0.3)
    return attempts


@app.task(name="moment", bind=True)
def moment(self: Task) -> float:
    return time.time()


@app.task(name="record", acks_late=True)
def record(path: str, line: str) -> None:
    note(path, line)


@app.task(name="outlive", bind=True, acks_late=True)
def outlive(self: Task, path: str) -> bool:
    """The first worker to take it never finishes; the second says whether it was given a redelivered message."""
    if note(path, f"taken by {os.getpid()}") == 1:
        time.sleep(600)
    return bool(self.request.delivery_info["redelivered"])
