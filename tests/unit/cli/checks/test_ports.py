"""What doctor says of ports."""

from __future__ import annotations

import os
import socket

from onemq.cli.checks.check import BAD, GOOD
from onemq.cli.checks.ports import check_port, check_ports, owner_of
from onemq.config import OFF, Settings


def test_free_and_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        finding = check_port("127.0.0.1", "amqp.port", port, "--amqp-port")
        assert f"(process {os.getpid()})" in owner_of(port)
        assert finding.state != GOOD and f"process {os.getpid()}" in finding.said
    assert check_port("127.0.0.1", "amqp.port", port, "--amqp-port").state == GOOD
    assert check_port("host.invalid", "amqp.port", port, "--amqp-port").state == BAD


def test_only_ports_that_are_wanted_are_tried() -> None:
    settings = Settings()
    for section in (settings.amqp, settings.kafka, settings.aws, settings.http):
        section.port = OFF
    settings.metrics.port = 0
    assert list(check_ports(settings)) == []
