"""Moves the dead letters back to where they came from. `python -m examples.sqs_batch.redrive`, once the cause is mended."""

from __future__ import annotations

import time
from typing import Any

from . import queues

POLL_SECONDS = 0.1
SECONDS_MAX = 60.0


def redrive(sqs: Any, dead_url: str) -> int:
    """Returns how many were moved. Raises RuntimeError when the task fails, TimeoutError."""
    source = queues.arn(sqs, dead_url)
    sqs.start_message_move_task(SourceArn=source)
    deadline = time.monotonic() + SECONDS_MAX
    while time.monotonic() < deadline:
        task = sqs.list_message_move_tasks(SourceArn=source)["Results"][0]
        if task["Status"] == "COMPLETED":
            return int(task["ApproximateNumberOfMessagesMoved"])
        if task["Status"] not in ("RUNNING", "CANCELLING"):
            raise RuntimeError(f"the move ended as {task['Status']}: {task.get('FailureReason')}")
        time.sleep(POLL_SECONDS)
    raise TimeoutError(f"dead letters are still being moved after {SECONDS_MAX} s")


if __name__ == "__main__":
    client = queues.client()
    print(f"{redrive(client, queues.create(client)[1])} moved back")
