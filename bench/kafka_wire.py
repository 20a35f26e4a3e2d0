"""The first exchange of a Kafka connection, to see that a broker answers; all else is for the client libraries.

Must not import onemq: a fault in its codec would otherwise be invisible here. Source: the Kafka protocol guide,
"Protocol Primitive Types" and ApiVersions version 0.
"""

import socket
import struct
import time
from typing import Final

from bench.amqp_wire import ADDRESS, LoadError

API_VERSIONS: Final = 18
CORRELATION: Final = 7
# Request header version 1 with no client id; ApiVersions 0 has no body.
REQUEST: Final = struct.pack(">ihhih", 10, API_VERSIONS, 0, CORRELATION, -1)
ANSWER_SECONDS_MAX: Final = 5.0


def wait_for_answer(port: int, deadline: float) -> None:
    """Until ApiVersions is answered without an error. Raises LoadError at the deadline (monotonic seconds)."""
    while True:
        try:
            _ask(port)
            return
        except (OSError, LoadError) as error:
            if time.monotonic() >= deadline:
                raise LoadError(f"no answer to ApiVersions: {error}") from error
            time.sleep(0.002)


def _ask(port: int) -> None:
    with socket.create_connection((ADDRESS, port), timeout=ANSWER_SECONDS_MAX) as connection:
        connection.sendall(REQUEST)
        (size,) = struct.unpack(">i", _read(connection, 4))
        correlation, error = struct.unpack_from(">ih", _read(connection, size))
        if correlation != CORRELATION or error:
            raise LoadError(f"ApiVersions: correlation {correlation}, error {error}")


def _read(connection: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        data = connection.recv(size - len(received))
        if not data:
            raise LoadError("the broker closed the connection")
        received += data
    return received
