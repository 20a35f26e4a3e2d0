"""Settings of the AWS head, as the composition root fills them in.

Must not: read files or the environment (config does).
"""

from typing import Final

REQUEST_BYTES_MAX: Final = 8 * 1024 * 1024
"""A batch of 1 MiB may be several times as large when it is percent-encoded or full of escapes."""
HEADER_BYTES_MAX: Final = 64 * 1024
"""Presigned requests carry their parameters here."""
IDLE_MS: Final = 120_000
BUFFERED_BYTES_MAX: Final = 64 * 1024
ANSWER_BYTES_MAX: Final = 1024 * 1024


class AwsSettings:
    """The head's limits.

    Attributes:
        namespace: the one that AWS clients see.
        request_bytes_max: a larger request's body is refused, and its connection closed.
        header_bytes_max: the same for what stands before the body.
        idle_ms: a connection that sends nothing for so long is closed; it has to be longer than the longest long poll.
        buffered_bytes_max: requests of one connection that wait for the answer to an earlier one; above it the connection
            is not read.
        answer_bytes_max: answers that may wait to be sent before the next request is taken.
    """

    __slots__ = (
        "answer_bytes_max",
        "buffered_bytes_max",
        "header_bytes_max",
        "idle_ms",
        "namespace",
        "request_bytes_max",
    )

    def __init__(
        self,
        namespace: str = "/",
        request_bytes_max: int = REQUEST_BYTES_MAX,
        header_bytes_max: int = HEADER_BYTES_MAX,
        idle_ms: int = IDLE_MS,
        buffered_bytes_max: int = BUFFERED_BYTES_MAX,
        answer_bytes_max: int = ANSWER_BYTES_MAX,
    ) -> None:
        self.namespace = namespace
        self.request_bytes_max = request_bytes_max
        self.header_bytes_max = header_bytes_max
        self.idle_ms = idle_ms
        self.buffered_bytes_max = buffered_bytes_max
        self.answer_bytes_max = answer_bytes_max
