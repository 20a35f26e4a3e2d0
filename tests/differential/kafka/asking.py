"""Requests as keyword arguments, answers as plain dictionaries in which nothing stands that may differ between two brokers.

A `Side` plays a scenario with one broker and keeps what it was answered. Messages are encoded by kafka-python's schema classes, a codec
that is not ours. Must not decide what is right: compare.py lays two sides beside each other.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any, Final

import kafka.protocol.admin as admin_messages
import kafka.protocol.consumer as consumer_messages
import kafka.protocol.metadata as metadata_messages
import kafka.protocol.producer as producer_messages

from clients.kafka_python.wire import LOADING, Batch, ConnectionLost, Wire

CLOSED: Final = {"connection": "closed"}
SETTLE_SECONDS_MAX: Final = 0.3
POLL_SECONDS: Final = 0.02
LONG_AGO_MS: Final = 1_600_000_000_000
"""Times after this are taken from a clock; scenarios use earlier ones where a time matters."""

READS: Final = {
    *("Metadata", "DescribeConfigs", "DescribeCluster", "DescribeTopicPartitions", "DescribeProducers"),
    *("ListOffsets", "Fetch", "OffsetForLeaderEpoch", "OffsetFetch", "DescribeGroups", "ListGroups"),
    *("FindCoordinator", "DescribeAcls", "DescribeClientQuotas", "DescribeUserScramCredentials"),
    *("ListConfigResources", "ListPartitionReassignments"),
}
"""Asked again until the answer is the expected one or stays: Kafka's broker hears a little later what its controller has done."""

NUMBERED: Final = {"topic_id", "member_id", "leader", "producer_id", "cluster_id"}
"""Fields that each broker fills in as it likes: they become `topic_id 1`, in the order in which they come up."""
SETS: Final = {
    "entries",
    "resources",
    "acls",
    "matching_acls",
    "entity",
    "values",
    "components",
    "credential_infos",
}
SKIPPED: Final = {"host", "port", "throttle_time_ms", "client_host", "last_timestamp"}


ToldApart = Callable[[Any, Any, str], Any]


def _as_it_is(_ours: Any, theirs: Any, _request: str) -> Any:
    return theirs


def message_class(name: str) -> Any:
    for module in (admin_messages, consumer_messages, metadata_messages, producer_messages):
        if hasattr(module, name):
            return getattr(module, name)
    raise LookupError(name)


def filled(owner: Any, version: int, fields: dict[str, Any]) -> Any:
    """An object of kafka-python's class with the fields; dictionaries in it become objects of the classes within."""
    values: dict[str, Any] = {}
    for name, value in fields.items():
        field = owner.fields[name]
        inner = value
        if isinstance(value, Batch):
            inner = value.encode()
        elif value is not None and field.is_struct_array():
            inner = [filled(field.data_class, version, each) for each in value]
        elif value is not None and field.is_struct():
            inner = filled(field.data_class, version, value)
        values[name] = inner
    return owner(version=version, **values)


def in_order(field: str, values: list[Any]) -> list[Any]:
    """Where the order means nothing, by name, and without what only onemq has."""
    kept = [each for each in values if not (isinstance(each, dict) and is_of_one(each.get("name")))]
    if field != "synonyms" and all(
        isinstance(each, dict) and isinstance(each.get("name"), str) for each in kept
    ):
        kept.sort(key=lambda each: (each["name"], each.get("error_code", 0)))
    if all(isinstance(each, dict) and isinstance(each.get("user"), str) for each in kept):
        kept.sort(key=lambda each: str(each["user"]))
    if field in SETS:
        kept.sort(key=repr)
    if all(isinstance(each, dict) and isinstance(each.get("group_id"), str) for each in kept):
        kept.sort(key=lambda each: str(each["group_id"]))
    return kept


def whole_batches(data: bytes) -> bytes:
    """Without the beginning of a batch for which there was no room: Kafka gives it, onemq does not."""
    at = 0
    while at + 12 <= len(data):
        end = at + 12 + int.from_bytes(data[at + 8 : at + 12])
        if end > len(data):
            break
        at = end
    return data[:at]


def is_of_one(name: object) -> bool:
    """A setting of one broker only: onemq's own, and those of Kafka Streams' groups."""
    return isinstance(name, str) and name.startswith(("onemq.", "streams."))


class Side:
    """One broker, as one scenario sees it."""

    def __init__(
        self,
        bootstrap: str,
        expected: list[tuple[str, Any]] | None,
        prefix: str,
        told_apart: ToldApart = _as_it_is,
    ) -> None:
        """expected: what the other broker answered, for requests that may be repeated until it is the same."""
        self._told_apart = told_apart
        self.bootstrap = bootstrap
        self.heard: list[tuple[str, Any]] = []
        self.prefix = prefix
        self._expected = expected
        self._wires: dict[str, Wire] = {}
        self._numbers: dict[tuple[str, object], str] = {}
        self._counts: dict[str, int] = {}

    def close(self) -> None:
        for wire in self._wires.values():
            wire.close()

    def name(self, suffix: str) -> str:
        """The same with both brokers, and used by no other scenario."""
        return f"{self.prefix}-{suffix}"

    def wire(self, connection: str = "main") -> Wire:
        if connection not in self._wires:
            self._wires[connection] = Wire(self.bootstrap, client_id="compared")
        return self._wires[connection]

    def ask(self, api: str, version: int, *, connection: str = "main", note: str = "", **fields: Any) -> Any:
        """One request and its answer, which is kept. Returns the answer, or None where the connection was closed."""
        request = filled(message_class(f"{api}Request"), version, fields)
        label = f"{api} v{version} {note or fields}"
        deadline = time.monotonic() + SETTLE_SECONDS_MAX
        while True:
            answer = self._call(connection, request, api, version)
            plain = CLOSED if answer is None else self.plain(answer)
            if api not in READS or self._is_expected(plain) or time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
        self.heard.append((label, plain))
        return answer

    def send(self, api: str, version: int, connection: str, **fields: Any) -> Callable[[], Any]:
        """One request on a connection of its own; what is returned waits for its answer and keeps it."""
        request = filled(message_class(f"{api}Request"), version, fields)
        correlation = self.wire(connection).send(request, version)

        def receive() -> Any:
            answer = self.wire(connection).receive(message_class(f"{api}Response"), version, correlation)
            self.heard.append((f"{api} v{version} {fields}", self.plain(answer)))
            return answer

        return receive

    def quietly(self, api: str, version: int, **fields: Any) -> Any:
        """A request that prepares: its answer is not compared."""
        request = filled(message_class(f"{api}Request"), version, fields)
        answer = self._call("main", request, api, version)
        assert answer is not None, f"{api} v{version} closed the connection"
        return answer

    def topic(self, suffix: str, partitions: int = 1, **config: str) -> str:
        """A topic that can be used at once. Underscores of config are dots."""
        name = self.name(suffix)
        configs = [{"name": key.replace("_", "."), "value": value} for key, value in config.items()]
        wanted = {"name": name, "num_partitions": partitions, "replication_factor": 1}
        made = self.quietly(
            "CreateTopics", 5, topics=[{**wanted, "assignments": [], "configs": configs}], timeout_ms=10_000
        )
        assert made.topics[0].error_code == 0, made
        self.settle(name)
        return name

    def settle(self, topic: str) -> None:
        """Wait until the topic has a leader."""
        deadline = time.monotonic() + 10 * SETTLE_SECONDS_MAX
        while time.monotonic() < deadline:
            seen = self.quietly("Metadata", 9, topics=[{"name": topic}], allow_auto_topic_creation=False)
            (described,) = seen.topics
            if described.error_code == 0 and self._is_led(topic, len(described.partitions)):
                return
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{topic} has no leader")

    def _is_led(self, topic: str, partitions: int) -> bool:
        asked = [{"partition_index": index, "timestamp": -1} for index in range(partitions)]
        told = self.quietly(
            "ListOffsets", 3, replica_id=-1, isolation_level=0, topics=[{"name": topic, "partitions": asked}]
        )
        return all(part.error_code == 0 for part in told.topics[0].partitions)

    def topic_id(self, topic: str) -> Any:
        seen = self.quietly("Metadata", 12, topics=[{"name": topic}], allow_auto_topic_creation=False)
        return seen.topics[0].topic_id

    def plain(self, value: Any, field: str = "") -> Any:
        """An answer without what may differ."""
        if hasattr(value, "to_dict"):
            value = value.to_dict(json=False)
        if isinstance(value, dict):
            return {name: self.plain(each, name) for name, each in value.items() if name not in SKIPPED}
        if isinstance(value, (list, tuple)):
            return in_order(field, [self.plain(each, field) for each in value])
        if isinstance(value, (bytes, bytearray, memoryview)):
            return whole_batches(bytes(value)) if field == "records" else bytes(value)
        if field in NUMBERED and value not in ("", None, -1, uuid.UUID(int=0)):
            return self._numbered(field, value)
        if isinstance(value, int) and value > LONG_AGO_MS and not isinstance(value, bool) and value < 1 << 62:
            return "now"
        return value

    def _numbered(self, field: str, value: Any) -> str:
        kind = "member_id" if field == "leader" else field
        if (kind, value) not in self._numbers:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._numbers[kind, value] = f"{kind} {self._counts[kind]}"
        return self._numbers[kind, value]

    def _is_expected(self, plain: Any) -> bool:
        at = len(self.heard)
        if self._expected is None:
            return True
        if at >= len(self._expected):
            return False
        request, expected = self._expected[at]
        return bool(expected == self._told_apart(expected, plain, request))

    def _call(self, connection: str, request: Any, api: str, version: int) -> Any:
        deadline = time.monotonic() + 10 * SETTLE_SECONDS_MAX
        try:
            answer = self.wire(connection).call(request, message_class(f"{api}Response"), version)
            while getattr(answer, "error_code", 0) in (LOADING, LOADING + 1) and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
                answer = self.wire(connection).call(request, message_class(f"{api}Response"), version)
        except (ConnectionLost, BrokenPipeError, TimeoutError):
            self._wires.pop(connection).close()
            return None
        return answer
