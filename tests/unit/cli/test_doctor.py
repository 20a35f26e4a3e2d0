"""The command around the checks: settings, exit status."""

from __future__ import annotations

import json
import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from click.testing import CliRunner

from onemq.cli.doctor import doctor, local_url

PORTS = [f"--set={name}.port=off" for name in ("amqp", "kafka", "aws", "http", "metrics")]


@pytest.fixture(autouse=True)
def sigterm() -> Generator[None, None, None]:
    """The command sets it for its process."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_every_bad_setting_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = tmp_path / "onemq.toml"
    settings.write_text("[amqp]\nprot = 1\n")
    monkeypatch.setenv("ONEMQ_KAFKA_PORT", "many")
    done = CliRunner().invoke(doctor, ["--config", str(settings), "--json"])
    found = json.loads(done.output)
    assert done.exit_code == 1 and {each["check"] for each in found} == {"settings"}
    text = " ".join(each["found"] for each in found)
    assert "amqp" in text and "prot" in text and "kafka.port" in text and "ONEMQ_KAFKA_PORT" in text


def test_a_certificate_that_is_not_there(tmp_path: Path) -> None:
    name = str(tmp_path / "none.pem")
    arguments = ["--memory", f"--set=tls.certificate={name}", f"--set=tls.key={name}", "--json", *PORTS]
    done = CliRunner().invoke(doctor, arguments)
    found = {each["check"]: each for each in json.loads(done.output)}
    assert done.exit_code == 1 and name in found["certificate"]["found"]


def test_wrong_command_lines() -> None:
    for arguments in (["--memory", "--data", "x"], ["--set", "novalue"]):
        assert CliRunner().invoke(doctor, arguments).exit_code == 2


def test_where_a_broker_with_these_settings_answers() -> None:
    assert local_url("0.0.0.0", 1) == local_url("::", 1) == "http://localhost:1"
    assert local_url("10.0.0.1", 1) == "http://10.0.0.1:1" and local_url("::1", 1) == "http://[::1]:1"
