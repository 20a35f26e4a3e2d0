"""Celery's application. `celery -A examples.celery_jobs.app worker` runs a worker."""

from __future__ import annotations

import os

from celery import Celery
from kombu import Queue

AMQP_URL = os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672//")
DATABASE_PATH = os.environ.get("JOBS_DATABASE", "jobs.sqlite3")

PRIORITY_MAX = 9
URGENT, NORMAL, WHENEVER = 9, 5, 1

app = Celery("jobs", broker=AMQP_URL, backend="rpc://", include=[f"{__package__}.tasks"])
app.conf.update(
    task_queues=[Queue("jobs", durable=True, queue_arguments={"x-max-priority": PRIORITY_MAX})],
    task_default_queue="jobs",
    task_default_priority=NORMAL,
    # A job is acknowledged when it is done: that of a killed worker goes to another one.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    # One job at a time from the queue: what is fetched ahead is out of reach of the priorities.
    worker_prefetch_multiplier=1,
    # The broker confirms that it has a job on disk.
    broker_transport_options={"confirm_publish": True},
    broker_connection_retry_on_startup=True,
    result_expires=60,
)
