"""What a Kafka load is (record size, compression, how many), and what came of it.

Must not depend on a client library or tool: each of them runs the same shapes.
"""

import resource
from collections.abc import Callable

from bench import process_tree


class RecordShape:
    """`compression` as Kafka's compression.type spells it."""

    def __init__(self, record_bytes: int, compression: str) -> None:
        self.record_bytes = record_bytes
        self.compression = compression

    @property
    def name(self) -> str:
        size = "1k" if self.record_bytes == 1024 else str(self.record_bytes)
        return size if self.compression == "none" else f"{size}-{self.compression}"

    @property
    def title(self) -> str:
        size = "1 KiB" if self.record_bytes == 1024 else f"{self.record_bytes} B"
        return size if self.compression == "none" else f"{size}, {self.compression}"

    def records(self, load_bytes: int) -> int:
        """How many make a load. Small records are dear for every broker: of them a quarter of the bytes is enough."""
        whole = load_bytes if self.record_bytes >= 1000 else load_bytes // 4
        return max(10_000, whole // self.record_bytes)

    def megabytes(self, records: float) -> float:
        """Of values, before compression."""
        return records * self.record_bytes / 1e6


class Watch:
    """Processor use, in cores, from its making to `cores`: of the broker, the finished load processes, strangers."""

    def __init__(self, broker: Callable[[], list[int]]) -> None:
        self._broker = broker
        self._before = self._use()

    def cores(self, seconds: float) -> tuple[float, float, float]:
        load, broker, machine = (
            (after - before) / seconds for after, before in zip(self._use(), self._before, strict=True)
        )
        return load, broker, max(0.0, machine - load - broker)

    def _use(self) -> tuple[float, float, float]:
        load = 0.0
        for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF):
            used = resource.getrusage(who)
            load += used.ru_utime + used.ru_stime
        return load, process_tree.cpu_seconds(self._broker()), process_tree.machine_cpu_seconds()
