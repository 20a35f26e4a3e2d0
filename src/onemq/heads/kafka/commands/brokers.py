"""How answers name this broker, and what a principal may do, as Kafka numbers operations.

Must not: read or write a message.
Spec: Kafka, "AclOperation" (KIP-430: authorised operations in answers).
"""

from typing import Final

from onemq.engine.access import Access
from onemq.engine.acls import CLUSTER, CLUSTER_NAME, GROUP, TOPIC
from onemq.heads.kafka.errors import UNKNOWN_TOPIC_OR_PARTITION, code_of
from onemq.heads.kafka.session import Session
from onemq.model.refusal import Reason, Refusal

OPERATIONS_UNKNOWN: Final = -2147483648
"""Nobody asked for the operations."""

_MAPPED: Final = "::ffff:"


def advertised_host(session: Session) -> str:
    """What the settings say, else the address at which this client has reached us: that it can reach."""
    host = session.settings.advertised_host or session.peer.local_host or "localhost"
    return host[len(_MAPPED) :] if host.startswith(_MAPPED) else host


def advertised_port(session: Session) -> int:
    return session.settings.advertised_port or session.peer.local_port


def topic_code(refusal: Refusal) -> int:
    """The code of a topic that was not found: outside Metadata and CreateTopics a bad name is one that does not exist."""
    if refusal.reason == Reason.INVALID and refusal.entity_kind == "topic":
        return UNKNOWN_TOPIC_OR_PARTITION
    return code_of(refusal)


def topic_operations(access: Access, name: str) -> int:
    """A bit for each operation on the topic that the principal may do."""
    return access.authority.operations(TOPIC, name)


def group_operations(access: Access, name: str) -> int:
    """The same on a group."""
    return access.authority.operations(GROUP, name)


def cluster_operations(access: Access) -> int:
    """The same on the cluster."""
    return access.authority.operations(CLUSTER, CLUSTER_NAME)
