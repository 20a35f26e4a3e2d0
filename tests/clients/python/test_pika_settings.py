"""The settings of a real process: every one from a file, what each does to a client, which source wins, what is refused."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tomllib
from collections.abc import Generator
from http.client import HTTPConnection
from pathlib import Path

import pytest
import trustme
from broker_settings import login, onemq, running
from pika.exceptions import AMQPConnectionError
from pika_session import Collector, channel_error, fetch, get, publish, settle, wait_until

from broker_process import BrokerProcess
from onemq.config_sources import dotted, setting_paths


def everything(directory: Path) -> str:
    """A file that sets every setting to something else than its default."""
    authority = trustme.CA()
    server = authority.issue_cert("localhost")
    for name, blob in (
        ("certificate", server.cert_chain_pems[0]),
        ("key", server.private_key_pem),
        ("ca", authority.cert_pem),
    ):
        blob.write_to_path(str(directory / f"{name}.pem"))
    return f"""
namespaces = ["/", "orders"]

[server]
host = "127.0.0.1"
drain_seconds = 2.5
port_file = "{directory}/ports.json"

[amqp]
port = 0
tls_port = 0
frame_bytes_max = "64KiB"
channels_max = 3
heartbeat_seconds = 17
message_bytes_max = "10 kB"
held_bytes_max = "1MiB"
login_seconds = 0.3

[kafka]
port = 0
tls_port = 0
advertised_host = "localhost"
advertised_port = 0
advertised_tls_port = 0
auto_create_topics = false
partitions = 3
request_bytes_max = "1MiB"
login_seconds = 0.4
idle_seconds = 300.0

[aws]
port = 0
tls_port = 0
request_bytes_max = "2MiB"
idle_seconds = 60.0

[calls]
ca_file = "{directory}/ca.pem"
insecure = true
concurrency_max = 5

[http]
port = 0
tls_port = 0
request_bytes_max = "1MiB"

[metrics]
port = 0
tls_port = 0
objects_max = 7
rates_interval_ms = 1000
rates_objects_max = 9

[tls]
certificate = "{directory}/certificate.pem"
key = "{directory}/key.pem"
client_ca = "{directory}/ca.pem"
require_client_certificate = true

[storage]
data = "{directory}/own-data"
memory = false
sync = "interval"
sync_interval_ms = 20
segment_bytes = "128KiB"
journal_bytes_max = "2MiB"
pending_bytes_max = "4MiB"
open_files_max = 32
read_ahead_bytes = "2MiB"

[memory]
tail_bytes_max = "2MiB"
alarm_bytes = "1GiB"

[disk]
free_bytes_min = 1

[limits]
connections_max = 4
outbox_bytes_max = "64KiB"
consumer_timeout_ms = 250
dispatch_per_turn = 10
topic_partitions_max = 20
compaction_keys_max = 1000
deduplication_window_ms = 60000
deduplication_ids_max = 1000
slow_reader_seconds = 5.0
leases_max = 1000
receive_attempts_max = 100
receive_attempt_bytes_max = "1MiB"
fetch_bytes_held_max = "64MiB"

[share_groups]
groups_max = 100
members_max = 20
sessions_max = 200
topics_max = 100
places_max = 1000
dead_letter_bytes = "64KiB"

[groups]
session_timeout_min_ms = 1000
session_timeout_max_ms = 60000
initial_rebalance_delay_ms = 10
members_max = 5
groups_max = 50
offsets_retention_ms = 60000
offsets_check_ms = 1000

[transactions]
timeout_max_ms = 60000
expiry_ms = 3600000
ids_max = 10

[log]
level = "debug"
format = "json"
alike_max = 100
lines_max = 1000
alike_seconds = 5.0

[audit]
enabled = true
file = "{directory}/audit.log"
file_bytes_max = "1MiB"
files_max = 3

[tracing]
endpoint = ""
service_name = "orders"
sample_ratio = 0.5
spans_max = 100

[users.shop]
password = "secret"
tags = ["monitoring"]
permissions."/" = {{ configure = ".*", write = ".*", read = ".*" }}
permissions.orders = {{ configure = "^o", write = ".*", read = ".*" }}
"""


class Plain(BrokerProcess):
    """Nothing on the command line but the file: no flag may hide what the file says."""

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "onemq", "serve", "--config", str(self.directory / "onemq.toml")]

    def _silent(self) -> dict[str, str]:
        return {}


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Generator[Plain, None, None]:
    directory = tmp_path_factory.mktemp("everything")
    broker = Plain(directory, configuration=everything(directory))
    broker.start()
    yield broker
    broker.kill9()


def test_the_file_sets_every_setting(tmp_path: Path) -> None:
    table = tomllib.loads(everything(tmp_path))
    for path in setting_paths():
        at: object = table
        for part in path:
            assert isinstance(at, dict) and part in at, f"{dotted(path)} is not in the file of this test"
            at = at[part]


def test_every_listener_has_its_line(configured: Plain) -> None:
    assert set(configured.ports) == {
        "amqp",
        "amqps",
        "kafka",
        "kafkas",
        "aws",
        "awss",
        "http",
        "https",
        "metrics",
        "metricss",
    }
    assert len(set(configured.ports.values())) == 10
    printed = [line for line in configured.log().splitlines() if not line.startswith("{")]
    assert [line.split()[:2] for line in printed[:-1]] == [
        ["listening", "amqp"],
        ["listening", "amqps"],
        ["listening", "kafka"],
        ["listening", "kafkas"],
        ["listening", "http"],
        ["listening", "https"],
        ["listening", "aws"],
        ["listening", "awss"],
        ["listening", "metrics"],
        ["listening", "metricss"],
    ]
    assert printed[-1].startswith("ready in ")
    for name, port in configured.ports.items():
        assert f"listening {name} 127.0.0.1:{port}" in printed


def test_limits_are_offered_and_kept(configured: Plain) -> None:
    offered: list[int] = []

    def decide(_connection: object, server_value: int) -> int:
        offered.append(server_value)
        return server_value

    connection = login(configured, "shop", "secret", heartbeat=decide)
    negotiated = connection._impl.params
    assert (offered, negotiated.frame_max, negotiated.channel_max) == ([17], 65536, 3)
    channel = connection.channel()
    channel.confirm_delivery()
    channel.queue_declare("work", durable=True)
    channel.basic_publish("", "work", b"x" * 10_000)
    with channel_error(406, "message size 10001 is larger than configured max size 10000"):
        channel.basic_publish("", "work", b"x" * 10_001)
    connection.close()


def test_the_vhosts_and_rights_of_the_file(configured: Plain) -> None:
    connection = login(configured, "shop", "secret", "orders")
    connection.channel().queue_declare("orders")
    with channel_error(403, "configure access to queue 'bills' in vhost 'orders' refused for user 'shop'"):
        connection.channel().queue_declare("bills")
    connection.close()
    with pytest.raises(AMQPConnectionError):
        login(configured, "guest", "guest")


def test_the_consumer_timeout_of_the_file(configured: Plain) -> None:
    connection = login(configured, "shop", "secret")
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    cancelled: list[object] = []
    channel.add_on_cancel_callback(cancelled.append)
    publish(channel, queue, b"m")
    Collector(channel).consume(queue).wait(1)
    wait_until(channel, lambda: len(cancelled) == 1)
    connection.close()


def test_a_backlog_larger_than_memory_and_journal_by_small_pieces(configured: Plain) -> None:
    """tail_bytes_max, journal_bytes_max, segment_bytes and dispatch_per_turn, all far below what is published."""
    connection = login(configured, "shop", "secret")
    channel = connection.channel()
    channel.queue_declare("backlog", durable=True)
    for number in range(800):
        channel.basic_publish("", "backlog", number.to_bytes(4, "big") + b"x" * 9000)
    settle(channel)
    collector = Collector(channel).consume("backlog", auto_ack=True)
    collector.wait(800)
    assert [int.from_bytes(body[:4], "big") for body in collector.bodies] == list(range(800))
    connection.close()


def test_the_login_limit_and_the_connection_limit_of_the_file(configured: Plain) -> None:
    with socket.create_connection((configured.host, configured.port), 10) as silent:
        assert silent.recv(1) == b""
    peers = [login(configured, "shop", "secret") for _ in range(4)]
    with pytest.raises(AMQPConnectionError):
        login(configured, "shop", "secret")
    for peer in peers:
        peer.close()


def test_the_log_is_as_the_file_wants_it(configured: Plain) -> None:
    lines = [json.loads(line) for line in configured.log().splitlines() if line.startswith("{")]
    assert lines and all({"time", "level", "message"} <= set(line) for line in lines)
    assert (configured.directory / "own-data").is_dir()


def test_later_sources_win(tmp_path: Path) -> None:
    """File < environment < flag; the flag of its own and --set are equals."""
    file = "[amqp]\nchannels_max = 10\nheartbeat_seconds = 10\nmessage_bytes_max = 10\n"
    environment = {"ONEMQ_AMQP_HEARTBEAT_SECONDS": "20", "ONEMQ_AMQP_MESSAGE_BYTES_MAX": "20"}
    arguments = ["--set", "amqp.message_bytes_max=30"]
    offered: list[int] = []

    def decide(_connection: object, server_value: int) -> int:
        offered.append(server_value)
        return server_value

    with running(
        tmp_path, memory=True, configuration=file, environment=environment, arguments=arguments
    ) as broker:
        connection = login(broker, "guest", "guest", heartbeat=decide)
        assert (connection._impl.params.channel_max, offered) == (10, [20])
        channel = connection.channel()
        channel.queue_declare("q")
        publish(channel, "q", b"x" * 30)
        assert fetch(channel, "q").body == b"x" * 30
        with channel_error(406, "larger than configured max size 30"):
            publish(channel, "q", b"x" * 31)
            settle(channel)


def test_the_file_by_its_variable_and_users_by_theirs(tmp_path: Path) -> None:
    (tmp_path / "elsewhere.toml").write_text("[amqp]\nchannels_max = 11\n")
    environment = {
        "ONEMQ_CONFIG": str(tmp_path / "elsewhere.toml"),
        "ONEMQ_NAMESPACES": "/, orders",
        "ONEMQ_USERS": '{ env = { password = "x", permissions = { orders = { read = ".*", configure = "q" } } } }',
        "ONEMQ_STORAGE_MEMORY": "true",
    }
    with running(tmp_path, environment=environment) as broker:
        connection = login(broker, "env", "x", "orders")
        assert connection._impl.params.channel_max == 11
        channel = connection.channel()
        channel.queue_declare("q")
        assert get(channel, "q") is None
        with channel_error(403, "write access to exchange 'amq.default' in vhost 'orders'"):
            publish(channel, "q", b"m")
            settle(channel)
    # --data beats storage.memory.
    assert (tmp_path / "data").is_dir()


def test_onemq_toml_in_the_current_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "onemq.toml").write_text("[amqp]\nport = 'nonsense'\n")
    done = onemq("serve", "--memory", directory=tmp_path)
    assert done.returncode == 2 and "amqp.port: got 'nonsense' from the file onemq.toml" in done.stderr


def test_listeners_can_be_switched_off(tmp_path: Path) -> None:
    with running(tmp_path, memory=True, arguments=["--http-port", "off"], listeners=["amqp"]) as broker:
        login(broker, "guest", "guest").close()
        assert "listening http" not in broker.log()
    broker = BrokerProcess(tmp_path / "web", memory=True, arguments=["--amqp-port", "-1"], listeners=["http"])
    broker.start()
    try:
        http = HTTPConnection(broker.host, broker.ports["http"], timeout=10)
        http.request("GET", "/health/ready")
        assert http.getresponse().status == 200
        assert "listening amqp" not in broker.log()
    finally:
        broker.kill9()


BAD: list[tuple[str, str, str]] = [
    # The file, what is named with what it got, and what it takes.
    ("[amqp]\nport = 65536", "amqp.port: got 65536", "a port number"),
    ("[amqp]\nframe_bytes_max = 4095", "amqp.frame_bytes_max: got 4095", "a whole number from 4096 to 16777216"),
    ("[amqp]\nmessage_bytes_max = '12 parsecs'", "amqp.message_bytes_max: got '12 parsecs'", "or a text such as 64MiB"),
    ("[amqp]\nlogin_seconds = -1", "amqp.login_seconds: got -1", "a number from 0 to 86400"),
    ("[storage]\nsync = 'sometimes'", "storage.sync: got 'sometimes'", "one of always, interval, never"),
    ("[storage]\nmemory = 'maybe'", "storage.memory: got 'maybe'", "true or false"),
    ("[storage]\nsync_interval_ms = true", "storage.sync_interval_ms: got True", "a whole number from 1 to 60000"),
    ("[log]\nlevel = 3", "log.level: got 3", "one of debug, info, warning, error"),
    ("[limits]\nconnections_max = 0", "limits.connections_max: got 0", "a whole number from 1"),
    ("amqp = 5672", "amqp: got 5672", "a table"),
    ("namespaces = []", "namespaces: got []", "at least one namespace"),
    ("[amqp]\nprot = 5672", "unknown setting amqp.prot", "did you mean amqp.port?"),
    ("[users.a]\npassword_hash = 'AAAA'", "users.a.password_hash: got (not shown)", "a hash as RabbitMQ exports it"),
    ("[users.a]\npermissions.'/nowhere' = { read = '.*' }", "users.a.permissions.\"/nowhere\"", "a namespace that"),
    ("[users.a]\npermissions.'/' = { read = '(' }", "users.a.permissions.\"/\".read: got '('", "a regular expression"),
    ("[users.a]\npermissions.'/' = { reed = '.*' }", "unknown setting users.a.permissions.\"/\".reed", "did you mean"),
    ("this is no TOML", "is not TOML", "onemq.toml"),
]  # fmt: skip


def test_each_bad_setting_is_named_with_what_it_got_and_what_it_takes(tmp_path: Path) -> None:
    """All at once, because a process takes a while to start; each in a file of its own."""
    started: list[tuple[subprocess.Popen[str], str, str]] = []
    for number, (text, named, takes) in enumerate(BAD):
        file = tmp_path / f"{number}" / "onemq.toml"
        file.parent.mkdir()
        file.write_text(text + "\n")
        # No flags: one that sets the same would hide what the file says.
        process = subprocess.Popen(
            [sys.executable, "-m", "onemq", "serve", "--config", str(file)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "ONEMQ_STORAGE_DATA": str(file.parent / "data")},
        )
        started.append((process, named, takes))
    try:
        for process, named, takes in started:
            printed, said = process.communicate(timeout=30)
            assert (process.returncode, printed) == (2, ""), said
            assert named in said and takes in said, said
    finally:
        for process, _named, _takes in started:
            process.kill()


def test_several_bad_settings_are_told_at_once_wherever_they_come_from(tmp_path: Path) -> None:
    (tmp_path / "onemq.toml").write_text("[http]\nport = 'x'\n")
    done = onemq(
        "serve",
        "--set",
        "amqp.channels_max=0",
        "--log-level",
        "loud",
        environment={"ONEMQ_DISK_FREE_BYTES_MIN": "much", "ONEMQ_NO_SUCH": "1"},
        directory=tmp_path,
    )
    assert done.returncode == 2
    for named in (
        "http.port: got 'x' from the file onemq.toml",
        "amqp.channels_max: got '0' from the flag --set amqp.channels_max",
        "log.level: got 'loud' from the flag --log-level",
        "disk.free_bytes_min: got 'much' from the environment variable ONEMQ_DISK_FREE_BYTES_MIN",
        "unknown setting ONEMQ_NO_SUCH from the environment",
    ):
        assert named in done.stderr, done.stderr
