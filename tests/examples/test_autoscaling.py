"""The autoscaling example: workers come with the backlog and go with it, and every job is done."""

from __future__ import annotations

import itertools

import pika
from examples.autoscaling.metrics import depth_of, scrape
from examples.autoscaling.scaling import Rules, Scaler

from example_runner import Examples, rows

JOBS = 300


def test_workers_come_and_go(examples: Examples) -> None:
    database = examples.directory / "thumbnails.sqlite3"
    examples.environment["THUMBNAILS_DATABASE"] = str(database)
    examples.play("autoscaling")
    assert rows(database, "SELECT count(*) FROM done") == [(JOBS,)]
    assert len(rows(database, "SELECT DISTINCT worker FROM done")) > 1
    looks = rows(database, "SELECT backlog, workers FROM looks ORDER BY number")
    assert looks[0] == (JOBS, 4), "up at once, to the most there may be"
    assert max(workers for _backlog, workers in looks) == 4
    assert looks[-1] == (0, 0), "down to none"
    steps = [before - after for (_, before), (_, after) in itertools.pairwise(looks)]
    assert max(steps) == 1, "down one at a time"


def test_what_the_metrics_say_of_a_queue(examples: Examples) -> None:
    url = examples.environment["METRICS_URL"]
    with pika.BlockingConnection(pika.URLParameters(examples.environment["AMQP_URL"])) as connection:
        channel = connection.channel()
        channel.queue_declare("looked-at", durable=True)
        channel.confirm_delivery()
        for _ in range(3):
            channel.basic_publish("", "looked-at", b"job")
        assert channel.basic_get("looked-at")[0] is not None
        assert depth_of("looked-at", scrape(url)) == (2, 1)
        assert depth_of("not-there", scrape(url)) == (0, 0)
        channel.queue_delete("looked-at")


def test_the_rule() -> None:
    scaler = Scaler(Rules(workers_min=1, workers_max=4, jobs_a_worker=10, calm_looks=2))
    counts = [1]
    for backlog in (0, 11, 1000, 35, 25, 25, 25, 31, 5, 5, 0, 0, 0, 0):
        counts.append(scaler.next_count(backlog, counts[-1]))
    assert counts[1:] == [1, 2, 4, 4, 4, 3, 3, 4, 4, 3, 3, 2, 2, 1]
