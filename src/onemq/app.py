"""The composition root: the one module that knows all parts. Builds them from the settings, runs them, stops them.

Must not decide anything that a part could decide.
"""

import asyncio
import base64
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, cast

import uvloop

from onemq import __version__
from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.scram import ScramPassword
from onemq.auth.users import User, Users, hash_password, parse_hash
from onemq.config import GUEST, OFF, Settings
from onemq.engine.broker import Broker
from onemq.engine.groups.settings import GroupSettings
from onemq.engine.settings import EngineSettings
from onemq.engine.transactions.settings import TransactionSettings
from onemq.heads.amqp091.head import AmqpHead
from onemq.heads.amqp091.native_reader import AmqpNativeReader
from onemq.heads.amqp091.settings import PREDECLARED_EXCHANGES, AmqpSettings
from onemq.heads.aws.head import AwsHead
from onemq.heads.aws.settings import AwsSettings
from onemq.heads.aws.sqs.native_reader import SqsNativeReader
from onemq.heads.contract import Head
from onemq.heads.kafka.head import KafkaHead
from onemq.heads.kafka.settings import KafkaSettings
from onemq.heads.management.head import ManagementHead
from onemq.heads.management.pages import Page, PageRequest
from onemq.heads.management.settings import ManagementSettings
from onemq.model.record import NATIVE_AMQP091, NATIVE_SQS
from onemq.net.caller import HttpCaller
from onemq.net.clock import Clock
from onemq.net.connection import Limits
from onemq.net.drain import drain
from onemq.net.listener import CannotListen, Listener
from onemq.net.pressure import Pressure
from onemq.net.registry import Registry
from onemq.net.turns import Turns
from onemq.ops.health import HEALTH_PATHS, Health
from onemq.ops.logs import flush_logs, start_logging
from onemq.storage.errors import StorageError
from onemq.storage.file_store import FileStore
from onemq.storage.files import Files
from onemq.storage.memory_store import MemoryStore
from onemq.storage.settings import StoreSettings
from onemq.storage.workers import Threads

if TYPE_CHECKING:
    import ssl

_log = logging.getLogger("onemq")

STOPPED: Final = 0
FAILED: Final = 1
BAD_SETTING: Final = 2

LINGER_MS: Final = 1000
HOUSEKEEPING_SECONDS: Final = 1.0
MEMORY_ALARM_PERCENT: Final = 40
SWITCH_SECONDS: Final = 0.0005
"""How long a store's thread that has finished its sync waits before it asks the engine's thread for the interpreter.
Measured with persistent messages and confirms, 2 cores: 5 ms (the default) 380,000/s, 0.5 ms 470,000 to 600,000/s,
0.1 ms 360,000/s."""
COLLECT_THRESHOLDS: Final = (10_000, 50, 20)
"""Of the garbage collector, by number of objects. The defaults (700, 10, 10) made hundreds of passes a second through the
records waiting in memory, the full ones of 35 ms each, and took a quarter of the throughput. Records are freed by reference
count; cycles are made by connections and catalog changes only."""
TRIM_BYTES: Final = 32 << 20
"""Bytes received and sent after which memory that was freed is given back, in a second in which nothing comes; four times as
many: in any second. Batches of a megabyte leave holes in the C library's heap: 240 MB produced left 230 MB resident, after this call of
5 ms 88 MB. Fixing the size from which glibc maps buffers on their own gave the same, and took a quarter to half of the throughput."""
COLLECT_CONNECTIONS: Final = 1000
"""Connections closed after which all garbage is collected: what had lived long is not found by the young passes."""


class Waker:
    """The store's wake-up call: exists before the turns do, because recovery comes first."""

    def __init__(self) -> None:
        self.turns: Turns | None = None

    def wake(self) -> None:
        if self.turns is not None:
            self.turns.wake_from_store()


class CannotStart(Exception):
    """The text says why, and what to do about it. `status`: what the process exits with."""

    def __init__(self, text: str, status: int = FAILED) -> None:
        super().__init__(text)
        self.status = status


def run(settings: Settings) -> int:
    """Serves until SIGTERM or SIGINT. Returns the exit status."""
    start_logging(settings.log.level, settings.log.format)
    loop = uvloop.new_event_loop()
    asyncio.set_event_loop(loop)
    store: FileStore | MemoryStore | None = None
    try:
        tls = _tls_context(settings)
        _raise_open_files()
        waker = Waker()
        store = _open_store(settings, waker.wake)
        return loop.run_until_complete(_serve(settings, loop, store, waker, tls))
    except CannotStart as error:
        print(f"onemq: {error}", file=sys.stderr, flush=True)
        return error.status
    finally:
        if store is not None:
            store.close()
        flush_logs()


async def _serve(
    settings: Settings,
    loop: asyncio.AbstractEventLoop,
    store: FileStore | MemoryStore,
    waker: Waker,
    tls: "ssl.SSLContext | None",
) -> int:
    clock = Clock()
    broker = _recovered(settings, store, clock)
    pressure = _pressure(settings)
    turns = Turns(loop, clock, broker, store, pressure, _stop_at_once)
    waker.turns = turns
    registry = Registry(settings.limits.connections_max)
    stopping = asyncio.Event()
    health = _health(broker, registry, pressure, stopping)
    gate = _gate(settings, broker)
    caller = _caller(settings, loop, turns)
    listeners = _listeners(settings, turns, registry, gate, health, _cluster_id(broker), tls)
    listeners += _aws_listeners(settings, turns, registry, gate, tls, broker, caller)
    loop.set_exception_handler(_unexpected)
    turns.enter()
    try:
        for listener in listeners:
            await listener.start(loop)
    except CannotListen as error:
        for listener in listeners:
            listener.stop()
        raise CannotStart(str(error)) from None
    Housekeeping(pressure, registry).keep(loop)
    _on_signals(loop, stopping)
    _settle_interpreter()
    for listener in listeners:
        for address in listener.addresses():
            print(f"listening {listener.name} {address}", flush=True)
    print(f"ready in {process_age_ms()} ms", flush=True)
    await stopping.wait()
    _log.info("stopping: no new connections, %d open", registry.count())
    caller.close()
    await drain(listeners, registry, turns, broker, settings.server.drain_seconds)
    return STOPPED


def _engine_settings(settings: Settings) -> EngineSettings:
    return EngineSettings(
        tail_bytes_max=settings.memory.tail_bytes_max,
        journal_bytes_max=settings.storage.journal_bytes_max,
        dispatch_per_turn=settings.limits.dispatch_per_turn,
        consumer_timeout_ms=settings.limits.consumer_timeout_ms,
        message_bytes_max=settings.amqp.message_bytes_max,
        namespaces=list(settings.namespaces),
        predeclared=list(PREDECLARED_EXCHANGES),
        topic_partitions_max=settings.limits.topic_partitions_max,
        compaction_keys_max=settings.limits.compaction_keys_max,
        deduplication_window_ms=settings.limits.deduplication_window_ms,
        deduplication_ids_max=settings.limits.deduplication_ids_max,
        groups=_group_settings(settings),
        transactions=TransactionSettings(
            timeout_ms_max=settings.transactions.timeout_max_ms,
            expiry_ms=settings.transactions.expiry_ms,
            ids_max=settings.transactions.ids_max,
        ),
    )


def _group_settings(settings: Settings) -> GroupSettings:
    groups = settings.groups
    return GroupSettings(
        session_timeout_min_ms=groups.session_timeout_min_ms,
        session_timeout_max_ms=groups.session_timeout_max_ms,
        initial_rebalance_delay_ms=groups.initial_rebalance_delay_ms,
        members_max=groups.members_max,
        groups_max=groups.groups_max,
        offsets_retention_ms=groups.offsets_retention_ms,
        offsets_check_ms=groups.offsets_check_ms,
    )


def _open_store(settings: Settings, wake: Callable[[], None]) -> FileStore | MemoryStore:
    storage = settings.storage
    if storage.memory:
        # What it is given is done at once: the end of the turn that gave it collects it, nobody needs waking.
        return MemoryStore(_no_wake)
    store_settings = StoreSettings(
        directory=storage.data,
        sync=storage.sync,
        sync_interval_ms=storage.sync_interval_ms,
        segment_bytes=storage.segment_bytes,
        open_files_max=storage.open_files_max,
    )
    return FileStore(store_settings, Files(), Threads(), wake)


def _no_wake() -> None:
    pass


def _recovered(settings: Settings, store: FileStore | MemoryStore, clock: Clock) -> Broker:
    broker = Broker(store, _engine_settings(settings), os.urandom)
    broker.catalog.natives.register(NATIVE_AMQP091, AmqpNativeReader())
    broker.catalog.natives.register(NATIVE_SQS, SqsNativeReader())
    broker.begin_turn(int(clock.now_ms()))
    try:
        broker.recover()
    except (StorageError, OSError) as error:
        raise CannotStart(f"cannot use the data directory {settings.storage.data}: {error}") from None
    return broker


def _gate(settings: Settings, broker: Broker) -> Gate:
    users: dict[str, User] = {}
    granted: dict[tuple[str, str], Permission] = {}
    for name, user in settings.effective_users().items():
        password = None
        if user.password_hash:
            password = parse_hash(user.password_hash)
        elif user.password:
            password = hash_password(user.password, os.urandom(4))
        scram = ScramPassword(user.password) if user.password else None
        users[name] = User(
            name,
            list(user.tags),
            password,
            loopback_only=name == GUEST,
            scram=scram,
            access_keys=user.access_keys,
        )
        for namespace, permission in user.permissions.items():
            granted[(name, namespace)] = Permission(permission.configure, permission.write, permission.read)
    anonymous = "" if settings.users else GUEST
    return Gate(Users(users), Permissions(settings.namespaces, granted), broker, anonymous)


def _listeners(
    settings: Settings,
    turns: Turns,
    registry: Registry,
    gate: Gate,
    health: Health,
    cluster_id: str,
    tls: "ssl.SSLContext | None",
) -> list[Listener]:
    amqp = settings.amqp
    host = settings.server.host
    drain_ms = int(settings.server.drain_seconds * 1000)
    outbox_bytes_max = settings.limits.outbox_bytes_max
    limits = Limits(int(amqp.login_seconds * 1000), outbox_bytes_max, drain_ms, LINGER_MS)
    amqp_settings = AmqpSettings(
        frame_bytes_max=amqp.frame_bytes_max,
        channels_max=amqp.channels_max,
        heartbeat_seconds=amqp.heartbeat_seconds,
        message_bytes_max=amqp.message_bytes_max,
        held_bytes_max=max(amqp.held_bytes_max, 2 * amqp.message_bytes_max),
        cluster_name=f"onemq@{socket.gethostname()}",
        onemq_version=__version__,
    )
    head: Head = AmqpHead(gate, amqp_settings, os.urandom)
    found: list[Listener] = []
    if amqp.port != OFF:
        found.append(Listener("amqp", head, host, amqp.port, turns, registry, limits))
    if amqp.tls_port != OFF and tls is not None:
        found.append(Listener("amqps", head, host, amqp.tls_port, turns, registry, limits, tls))
    found += _kafka_listeners(settings, turns, registry, gate, cluster_id, tls)
    found += _http_listeners(settings, turns, registry, gate, health, tls)
    return found


def _http_listeners(
    settings: Settings,
    turns: Turns,
    registry: Registry,
    gate: Gate,
    health: Health,
    tls: "ssl.SSLContext | None",
) -> list[Listener]:
    http = settings.http
    host = settings.server.host
    limits = Limits(0, settings.limits.outbox_bytes_max, int(settings.server.drain_seconds * 1000), LINGER_MS)
    management = ManagementSettings(
        node_name=f"onemq@{socket.gethostname()}", request_bytes_max=http.request_bytes_max
    )

    def health_page(request: PageRequest) -> Page | None:
        if request.path not in HEALTH_PATHS:
            return None
        answer = health.answer("GET", request.path)
        return Page(answer.status, answer.body.encode("utf-8"), answer.content_type)

    head = ManagementHead(gate, management, [health_page])
    found: list[Listener] = []
    if http.port != OFF:
        found.append(Listener("http", head, host, http.port, turns, registry, limits))
    if http.tls_port != OFF and tls is not None:
        found.append(Listener("https", head, host, http.tls_port, turns, registry, limits, tls))
    return found


def _cluster_id(broker: Broker) -> str:
    """22 characters, as Kafka makes them."""
    return base64.urlsafe_b64encode(broker.identity.octets).decode("ascii").rstrip("=")


def _kafka_listeners(
    settings: Settings,
    turns: Turns,
    registry: Registry,
    gate: Gate,
    cluster_id: str,
    tls: "ssl.SSLContext | None",
) -> list[Listener]:
    kafka = settings.kafka
    drain_ms = int(settings.server.drain_seconds * 1000)
    limits = Limits(int(kafka.login_seconds * 1000), settings.limits.outbox_bytes_max, drain_ms, LINGER_MS)
    found: list[Listener] = []
    for name, port, advertised, context in (
        ("kafka", kafka.port, kafka.advertised_port, None),
        ("kafkas", kafka.tls_port, kafka.advertised_tls_port, tls),
    ):
        if port == OFF or (name == "kafkas" and tls is None):
            continue
        head = KafkaHead(
            gate,
            KafkaSettings(
                advertised_host=kafka.advertised_host,
                advertised_port=advertised,
                namespace=settings.namespaces[0],
                cluster_id=cluster_id,
                request_bytes_max=kafka.request_bytes_max,
                auto_create_topics=kafka.auto_create_topics,
                partitions_default=kafka.partitions,
                sasl_required=bool(settings.users),
            ),
        )
        found.append(Listener(name, head, settings.server.host, port, turns, registry, limits, context))
    return found


def _caller(settings: Settings, loop: asyncio.AbstractEventLoop, turns: Turns) -> HttpCaller:
    calls = settings.calls

    def make_context() -> "ssl.SSLContext":
        from onemq.net.tls import make_client_context

        return make_client_context(calls.ca_file, calls.insecure)

    return HttpCaller(loop, turns, make_context, calls.concurrency_max)


def _aws_listeners(
    settings: Settings,
    turns: Turns,
    registry: Registry,
    gate: Gate,
    tls: "ssl.SSLContext | None",
    broker: Broker,
    caller: HttpCaller,
) -> list[Listener]:
    aws = settings.aws
    host = settings.server.host
    limits = Limits(0, settings.limits.outbox_bytes_max, int(settings.server.drain_seconds * 1000), LINGER_MS)
    aws_settings = AwsSettings(
        namespace=settings.namespaces[0],
        request_bytes_max=aws.request_bytes_max,
        idle_ms=int(aws.idle_seconds * 1000),
    )
    head = AwsHead(gate, aws_settings, os.urandom, caller)
    broker.notices.serve(head.sns.renderer, head.sns.courier)
    if broker.notices.key_text:
        head.sns.signer.show(broker.notices.key_text)
    found: list[Listener] = []
    if aws.port != OFF:
        found.append(Listener("aws", head, host, aws.port, turns, registry, limits))
    if aws.tls_port != OFF and tls is not None:
        found.append(Listener("awss", head, host, aws.tls_port, turns, registry, limits, tls))
    return found


def _health(broker: Broker, registry: Registry, pressure: Pressure, stopping: asyncio.Event) -> Health:
    def ready() -> str:
        return "stopping" if stopping.is_set() else pressure.reason()

    return Health(
        ready,
        {
            "onemq_connections": ("Open connections.", registry.count),
            "onemq_connections_opened_total": ("Connections accepted.", lambda: int(registry.opened)),
            "onemq_connections_refused_total": (
                "Connections over limits.connections_max.",
                lambda: int(registry.refused),
            ),
            "onemq_received_bytes_total": ("Bytes received.", lambda: int(registry.bytes_in)),
            "onemq_sent_bytes_total": ("Bytes sent.", lambda: int(registry.bytes_out)),
            "onemq_records_memory_bytes": ("What the records in memory take.", broker.memory_bytes),
            "onemq_alarm": ("1 while publishers are blocked.", lambda: 1 if pressure.reason() else 0),
        },
    )


def _pressure(settings: Settings) -> Pressure:
    alarm_bytes = settings.memory.alarm_bytes or _memory_bytes() * MEMORY_ALARM_PERCENT // 100
    if settings.storage.memory:
        return Pressure(alarm_bytes)
    directory = settings.storage.data

    def free_bytes() -> int:
        status = os.statvfs(directory)
        return status.f_bavail * status.f_frsize

    return Pressure(alarm_bytes, settings.disk.free_bytes_min, free_bytes, settings.storage.pending_bytes_max)


def _memory_bytes() -> int:
    """What this process may use: the machine's memory, or its control group's limit."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        with open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
            text = file.read().strip()
    except OSError:
        return machine
    return min(machine, int(text)) if text.isdigit() else machine


class Housekeeping:
    """What is done once a second: the free disk space, and what many closed connections and large buffers left."""

    def __init__(self, pressure: Pressure, registry: Registry) -> None:
        self._pressure = pressure
        self._registry = registry
        self._collected = 0
        self._trimmed = 0
        self._moved = 0
        self._malloc_trim = _malloc_trim()

    def keep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Now, and every second from now on."""
        try:
            self._pressure.observe_disk()
        except OSError as error:
            _log.error("cannot ask for the free disk space: %s", error)
        registry = self._registry
        closed = int(registry.opened) - registry.count()
        if closed - self._collected >= COLLECT_CONNECTIONS:
            self._collected = closed
            gc.collect()
        self._trim(int(registry.bytes_in + registry.bytes_out))
        loop.call_later(HOUSEKEEPING_SECONDS, self.keep, loop)

    def _trim(self, moved: int) -> None:
        """moved: bytes received and sent so far."""
        quiet = moved - self._moved < TRIM_BYTES // 100
        self._moved = moved
        if moved - self._trimmed >= (TRIM_BYTES if quiet else TRIM_BYTES * 4):
            self._trimmed = moved
            self._malloc_trim(0)


def _malloc_trim() -> Callable[[int], object]:
    """glibc's call that gives free memory back to the system; nothing where the C library has none."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return _nothing_to_trim if trim is None else cast(Callable[[int], object], trim)


def _nothing_to_trim(_pad: int) -> None:
    pass


def _tls_context(settings: Settings) -> "ssl.SSLContext | None":
    ports = (settings.amqp.tls_port, settings.kafka.tls_port, settings.aws.tls_port, settings.http.tls_port)
    if not settings.tls_configured() or all(port == OFF for port in ports):
        return None
    from onemq.net.tls import BadTls, make_context

    tls = settings.tls
    try:
        return make_context(tls.certificate, tls.key, tls.client_ca, tls.require_client_certificate)
    except BadTls as error:
        raise CannotStart(f"bad setting {error}", BAD_SETTING) from None


def _on_signals(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    def stop() -> None:
        if stopping.is_set():
            # What was confirmed is safe in the journal; the next start replays it.
            _log.warning("a second signal: stopping at once, without the last checkpoint")
            flush_logs()
            os._exit(FAILED)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)


def _stop_at_once(reason: str, error: Exception | None) -> None:
    """Nothing may be confirmed any more: the process ends here, without a word to the peers."""
    _log.critical("%s; stopping at once", reason, exc_info=error)
    flush_logs()
    os._exit(FAILED)


def _unexpected(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    exception = error if isinstance(error, Exception) else None
    if isinstance(exception, (ConnectionError, TimeoutError)):
        _log.debug("%s: %s", context.get("message"), exception)
    elif isinstance(exception, OSError):
        _log.warning("%s: %s", context.get("message"), exception)
    else:
        _log.error("%s", context.get("message"), exc_info=exception)


def _raise_open_files() -> None:
    """Every connection is an open file; the usual soft limit of 1024 is far below limits.connections_max."""
    import resource

    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (OSError, ValueError) as error:
        _log.warning("cannot raise the limit of open files: %s", error)


def _settle_interpreter() -> None:
    """Thread switches and garbage collection, tuned for short pauses."""
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_THRESHOLDS)


def process_age_ms() -> int:
    """Time since the kernel started this process (resolution 10 ms)."""
    with open("/proc/self/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return max(round((time.clock_gettime(time.CLOCK_BOOTTIME) - started) * 1000), 0)
