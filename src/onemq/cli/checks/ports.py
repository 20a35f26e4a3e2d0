"""Ports: free, or taken and by what. Linux's /proc tells who has one."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from onemq.cli.checks.check import BAD, GOOD, NOTE, Finding
from onemq.config import OFF, Settings

_LISTEN: Final = "0A"


def check_ports(settings: Settings) -> Iterator[Finding]:
    wanted = [
        ("amqp.port", settings.amqp.port, "--amqp-port"),
        ("kafka.port", settings.kafka.port, "--kafka-port"),
        ("aws.port", settings.aws.port, "--aws-port"),
        ("http.port", settings.http.port, "--http-port"),
        ("metrics.port", settings.metrics.port, "--set metrics.port"),
    ]
    if settings.tls_configured():
        wanted += [
            ("amqp.tls_port", settings.amqp.tls_port, "--amqp-tls-port"),
            ("kafka.tls_port", settings.kafka.tls_port, "--kafka-tls-port"),
            ("aws.tls_port", settings.aws.tls_port, "--aws-tls-port"),
            ("http.tls_port", settings.http.tls_port, "--http-tls-port"),
        ]
    for name, port, flag in wanted:
        if port not in (OFF, 0):
            yield check_port(settings.server.host, name, port, flag)


def check_port(host: str, name: str, port: int, flag: str) -> Finding:
    label = f"{name} {port}"
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        return Finding(
            label, BAD, f"{host} is no address here: {error}", "set server.host to one of this machine"
        )
    with socket.socket(family, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            return _refused(label, port, flag, error)
    return Finding(label, GOOD, "free")


def _refused(label: str, port: int, flag: str, error: OSError) -> Finding:
    if error.errno == errno.EACCES:
        advice = f"take a port above 1023 with {flag}, or give the process CAP_NET_BIND_SERVICE"
        return Finding(label, BAD, "ports below 1024 are not for this user", advice)
    if error.errno != errno.EADDRINUSE:
        return Finding(label, BAD, f"cannot be listened on: {error.strerror}", "set server.host")
    owner = owner_of(port)
    if "onemq" in owner:
        return Finding(
            label, NOTE, f"taken by {owner}: a broker runs here already", "stop it before you start another"
        )
    return Finding(label, BAD, f"taken by {owner}", f"stop that, or take another port with {flag}")


def owner_of(port: int) -> str:
    """For people: "redis-server (process 123)"."""
    inodes = set(_inodes(port))
    for directory in Path("/proc").iterdir() if inodes else ():
        if not directory.name.isdigit():
            continue
        try:
            for descriptor in (directory / "fd").iterdir():
                target = os.readlink(descriptor)
                if target.startswith("socket:[") and target[8:-1] in inodes:
                    return f"{_command(directory)} (process {directory.name})"
        except OSError:
            # Another user's, or gone.
            continue
    return "a process of another user or machine"


def _inodes(port: int) -> Iterator[str]:
    """Of the sockets that listen on the port."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _command(directory: Path) -> str:
    words = (directory / "cmdline").read_bytes().split(b"\0")
    shown = " ".join(word.decode("utf-8", "replace") for word in words if word)
    return shown if len(shown) <= 80 else shown[:77] + "..."
