"""Who has what, from /proc."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from onemq.cli.checks.processes import Owner, holder_of, listening_inodes, locked, owner_of_port

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1628 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1234 1 0 100 0 0 10 0
   1: 0100007F:1628 0100007F:D2A4 01 00000000:00000000 00:00000000 00000000     0        0 1235 1 0 20 4 30 10 -1
   2: 0100007F:2628 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1236 1 0 100 0 0 10 0
"""
LOCKS = """1: POSIX  ADVISORY  WRITE 700 08:01:55 0 EOF
2: FLOCK  ADVISORY  WRITE 708 08:01:42 0 EOF
2: -> FLOCK  ADVISORY  WRITE 709 08:01:43 0 EOF
"""


def test_only_sockets_that_listen_on_the_port_count() -> None:
    assert list(listening_inodes(TCP, 5672)) == ["1234"]
    assert list(listening_inodes(TCP, 1)) == []


def test_locks() -> None:
    assert locked(LOCKS, 42)
    assert not locked(LOCKS, 55) and not locked(LOCKS, 4) and not locked(LOCKS, 43)


def test_this_process_is_found_by_its_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        owner = owner_of_port(port)
        assert owner is not None and owner.process == os.getpid()
    assert owner_of_port(port) is None


def test_this_process_is_found_by_its_lock(tmp_path: Path) -> None:
    assert holder_of(tmp_path) == 0
    path = tmp_path / "lock"
    path.write_text(f"{os.getpid()}\n")
    assert holder_of(tmp_path) == 0, "a broker that has ended leaves its file"
    with path.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert holder_of(tmp_path) == os.getpid()


def test_brokers_are_known_by_their_command() -> None:
    for command in ("/usr/bin/python3 /usr/local/bin/onemq serve", "onemq serve", "python -m onemq serve"):
        assert Owner(1, command).is_broker()
    for command in ("vi /etc/onemq.toml", "python -m pytest onemq", "", "redis-server"):
        assert not Owner(1, command).is_broker()
    assert "may not see" in str(Owner(0, ""))
