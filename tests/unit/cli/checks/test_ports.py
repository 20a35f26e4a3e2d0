"""What doctor says of ports."""

from __future__ import annotations

import os
import socket

from onemq.cli.checks.check import OK, PROBLEM
from onemq.cli.checks.ports import check_port, check_ports, wanted_ports
from onemq.config import OFF, Settings


def test_free_and_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        finding = check_port("127.0.0.1", "amqp.port", port, 0, False)
        assert finding.state == PROBLEM and f"process {os.getpid()}" in finding.found
        assert "amqp.port" in finding.advice
        finding = check_port("127.0.0.1", "amqp.port", port, os.getpid(), False)
        assert finding.state == OK, "the process that uses the data has its own ports"
    assert check_port("127.0.0.1", "amqp.port", port, 0, False).state == OK


def test_an_address_of_another_machine() -> None:
    assert check_port("host.invalid", "amqp.port", 5672, 0, False).state == PROBLEM
    finding = check_port("192.0.2.1", "amqp.port", 5672, 0, False)
    assert finding.state == PROBLEM and "server.host" in finding.advice


def only(**ports: int) -> Settings:
    settings = Settings()
    settings.storage.memory = True
    for name in ("amqp", "kafka", "aws", "http", "metrics"):
        getattr(settings, name).port = ports.get(name, OFF)
    return settings


def test_only_ports_that_are_wanted_are_tried() -> None:
    assert wanted_ports(only(metrics=0)) == []
    settings = only(amqp=5672)
    settings.tls.certificate = "some.pem"
    assert ("metrics.tls_port", settings.metrics.tls_port) in wanted_ports(settings)


def test_two_settings_with_one_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    findings = list(check_ports(only(amqp=port, kafka=port)))
    assert [each.state for each in findings] == [OK, PROBLEM]
    assert findings[1].found == "amqp.port and kafka.port are the same"
