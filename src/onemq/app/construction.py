"""Makes the parts of a broker from the settings: store, engine, gate, alarms, TLS.

Must not start, listen or decide anything that a part could decide.
"""

import base64
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from onemq import __version__
from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.scram import ScramPassword
from onemq.auth.users import User, Users
from onemq.config import OFF, Settings
from onemq.engine.broker import Broker
from onemq.engine.directory.records import GUEST, PermissionRecord, UserRecord
from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.groups.settings import GroupSettings
from onemq.engine.ports import StateUnreadable, Store
from onemq.engine.settings import EngineSettings, RateSettings
from onemq.engine.share.settings import ShareSettings
from onemq.engine.transactions.settings import TransactionSettings
from onemq.heads.amqp091.native_reader import AmqpNativeReader
from onemq.heads.amqp091.settings import PREDECLARED_EXCHANGES
from onemq.heads.aws.sqs.native_reader import SqsNativeReader
from onemq.model.passwords import SALT_BYTES, hash_password, parse_hash
from onemq.model.record import NATIVE_AMQP091, NATIVE_SQS
from onemq.net.clock import Clock
from onemq.net.pressure import Pressure
from onemq.ops.audit import AuditFile, AuditLog, CannotAudit
from onemq.ops.log_bounds import LogBounds
from onemq.ops.tracing_setup import CannotTrace, TracingChoice, open_tracing
from onemq.storage.errors import StorageError
from onemq.storage.file_store import FileStore
from onemq.storage.files import Files
from onemq.storage.keeping_store import KeepingStore
from onemq.storage.memory_store import MemoryStore
from onemq.storage.settings import StoreSettings
from onemq.storage.workers import Threads

if TYPE_CHECKING:
    import ssl

    from onemq.ops.tracing import Tracing

FAILED: Final = 1
BAD_SETTING: Final = 2
MEMORY_ALARM_PERCENT: Final = 40


class CannotStart(Exception):
    """The text says why, and what to do about it. `status`: what the process exits with."""

    def __init__(self, text: str, status: int = FAILED) -> None:
        super().__init__(text)
        self.status = status


def engine_settings(settings: Settings) -> EngineSettings:
    return EngineSettings(
        tail_bytes_max=settings.memory.tail_bytes_max,
        journal_bytes_max=settings.storage.journal_bytes_max,
        dispatch_per_turn=settings.limits.dispatch_per_turn,
        consumer_timeout_ms=settings.limits.consumer_timeout_ms,
        namespaces=list(settings.namespaces),
        predeclared=list(PREDECLARED_EXCHANGES),
        topic_partitions_max=settings.limits.topic_partitions_max,
        compaction_keys_max=settings.limits.compaction_keys_max,
        deduplication_window_ms=settings.limits.deduplication_window_ms,
        deduplication_ids_max=settings.limits.deduplication_ids_max,
        leases_max=settings.limits.leases_max,
        receive_attempts_max=settings.limits.receive_attempts_max,
        receive_attempt_bytes_max=settings.limits.receive_attempt_bytes_max,
        fetch_bytes_held_max=settings.limits.fetch_bytes_held_max,
        groups=_group_settings(settings),
        share=_share_settings(settings),
        rates=RateSettings(settings.metrics.rates_interval_ms, settings.metrics.rates_objects_max),
        transactions=TransactionSettings(
            timeout_ms_max=settings.transactions.timeout_max_ms,
            expiry_ms=settings.transactions.expiry_ms,
            ids_max=settings.transactions.ids_max,
        ),
        directory=_directory_settings(settings),
    )


def _directory_settings(settings: Settings) -> DirectorySettings:
    users: list[UserRecord] = []
    permissions: list[PermissionRecord] = []
    for name, user in settings.users.items():
        # A password in clear stays with the gate: only its hash may be shown to anybody.
        encoded = user.password_hash
        if user.password:
            encoded = hash_password(user.password, os.urandom(SALT_BYTES)).encoded()
        users.append(UserRecord(name, encoded, list(user.tags), dict(user.access_keys), configured=True))
        for namespace, found in user.permissions.items():
            permissions.append(
                PermissionRecord(name, namespace, found.configure, found.write, found.read, configured=True)
            )
    return DirectorySettings(users, permissions, guest=not users)


def _share_settings(settings: Settings) -> ShareSettings:
    share = settings.share_groups
    return ShareSettings(
        members_max=share.members_max,
        groups_max=share.groups_max,
        sessions_max=share.sessions_max,
        topics_max=share.topics_max,
        places_max=share.places_max,
        dead_letter_bytes=share.dead_letter_bytes,
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


def make_store(settings: Settings, wake: Callable[[], None]) -> Store:
    """Nothing is opened yet: `recovered_broker` does that."""
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
        read_ahead_bytes=storage.read_ahead_bytes,
    )
    return FileStore(store_settings, Files(), Threads(), wake)


def _no_wake() -> None:
    pass


def recovered_broker(
    settings: Settings, store: Store, clock: Clock, progress: Callable[[int, int], None] | None = None
) -> Broker:
    """Opens the store and the engine on it; blocks. Raises CannotStart. progress: as `Broker.recover` takes it."""
    broker = Broker(store, engine_settings(settings), os.urandom)
    broker.catalog.natives.register(NATIVE_AMQP091, AmqpNativeReader())
    broker.catalog.natives.register(NATIVE_SQS, SqsNativeReader())
    broker.begin_turn(int(clock.now_ms()))
    try:
        broker.recover(progress)
    except (StorageError, StateUnreadable, OSError) as error:
        raise CannotStart(f"cannot use the data directory {settings.storage.data}: {error}") from None
    return broker


def cluster_id(broker: Broker) -> str:
    """Kafka's name of this broker: 22 characters, as Kafka makes them."""
    return base64.urlsafe_b64encode(broker.identity.octets).decode("ascii").rstrip("=")


def make_gate(settings: Settings, broker: Broker) -> Gate:
    """Who may come in: the settings' users, and those of the directory."""
    users: dict[str, User] = {}
    granted: dict[tuple[str, str], Permission] = {}
    for name, user in settings.users.items():
        password = None
        if user.password_hash:
            password = parse_hash(user.password_hash)
        elif user.password:
            password = hash_password(user.password, os.urandom(SALT_BYTES))
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
    directory = broker.directory
    return Gate(Users(users, directory), Permissions(settings.namespaces, granted, directory), broker)


def log_bounds(settings: Settings) -> LogBounds:
    """How many lines alike are written."""
    log = settings.log
    return LogBounds(log.alike_max, log.lines_max, log.alike_seconds)


def make_audit_log(settings: Settings) -> AuditLog | None:
    """None when nobody wants one. Raises CannotStart."""
    audit = settings.audit
    if not audit.enabled:
        return None
    if not audit.file:
        return AuditLog(log_bounds(settings))
    try:
        file = AuditFile(audit.file, audit.file_bytes_max, audit.files_max)
    except CannotAudit as error:
        raise CannotStart(f"bad setting audit.file: cannot write {error}", BAD_SETTING) from None
    return AuditLog(log_bounds(settings), file)


def make_tracing(settings: Settings, broker: Broker) -> "Tracing | None":
    """None when no exporter is configured. Raises CannotStart."""
    tracing = settings.tracing
    choice = TracingChoice(tracing.endpoint, tracing.service_name, tracing.sample_ratio, tracing.spans_max)
    try:
        return open_tracing(choice, os.environ, broker.catalog.natives, __version__)
    except CannotTrace as error:
        raise CannotStart(f"bad setting tracing.endpoint: {error}", BAD_SETTING) from None


def make_pressure(settings: Settings, store: Store) -> Pressure:
    """The alarms: memory, and where records are kept on disk its space."""
    alarm_bytes = settings.memory.alarm_bytes or _memory_bytes() * MEMORY_ALARM_PERCENT // 100
    if isinstance(store, KeepingStore):
        kept_bytes = store.kept_bytes
        return Pressure(alarm_bytes, 1, lambda: max(alarm_bytes - kept_bytes(), 0))
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


def tls_context(settings: Settings) -> "ssl.SSLContext | None":
    """None when no listener wants one. Raises CannotStart."""
    sections = (settings.amqp, settings.kafka, settings.aws, settings.http, settings.metrics)
    if not settings.tls_configured() or all(section.tls_port == OFF for section in sections):
        return None
    from onemq.net.tls import BadTls, make_context

    tls = settings.tls
    try:
        return make_context(tls.certificate, tls.key, tls.client_ca, tls.require_client_certificate)
    except BadTls as error:
        raise CannotStart(f"bad setting {error}", BAD_SETTING) from None
