"""Ports: free, or taken and by what. A port is free when it can be listened on, which is done and undone."""

import errno
import socket
from collections.abc import Iterator
from pathlib import Path

from onemq.cli.checks.check import OK, PROBLEM, Finding
from onemq.cli.checks.processes import Owner, holder_of, owner_of_port
from onemq.config import OFF, Settings

Wanted = tuple[str, int]
"""Name of the setting, port."""


def wanted_ports(settings: Settings) -> list[Wanted]:
    found = [
        ("amqp.port", settings.amqp.port),
        ("kafka.port", settings.kafka.port),
        ("aws.port", settings.aws.port),
        ("http.port", settings.http.port),
        ("metrics.port", settings.metrics.port),
    ]
    if settings.tls_configured():
        found += [
            ("amqp.tls_port", settings.amqp.tls_port),
            ("kafka.tls_port", settings.kafka.tls_port),
            ("aws.tls_port", settings.aws.tls_port),
            ("http.tls_port", settings.http.tls_port),
            ("metrics.tls_port", settings.metrics.tls_port),
        ]
    return [(name, port) for name, port in found if port not in (OFF, 0)]


def check_ports(settings: Settings) -> Iterator[Finding]:
    user = 0 if settings.storage.memory else holder_of(Path(settings.storage.data))
    names: dict[int, str] = {}
    for name, port in wanted_ports(settings):
        if port in names:
            yield Finding(
                f"port {port}",
                PROBLEM,
                f"{names[port]} and {name} are the same",
                f"set {name} to another port",
            )
            continue
        names[port] = name
        yield check_port(settings.server.host, name, port, user, settings.storage.memory)


def check_port(host: str, name: str, port: int, user: int, memory: bool) -> Finding:
    """user: of the data directory, the process."""
    label = f"port {port} ({name})"
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        said = f"{host} is no address: {error.strerror}"
        return Finding(label, PROBLEM, said, "set server.host to an address of this machine")
    for family, kind, _, _, address in addresses:
        try:
            with socket.socket(family, kind) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind(address)
                probe.listen(1)
        except OSError as error:
            return _refused(label, host, name, port, error, user, memory)
    return Finding(label, OK, "free")


def _refused(label: str, host: str, name: str, port: int, error: OSError, user: int, memory: bool) -> Finding:
    if error.errno in (errno.EACCES, errno.EPERM):
        advice = f"set {name} to a port above 1023, or give the process CAP_NET_BIND_SERVICE"
        return Finding(label, PROBLEM, "not for this user", advice)
    if error.errno != errno.EADDRINUSE:
        advice = "set server.host to an address of this machine"
        return Finding(label, PROBLEM, f"cannot be listened on at {host}: {error.strerror}", advice)
    owner = owner_of_port(port) or Owner(0, "")
    if owner.process and owner.process == user:
        return Finding(label, OK, f"the broker that runs here has it (process {user})")
    if owner.is_broker() and memory:
        return Finding(label, OK, f"a broker that runs here has it (process {owner.process})")
    if user and not owner.process:
        return Finding(label, OK, f"taken, it seems by the broker that runs here (process {user})")
    what = "another broker, " if owner.is_broker() else ""
    advice = f"stop that, or set {name} to another port"
    return Finding(label, PROBLEM, f"taken by {what}{owner}", advice)
