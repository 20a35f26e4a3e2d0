"""What both forms of the broker in this process share: its settings, its addresses, its start and end.

Must not: talk to the engine (native.py, through thread.py); differ between the forms (broker.py).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

from onemq.config import Settings
from onemq.embedded.errors import BrokerFailed
from onemq.embedded.native import Native
from onemq.embedded.options import settings_for
from onemq.embedded.snapshots import Snapshot, make_keeping_store, restore_into
from onemq.embedded.thread import BrokerThread
from onemq.engine.directory.records import GUEST
from onemq.net.clock import Clock
from onemq.net.faults import Faults

AWS_REGION: Final = "us-east-1"


class Inside:
    """See the module. One object can be started and stopped several times, one at a time.

    Attributes:
        faults: faults on purpose, for tests; see `onemq.faults`.
    """

    def __init__(
        self,
        data: str | Path | None,
        memory: bool,
        settings: Mapping[str, object] | None,
        restore: str | Path | None,
    ) -> None:
        self.faults = Faults()
        self._settings: Settings = settings_for(data, memory, settings)
        self._restore = None if restore is None else Snapshot(Path(restore))
        self._thread: BrokerThread | None = None
        self._ports: dict[str, int] = {}

    # Where it is.

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._settings.server.host

    @property
    def ports(self) -> dict[str, int]:
        """By listener: "amqp", "kafka", "aws", "http", ... as `onemq serve` announces them; those that are off are not in it."""
        self._running()
        return dict(self._ports)

    @property
    def amqp_url(self) -> str:
        """For RabbitMQ's clients, with user, password and virtual host: amqp://guest:guest@127.0.0.1:PORT/%2F"""
        return f"amqp://{self._login()}{self.host}:{self._port('amqp')}/{self._vhost()}"

    @property
    def kafka_bootstrap(self) -> str:
        """For Kafka's clients (`bootstrap.servers`): HOST:PORT"""
        return f"{self.host}:{self._port('kafka')}"

    @property
    def aws_endpoint(self) -> str:
        """For Amazon's SDKs (`endpoint_url`), SQS and SNS: http://HOST:PORT"""
        return f"http://{self.host}:{self._port('aws')}"

    @property
    def aws_options(self) -> dict[str, str]:
        """All that `boto3.client("sqs", **broker.aws_options)` needs: endpoint_url, region_name and a pair of keys."""
        key, secret = self._access_key()
        return {
            "endpoint_url": self.aws_endpoint,
            "region_name": AWS_REGION,
            "aws_access_key_id": key,
            "aws_secret_access_key": secret,
        }

    @property
    def http_url(self) -> str:
        """Health, metrics, the management API: http://HOST:PORT"""
        return f"http://{self.host}:{self._port('http')}"

    @property
    def running(self) -> bool:
        """It serves clients: started, not stopped, not failed."""
        return self._thread is not None and not self._thread.failure

    @property
    def failure(self) -> str:
        """Why it confirms nothing any more (its store broke); "" while all is well."""
        return self._thread.failure if self._thread is not None else ""

    def _port(self, name: str) -> int:
        self._running()
        port = self._ports.get(name)
        if port is None:
            raise BrokerFailed(f"the listener {name} is off")
        return port

    def _login(self) -> str:
        if not self._settings.users:
            return f"{GUEST}:{GUEST}@"
        for name, user in self._settings.users.items():
            if user.password:
                return f"{quote(name, safe='')}:{quote(user.password, safe='')}@"
        return ""

    def _vhost(self) -> str:
        return quote(self._settings.namespaces[0], safe="")

    def _access_key(self) -> tuple[str, str]:
        for user in self._settings.users.values():
            for key, secret in user.access_keys.items():
                return key, secret
        return "onemq", "onemq"

    # Start and end.

    def _new_thread(self) -> BrokerThread:
        if self._thread is not None:
            raise BrokerFailed("the broker is running already")
        clock = Clock()
        if self._restore is not None:
            # Once: what is started again goes on with what it has (a directory), or empty (memory).
            clock.ahead_ms = self._restore.ahead_ms()
            if not self._settings.storage.memory:
                restore_into(self._restore, Path(self._settings.storage.data))
        store_maker = make_keeping_store(self._settings, self._restore)
        self._restore = None
        return BrokerThread(self._settings, clock, self.faults, store_maker)

    def _started(self, thread: BrokerThread) -> None:
        self._thread = thread
        self._ports = thread.ports

    def _start(self) -> None:
        thread = self._new_thread()
        thread.start()
        self._started(thread)

    def _stop(self) -> None:
        thread = self._thread
        if thread is not None:
            thread.stop()
            self._thread = None

    def _running(self) -> BrokerThread:
        thread = self._thread
        if thread is None:
            raise BrokerFailed("the broker is not running")
        if thread.failure:
            raise BrokerFailed(thread.failure)
        return thread

    def _native(self) -> Native:
        return self._running().native


def text_or_bytes(value: bytes | str) -> bytes:
    """Bodies, keys and headers may be given as text: it is stored as UTF-8."""
    return value.encode("utf-8") if isinstance(value, str) else bytes(value)


def header_bytes(headers: Mapping[str, bytes | str | None] | None) -> dict[str, bytes | None]:
    return {name: None if value is None else text_or_bytes(value) for name, value in (headers or {}).items()}
