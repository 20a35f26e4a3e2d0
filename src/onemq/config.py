"""The settings: one typed tree, validated once, handed to whoever needs a part of it. There is no global.

Defaults < onemq.toml < environment (ONEMQ_*) < flags. Where values come from and what is said about a bad one is in
config_sources.py; this module says what there is, what each setting takes, and which settings exclude each other.
docs/configuration.md describes every one of them, and a test holds the two together.
"""

import ipaddress
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from onemq.engine.directory.records import GUEST
from onemq.model.passwords import BadHash, parse_hash
from onemq.model.pattern_syntax import PatternError
from onemq.model.rights import checked_pattern

OFF: Final = -1

_KIB: Final = 1024
_MIB: Final = 1024 * 1024
_GIB: Final = 1024 * 1024 * 1024
_BYTES_MAX: Final = 1 << 62

_PORT_TAKES: Final = "a port number; 0 takes a free port, -1 (or off) switches the listener off"

Port = Annotated[int, Meta(ge=OFF, le=65_535, description=_PORT_TAKES)]
Bytes = Annotated[int, Meta(ge=0, le=_BYTES_MAX)]
Count = Annotated[int, Meta(ge=1, le=2_000_000_000)]
Milliseconds = Annotated[int, Meta(ge=0, le=10**12)]
Seconds = Annotated[float, Meta(ge=0, le=86_400)]


class ServerSettings(Struct, forbid_unknown_fields=True):
    host: str = "127.0.0.1"
    drain_seconds: Seconds = 5.0
    port_file: str = ""


class AmqpSettings(Struct, forbid_unknown_fields=True):
    port: Port = 5672
    tls_port: Port = 5671
    frame_bytes_max: Annotated[int, Meta(ge=4096, le=16 * _MIB)] = 128 * _KIB
    channels_max: Annotated[int, Meta(ge=1, le=65_535)] = 2047
    heartbeat_seconds: Annotated[int, Meta(ge=0, le=65_535)] = 60
    message_bytes_max: Annotated[int, Meta(ge=1, le=512 * _MIB)] = 16 * _MIB
    held_bytes_max: Annotated[int, Meta(ge=_MIB)] = 128 * _MIB
    login_seconds: Seconds = 10.0


class KafkaSettings(Struct, forbid_unknown_fields=True):
    port: Port = 9092
    tls_port: Port = 9093
    advertised_host: str = ""
    advertised_port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    advertised_tls_port: Annotated[int, Meta(ge=0, le=65_535)] = 0
    auto_create_topics: bool = True
    partitions: Annotated[int, Meta(ge=1, le=10_000)] = 1
    request_bytes_max: Annotated[int, Meta(ge=1024, le=_GIB)] = 100 * _MIB
    login_seconds: Seconds = 10.0
    idle_seconds: Seconds = 600.0


class AwsSettings(Struct, forbid_unknown_fields=True):
    port: Port = 4566
    tls_port: Port = 4567
    request_bytes_max: Annotated[int, Meta(ge=64 * _KIB, le=_GIB)] = 8 * _MIB
    idle_seconds: Annotated[float, Meta(ge=30, le=86_400)] = 120.0


class CallsSettings(Struct, forbid_unknown_fields=True):
    ca_file: str = ""
    insecure: bool = False
    concurrency_max: Annotated[int, Meta(ge=1, le=10_000)] = 100


class HttpSettings(Struct, forbid_unknown_fields=True):
    port: Port = 15672
    tls_port: Port = 15671
    request_bytes_max: Annotated[int, Meta(ge=64 * _KIB, le=_GIB)] = 32 * _MIB


class MetricsSettings(Struct, forbid_unknown_fields=True):
    port: Port = 15692
    tls_port: Port = 15691
    objects_max: Annotated[int, Meta(ge=0, le=1_000_000)] = 1_000
    rates_interval_ms: Annotated[int, Meta(ge=100, le=3_600_000)] = 5_000
    rates_objects_max: Annotated[int, Meta(ge=0, le=1_000_000)] = 10_000


class TlsSettings(Struct, forbid_unknown_fields=True):
    certificate: str = ""
    key: str = ""
    client_ca: str = ""
    require_client_certificate: bool = False


class StorageSettings(Struct, forbid_unknown_fields=True):
    data: str = "onemq-data"
    memory: bool = False
    sync: Literal["always", "interval", "never"] = "always"
    sync_interval_ms: Annotated[int, Meta(ge=1, le=60_000)] = 100
    segment_bytes: Annotated[int, Meta(ge=64 * _KIB, le=_GIB)] = 8 * _MIB
    journal_bytes_max: Annotated[int, Meta(ge=_MIB, le=64 * _GIB)] = 128 * _MIB
    pending_bytes_max: Annotated[int, Meta(ge=_MIB, le=_BYTES_MAX)] = 32 * _MIB
    open_files_max: Annotated[int, Meta(ge=16, le=1_000_000)] = 128
    read_ahead_bytes: Annotated[int, Meta(ge=0, le=_BYTES_MAX)] = 4 * _MIB


class MemorySettings(Struct, forbid_unknown_fields=True):
    tail_bytes_max: Annotated[int, Meta(ge=_MIB, le=_BYTES_MAX)] = 32 * _MIB
    alarm_bytes: Bytes = 0


class DiskSettings(Struct, forbid_unknown_fields=True):
    free_bytes_min: Bytes = 50_000_000


class LimitSettings(Struct, forbid_unknown_fields=True):
    connections_max: Count = 20_000
    outbox_bytes_max: Annotated[int, Meta(ge=16 * _KIB, le=_GIB)] = 4 * _MIB
    slow_reader_seconds: Seconds = 10.0
    consumer_timeout_ms: Annotated[int, Meta(ge=0, le=10**12)] = 1_800_000
    dispatch_per_turn: Count = 10_000
    topic_partitions_max: Count = 10_000
    compaction_keys_max: Count = 1_000_000
    deduplication_window_ms: Milliseconds = 300_000
    deduplication_ids_max: Count = 2_000_000
    leases_max: Count = 120_000
    receive_attempts_max: Count = 1_000
    receive_attempt_bytes_max: Annotated[int, Meta(ge=_MIB, le=_BYTES_MAX)] = 16 * _MIB
    fetch_bytes_held_max: Annotated[int, Meta(ge=_MIB, le=_BYTES_MAX)] = 256 * _MIB


class PermissionSettings(Struct, forbid_unknown_fields=True):
    configure: str = ""
    write: str = ""
    read: str = ""


class GroupsSettings(Struct, forbid_unknown_fields=True):
    session_timeout_min_ms: Milliseconds = 6_000
    session_timeout_max_ms: Milliseconds = 1_800_000
    initial_rebalance_delay_ms: Milliseconds = 0
    members_max: Count = 10_000
    groups_max: Count = 100_000
    offsets_retention_ms: Milliseconds = 7 * 24 * 3_600_000
    offsets_check_ms: Annotated[int, Meta(ge=1_000, le=10**12)] = 600_000


class ShareGroupsSettings(Struct, forbid_unknown_fields=True):
    groups_max: Count = 10_000
    members_max: Count = 200
    sessions_max: Count = 2_000
    topics_max: Count = 10_000
    places_max: Count = 100_000
    dead_letter_bytes: Annotated[int, Meta(ge=64 * _KIB, le=_GIB)] = _MIB


class TransactionsSettings(Struct, forbid_unknown_fields=True):
    timeout_max_ms: Milliseconds = 900_000
    expiry_ms: Milliseconds = 7 * 24 * 3_600_000
    ids_max: Count = 100_000


class UserSettings(Struct, forbid_unknown_fields=True):
    password: str = ""
    password_hash: str = ""
    tags: list[str] = field(default_factory=list)
    access_keys: dict[str, str] = field(default_factory=dict)
    permissions: dict[str, PermissionSettings] = field(default_factory=dict)


class LogSettings(Struct, forbid_unknown_fields=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "human", "json"] = "auto"
    alike_max: Count = 5
    lines_max: Count = 100
    alike_seconds: Annotated[float, Meta(ge=0.1, le=86_400)] = 10.0


class AuditSettings(Struct, forbid_unknown_fields=True):
    enabled: bool = True
    file: str = ""
    file_bytes_max: Annotated[int, Meta(ge=64 * _KIB, le=_BYTES_MAX)] = 10 * _MIB
    files_max: Annotated[int, Meta(ge=1, le=1_000)] = 10


class TracingSettings(Struct, forbid_unknown_fields=True):
    endpoint: str = ""
    service_name: str = ""
    sample_ratio: Annotated[float, Meta(ge=0, le=1)] = 0.0
    spans_max: Annotated[int, Meta(ge=16, le=1_000_000)] = 2048


class Settings(Struct, forbid_unknown_fields=True):
    """Everything. Sections as in onemq.toml."""

    server: ServerSettings = field(default_factory=ServerSettings)
    amqp: AmqpSettings = field(default_factory=AmqpSettings)
    kafka: KafkaSettings = field(default_factory=KafkaSettings)
    aws: AwsSettings = field(default_factory=AwsSettings)
    calls: CallsSettings = field(default_factory=CallsSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)
    tls: TlsSettings = field(default_factory=TlsSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    memory: MemorySettings = field(default_factory=MemorySettings)
    disk: DiskSettings = field(default_factory=DiskSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    groups: GroupsSettings = field(default_factory=GroupsSettings)
    share_groups: ShareGroupsSettings = field(default_factory=ShareGroupsSettings)
    transactions: TransactionsSettings = field(default_factory=TransactionsSettings)
    log: LogSettings = field(default_factory=LogSettings)
    audit: AuditSettings = field(default_factory=AuditSettings)
    tracing: TracingSettings = field(default_factory=TracingSettings)
    namespaces: list[str] = field(default_factory=lambda: ["/"])
    users: dict[str, UserSettings] = field(default_factory=dict)

    def tls_configured(self) -> bool:
        return bool(self.tls.certificate)


def is_loopback(host: str) -> bool:
    """Whether listening on `host` can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Contradiction(Struct):
    """A setting whose type is right but which does not fit the others: the name, what it was, and what it takes."""

    path: tuple[str, ...]
    got: str
    takes: str


def contradictions(settings: Settings) -> list[Contradiction]:
    """What no single setting's type can tell."""
    found = _tls_contradictions(settings)
    if not settings.namespaces:
        found.append(Contradiction(("namespaces",), "[]", "at least one namespace"))
    for name, user in settings.users.items():
        found.extend(_user_contradictions(settings, name, user))
    found.extend(_shared_access_keys(settings))
    host = settings.server.host
    if not is_loopback(host) and not any(name != GUEST for name in settings.users):
        takes = (
            "a loopback address such as 127.0.0.1, as long as no user but guest is configured: guest's password is "
            'known to everybody. Configure a user first: [users.NAME] with password_hash (see "onemq hash-password")'
        )
        found.append(Contradiction(("server", "host"), repr(host), takes))
    return found


def _tls_contradictions(settings: Settings) -> list[Contradiction]:
    tls = settings.tls
    found: list[Contradiction] = []
    if tls.certificate and not tls.key:
        found.append(
            Contradiction(("tls", "key"), "nothing", "the file with the private key of tls.certificate")
        )
    if tls.key and not tls.certificate:
        takes = "the file with the certificate (chain) that tls.key belongs to"
        found.append(Contradiction(("tls", "certificate"), "nothing", takes))
    if tls.client_ca and not tls.certificate:
        found.append(
            Contradiction(
                ("tls", "client_ca"), repr(tls.client_ca), "nothing while tls.certificate is not set"
            )
        )
    if tls.require_client_certificate and not tls.client_ca:
        takes = "false, unless tls.client_ca names the authority that signs client certificates"
        found.append(Contradiction(("tls", "require_client_certificate"), "true", takes))
    return found


def _shared_access_keys(settings: Settings) -> list[Contradiction]:
    owners: dict[str, str] = {}
    found: list[Contradiction] = []
    for name, user in settings.users.items():
        for access_key, secret in user.access_keys.items():
            at = ("users", name, "access_keys", access_key)
            if not access_key or not secret:
                takes = "an access key's id and its secret, both not empty"
                found.append(Contradiction(at, "(not shown)", takes))
            elif access_key in owners:
                takes = f"an access key that no other user has ({owners[access_key]!r} has it)"
                found.append(Contradiction(at, "(not shown)", takes))
            owners[access_key] = name
    return found


def _user_contradictions(settings: Settings, name: str, user: UserSettings) -> list[Contradiction]:
    found: list[Contradiction] = []
    if user.password and user.password_hash:
        takes = "either password or password_hash, not both"
        found.append(Contradiction(("users", name, "password"), "(not shown)", takes))
    if user.password_hash:
        try:
            parse_hash(user.password_hash)
        except BadHash as error:
            takes = f'a hash as RabbitMQ exports it, or as "onemq hash-password" prints it ({error})'
            found.append(Contradiction(("users", name, "password_hash"), "(not shown)", takes))
    for namespace, permission in user.permissions.items():
        at = ("users", name, "permissions", namespace)
        if namespace not in settings.namespaces:
            takes = f"a namespace that `namespaces` lists: {', '.join(map(repr, settings.namespaces))}"
            found.append(Contradiction(at, repr(namespace), takes))
        for action in PermissionSettings.__struct_fields__:
            pattern: str = getattr(permission, action)
            try:
                checked_pattern(pattern)
            except PatternError as error:
                takes = f"a regular expression ({error})"
                found.append(Contradiction((*at, action), repr(pattern), takes))
    return found
