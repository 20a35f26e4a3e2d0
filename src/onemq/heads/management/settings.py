"""Settings of the HTTP head for operators, as the composition root fills them in.

Must not: read files or the environment (config does).
"""

from typing import Final

REQUEST_BYTES_MAX: Final = 32 * 1024 * 1024
"""Definitions of a large broker, or a message of 16 MiB in base64."""
HEADER_BYTES_MAX: Final = 16 * 1024
IDLE_MS: Final = 120_000
BUFFERED_BYTES_MAX: Final = 64 * 1024
ANSWER_BYTES_MAX: Final = 4 * 1024 * 1024


class ManagementSettings:
    """The head's limits.

    Attributes:
        node_name: what the broker calls itself to its operators.
        request_bytes_max: a larger request's body is refused, and its connection closed.
        header_bytes_max: the same for what stands before the body.
        idle_ms: a connection that sends nothing for so long is closed; longer than the longest answer that comes later.
        buffered_bytes_max: requests of one connection that wait for the answer to an earlier one; above it the connection
            is not read.
        answer_bytes_max: answers that may wait to be sent before the next request is taken.
    """

    __slots__ = (
        "answer_bytes_max",
        "buffered_bytes_max",
        "header_bytes_max",
        "idle_ms",
        "node_name",
        "request_bytes_max",
    )

    def __init__(
        self,
        node_name: str = "onemq@localhost",
        request_bytes_max: int = REQUEST_BYTES_MAX,
        header_bytes_max: int = HEADER_BYTES_MAX,
        idle_ms: int = IDLE_MS,
        buffered_bytes_max: int = BUFFERED_BYTES_MAX,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        self.node_name = node_name
        self.request_bytes_max = request_bytes_max
        self.header_bytes_max = header_bytes_max
        self.idle_ms = idle_ms
        self.buffered_bytes_max = buffered_bytes_max
        self.answer_bytes_max = answer_bytes_max
