"""Plays it all: jobs of several priorities wait, then a worker comes; a reminder has its time; a printer is offline at first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .app import AMQP_URL, DATABASE_PATH, URGENT, WHENEVER, app
from .tasks import connect, print_out, remind, render

RESULT_SECONDS_MAX = 40
REMIND_AFTER_SECONDS = 1


def start_worker() -> subprocess.Popen[bytes]:
    """One job at a time (`--pool solo`), so that their order can be seen."""
    command = [sys.executable, "-m", "celery", "-A", f"{__package__}.app", "worker", "--pool", "solo"]
    command += ["--loglevel", "WARNING", "--without-gossip", "--without-mingle"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def play() -> None:
    Path(DATABASE_PATH).unlink(missing_ok=True)
    with app.connection_for_write() as connection:  # what an earlier run has left goes
        app.amqp.queues["jobs"].bind(connection.default_channel).declare()
        connection.default_channel.queue_purge("jobs")

    reports = [render.apply_async(("archive",), priority=WHENEVER)]
    reports += [render.delay(f"report-{number}") for number in (1, 2, 3)]
    reports += [render.apply_async(("fire-alarm",), priority=URGENT)]
    others = [
        remind.apply_async(("Ada",), countdown=REMIND_AFTER_SECONDS),
        print_out.delay("report-1"),
    ]
    worker = start_worker()
    try:
        for report in reports:
            print(f"rendered {report.get(timeout=RESULT_SECONDS_MAX)}")
        for result in others:
            result.get(timeout=RESULT_SECONDS_MAX)
    finally:
        worker.terminate()  # a warm stop: what is in hand is finished
        worker.wait()
    database = connect()
    done = [job for (job,) in database.execute("SELECT job FROM done ORDER BY number")]
    database.close()
    print(f"in this order ({AMQP_URL.rpartition('@')[2]}): {', '.join(done)}")


if __name__ == "__main__":
    play()
