"""No broker: answers every produce with the same bytes, unread, to show what a client, the loopback and a disk take.

All other requests, and a connection's first produce, go to a broker behind it, whose answer to that produce is given again and again.
As a program: `python -m bench.kafka_floor PORT UPSTREAM_PORT [FILE]`; with FILE a produce is written there and synced before its answer.
"""

import os
import socket
import struct
import sys
import threading
from pathlib import Path
from typing import Final

from bench.amqp_wire import ADDRESS
from bench.peers import START_SECONDS_MAX, Onemq, Process, Started, free_port

PRODUCE: Final = b"\0\0"
FILE_BYTES: Final = 16 << 20


class Disk:
    """A file whose blocks have all been written before, so that a sync has as little to do as it can."""

    def __init__(self, path: str) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        self._at = 0
        os.pwrite(self._handle, bytes(FILE_BYTES), 0)
        os.fsync(self._handle)

    def keep(self, data: bytes) -> None:
        if self._at + len(data) > FILE_BYTES:
            self._at = 0
        os.pwrite(self._handle, data, self._at)
        os.fdatasync(self._handle)
        self._at += len(data)


class Frames:
    """Whole frames of one socket, the length in front included."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._data = b""

    def next(self) -> bytes:
        """b"" at the end."""
        while len(self._data) < 4 or len(self._data) < 4 + struct.unpack_from(">i", self._data)[0]:
            more = self._peer.recv(1 << 16)
            if not more:
                return b""
            self._data += more
        end = 4 + struct.unpack_from(">i", self._data)[0]
        frame, self._data = self._data[:end], self._data[end:]
        return frame


def serve(peer: socket.socket, upstream_port: int, disk: Disk | None) -> None:
    """One connection, to its end."""
    upstream = socket.create_connection((ADDRESS, upstream_port))
    for each in (peer, upstream):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    requests, answers = Frames(peer), Frames(upstream)
    known = b""
    with peer, upstream:
        while frame := requests.next():
            produce = frame[4:6] == PRODUCE
            if produce and known:
                if disk is not None:
                    disk.keep(frame)
                # Under the correlation id of this one.
                peer.sendall(known[:4] + frame[8:12] + known[8:])
                continue
            upstream.sendall(frame)
            answer = answers.next()
            if produce:
                known = answer
            peer.sendall(answer)


class NoBroker:
    """As a broker that is measured: the program, and onemq behind it for what it does not answer itself."""

    def __init__(self, name: str, command: list[str], directory: Path, synced: bool) -> None:
        self.name = name
        self.port = free_port()
        self._directory = directory
        self._synced = synced
        (directory / "behind").mkdir()
        environment = {**os.environ, "ONEMQ_KAFKA_ADVERTISED_PORT": str(self.port)}
        self._behind = Onemq(command, directory / "behind", listener="kafka", environment=environment)
        self._process: Process | None = None

    def start(self, seconds_max: float = START_SECONDS_MAX) -> Started:
        """Raises BrokerError."""
        started = self._behind.start(seconds_max)
        program = [sys.executable, "-m", "bench.kafka_floor", str(self.port), str(self._behind.port)]
        if self._synced:
            program.append(str(self._directory / "synced"))
        top = str(Path(__file__).resolve().parent.parent)
        paths = os.pathsep.join([top, str(Path(top) / "tests")])
        environment = {**os.environ, "PYTHONPATH": paths}
        self._process = Process(program, self._directory / "floor.txt", environment)
        self._process.wait_for_line("ready", started.exec_at + seconds_max)
        return Started(started.exec_at, started.ready_ms, started.handshake_ms, "-")

    def processes(self) -> list[int]:
        return self._behind.processes()

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process = None
        self._behind.kill()


def main() -> None:
    port, upstream_port = int(sys.argv[1]), int(sys.argv[2])
    disk = Disk(sys.argv[3]) if len(sys.argv) > 3 else None
    listener = socket.create_server((ADDRESS, port))
    print("ready", flush=True)
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=serve, args=(peer, upstream_port, disk), daemon=True).start()


if __name__ == "__main__":
    main()
