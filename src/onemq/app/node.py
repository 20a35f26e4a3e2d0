"""The process and its machine, as operators are shown them. Linux's /proc is asked; where it has no answer, -1 is."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from onemq import __version__
from onemq.heads.management.rabbitmq.ports import Listening, NodeFacts

if TYPE_CHECKING:
    from onemq.app.listeners import Parts

_PROTOCOLS: Final = {
    "amqps": "amqp/ssl",
    "kafkas": "kafka/ssl",
    "awss": "aws/ssl",
}
"""As RabbitMQ names encrypted listeners; https keeps its name, as there."""


class Node:
    """Serves NodePort (heads/management/rabbitmq/ports.py). addresses: name and `host:port` of every socket listened on."""

    def __init__(self, name: str, parts: "Parts", addresses: Callable[[], list[tuple[str, str]]]) -> None:
        self.name = name
        self.version = __version__
        self._parts = parts
        self._addresses = addresses
        self._started = time.monotonic()
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def facts(self) -> NodeFacts:
        facts = NodeFacts()
        parts = self._parts
        pressure = parts.pressure
        facts.process_id = os.getpid()
        facts.processors = os.cpu_count() or 1
        facts.memory_used = self._resident_bytes()
        facts.memory_limit = pressure.memory_bytes_alarm
        facts.memory_alarm = pressure.memory_low
        facts.disk_limit = pressure.free_bytes_min
        facts.disk_alarm = pressure.disk_low
        facts.files_used, facts.files_max = _open_files()
        facts.uptime_ms = int((time.monotonic() - self._started) * 1000)
        storage = parts.settings.storage
        if not storage.memory:
            facts.directory = str(Path(storage.data).absolute())
            facts.disk_free = _free_bytes(storage.data)
        registry = parts.registry
        facts.opened_connections = int(registry.opened)
        facts.closed_connections = int(registry.opened) - registry.count()
        return facts

    def listening(self) -> list[Listening]:
        found: list[Listening] = []
        for name, address in self._addresses():
            host, _, port = address.rpartition(":")
            tls = name.endswith("s") and name not in ("aws", "metrics")
            found.append(Listening(_PROTOCOLS.get(name, name), host.strip("[]"), int(port), tls))
        return found

    def certificate_ends_ms(self) -> int:
        if self._parts.tls is None:
            return 0
        # Takes some time to import, and few brokers are asked.
        from cryptography import x509

        data = Path(self._parts.settings.tls.certificate).read_bytes()
        ends = [certificate.not_valid_after_utc for certificate in x509.load_pem_x509_certificates(data)]
        return int(min(ends).timestamp() * 1000)

    def _resident_bytes(self) -> int:
        try:
            with open("/proc/self/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * self._page_bytes
        except (OSError, IndexError, ValueError):
            return -1


def _open_files() -> tuple[int, int]:
    import resource

    try:
        used = len(os.listdir("/proc/self/fd"))
    except OSError:
        used = -1
    return used, resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _free_bytes(directory: str) -> int:
    try:
        status = os.statvfs(directory)
    except OSError:
        return -1
    return status.f_bavail * status.f_frsize
