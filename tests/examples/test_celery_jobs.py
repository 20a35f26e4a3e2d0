"""The Celery example: urgent jobs overtake, delayed ones wait for their time, failed ones are tried again."""

from __future__ import annotations

import time

import pika

from example_runner import Examples, rows


def test_jobs_run_in_their_order_and_at_their_time(examples: Examples) -> None:
    database = examples.directory / "jobs.sqlite3"
    examples.environment["JOBS_DATABASE"] = str(database)
    begun_at = time.time()
    examples.play("celery_jobs")
    done = [job for (job,) in rows(database, "SELECT job FROM done ORDER BY number")]
    reports = [job for job in done if not job.startswith(("reminder", "print"))]
    assert reports == ["fire-alarm", "report-1", "report-2", "report-3", "archive"]
    assert sorted(set(done) - set(reports)) == ["print of report-1", "reminder to Ada"]
    [(reminded_at,)] = rows(database, "SELECT finished_at FROM done WHERE job = 'reminder to Ada'")
    assert reminded_at >= begun_at + 1, "not before its time"
    assert rows(database, "SELECT count(*) FROM tries") == [(2,)]
    with pika.BlockingConnection(pika.URLParameters(examples.environment["AMQP_URL"])) as connection:
        left = connection.channel().queue_declare("jobs", passive=True).method.message_count
    assert left == 0, "all was acknowledged"
