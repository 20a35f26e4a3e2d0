"""Settings of the Kafka head, as the composition root fills them in.

Must not: read files or the environment (config does).
"""

from typing import Final

REQUEST_BYTES_MAX: Final = 100 * 1024 * 1024
"""Kafka's socket.request.max.bytes."""
LOGIN_REQUEST_BYTES_MAX: Final = 512 * 1024
"""Kafka's sasl.server.max.receive.size: the largest request before authentication."""
BUFFERED_BYTES_MAX: Final = 1024 * 1024
FETCH_BYTES_MAX: Final = 55 * 1024 * 1024
"""Kafka's fetch.max.bytes of the broker."""
IDLE_MS: Final = 600_000
"""Kafka's connections.max.idle.ms."""
DEFAULT_CLUSTER_ID: Final = "onemqAAAAAAAAAAAAAAAAA"


class KafkaSettings:
    """What the head announces, and its limits.

    Attributes:
        advertised_host, advertised_port: what Metadata says; "" and 0 = the address at which the client reached us.
        namespace: the one that Kafka clients see.
        cluster_id: 22 characters of URL-safe base64, as Kafka makes them.
        broker_id, rack: how Metadata names this broker; rack None = none.
        request_bytes_max: a larger request closes the connection.
        login_request_bytes_max: the same before authentication.
        buffered_bytes_max: requests of one connection that wait for the answer to an earlier one; above it the connection
            is not read.
        fetch_bytes_max: what one fetch gives at most, whatever it asks for (but one batch it always gives).
        auto_create_topics: Metadata for a name that does not exist makes the topic, if the client allows it.
        partitions_default: partitions of a topic that was created without a number.
        idle_ms: a connection that sends nothing for so long is closed; 0 = never.
        sasl_required: nothing is served before authentication, whatever the gate allows without.
    """

    __slots__ = (
        "advertised_host",
        "advertised_port",
        "auto_create_topics",
        "broker_id",
        "buffered_bytes_max",
        "cluster_id",
        "fetch_bytes_max",
        "idle_ms",
        "login_request_bytes_max",
        "namespace",
        "partitions_default",
        "rack",
        "request_bytes_max",
        "sasl_required",
    )

    def __init__(
        self,
        advertised_host: str = "",
        advertised_port: int = 0,
        namespace: str = "/",
        cluster_id: str = DEFAULT_CLUSTER_ID,
        broker_id: int = 1,
        rack: str | None = None,
        request_bytes_max: int = REQUEST_BYTES_MAX,
        login_request_bytes_max: int = LOGIN_REQUEST_BYTES_MAX,
        buffered_bytes_max: int = BUFFERED_BYTES_MAX,
        fetch_bytes_max: int = FETCH_BYTES_MAX,
        auto_create_topics: bool = True,
        partitions_default: int = 1,
        sasl_required: bool = False,
        idle_ms: int = IDLE_MS,
    ) -> None:
        self.advertised_host = advertised_host
        self.advertised_port = advertised_port
        self.namespace = namespace
        self.cluster_id = cluster_id
        self.broker_id = broker_id
        self.rack = rack
        self.request_bytes_max = request_bytes_max
        self.login_request_bytes_max = login_request_bytes_max
        self.buffered_bytes_max = buffered_bytes_max
        self.fetch_bytes_max = fetch_bytes_max
        self.auto_create_topics = auto_create_topics
        self.partitions_default = partitions_default
        self.sasl_required = sasl_required
        self.idle_ms = idle_ms
