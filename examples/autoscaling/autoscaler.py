"""The autoscaler: looks at the metrics, starts and stops workers. `python -m examples.autoscaling.autoscaler`

In Kubernetes this is KEDA's job, or that of the HorizontalPodAutoscaler, with the same metric and the same rule.
"""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from types import FrameType

from .jobs import Jobs
from .metrics import depth_of, scrape
from .scaling import Scaler
from .settings import DATABASE_PATH, LOOK_SECONDS, METRICS_URL, QUEUE, RULES

log = logging.getLogger(__name__)


class Workers:
    """Processes. One that was told to stop finishes its job, and is waited for at the end."""

    def __init__(self) -> None:
        self._running: list[subprocess.Popen[bytes]] = []
        self._leaving: list[subprocess.Popen[bytes]] = []

    def count(self) -> int:
        """Those that have died by themselves do not count: they are replaced if they are needed."""
        self._running = [worker for worker in self._running if worker.poll() is None]
        self._leaving = [worker for worker in self._leaving if worker.poll() is None]
        return len(self._running)

    def scale_to(self, count: int) -> None:
        while len(self._running) < count:
            self._running.append(subprocess.Popen([sys.executable, "-m", f"{__package__}.worker"]))
        while len(self._running) > count:
            worker = self._running.pop()
            worker.terminate()
            self._leaving.append(worker)

    def stop(self) -> None:
        self.scale_to(0)
        for worker in self._leaving:
            worker.wait()


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, stop)
    jobs, workers, scaler = Jobs(DATABASE_PATH), Workers(), Scaler(RULES)
    try:
        while not stopping.wait(LOOK_SECONDS):
            try:
                depth = depth_of(QUEUE, scrape(METRICS_URL))
            except OSError as error:
                log.warning("no metrics, nothing is changed: %s", error)
                continue
            running = workers.count()
            count = scaler.next_count(depth.backlog, running)
            if count != running:
                log.info("backlog %d: %d workers instead of %d", depth.backlog, count, running)
            workers.scale_to(count)
            jobs.note(depth.backlog, count)
    finally:
        workers.stop()
        jobs.close()


if __name__ == "__main__":
    main()
