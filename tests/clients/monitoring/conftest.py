"""A real Prometheus that scrapes a real broker while pika, confluent-kafka and boto3 work on it.

Prometheus is Debian's, unpacked beside these tests and not installed: no service of the machine's is touched.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import boto3
import confluent_kafka
import pika
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from broker_process import BrokerProcess
from clients.conftest import missing_toolchain

HERE: Final = Path(__file__).parent
UNPACKED: Final = HERE / "installed"
DEPLOY: Final = HERE.parents[2] / "deploy"
INSTALL_SECONDS_MAX: Final = 120
WAIT_SECONDS_MAX: Final = 45
LISTENERS: Final = ("amqp", "http", "kafka", "aws", "metrics")


def find(program: str) -> str:
    """Path of `prometheus` or `promtool`; where apt-get may, they are fetched now."""
    here = shutil.which(program, path=f"{UNPACKED / 'usr' / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if here is None and shutil.which("apt-get") is not None and shutil.which("dpkg") is not None:
        subprocess.run([HERE / "fetch.sh"], check=False, capture_output=True, timeout=INSTALL_SECONDS_MAX)
        here = shutil.which(program, path=str(UNPACKED / "usr" / "bin"))
    if here is None:
        missing_toolchain(f"not installed: {program} (tests/clients/setup.sh fetches it)")
    return here


class Load:
    """Something of everything, again and again, until it is stopped. `errors`: what went wrong meanwhile."""

    def __init__(self, broker: BrokerProcess) -> None:
        self.errors: list[BaseException] = []
        self._broker = broker
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=(work,), daemon=True)
            for work in (self._amqp, self._kafka, self._aws)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(WAIT_SECONDS_MAX)

    def _keep(self, work: Any) -> None:
        try:
            work()
        except BaseException as error:
            self.errors.append(error)

    def _amqp(self) -> None:
        connection = pika.BlockingConnection(pika.URLParameters(self._broker.url))
        channel = connection.channel()
        channel.confirm_delivery()
        channel.exchange_declare("events", "fanout")
        channel.queue_declare("dead")
        channel.queue_declare(
            "orders", arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
        )
        channel.queue_bind("orders", "events")
        channel.queue_declare("waiting")
        while not self._stop.is_set():
            for _ in range(5):
                channel.basic_publish("events", "", b"order")
            channel.basic_publish("", "waiting", b"nobody takes it")
            for number in range(4):
                method, _properties, _body = channel.basic_get("orders")
                if method is None or method.delivery_tag is None:
                    continue
                if number == 0:
                    channel.basic_reject(method.delivery_tag, requeue=False)
                elif number == 1:
                    channel.basic_nack(method.delivery_tag, requeue=True)
                else:
                    channel.basic_ack(method.delivery_tag)
            connection.sleep(0.05)
        connection.close()

    def _kafka(self) -> None:
        servers = {"bootstrap.servers": f"{self._broker.host}:{self._broker.ports['kafka']}"}
        admin = AdminClient(servers)
        for made in admin.create_topics([NewTopic("feedback", 2)]).values():
            made.result(WAIT_SECONDS_MAX)
        producer = confluent_kafka.Producer(servers)
        consumer = confluent_kafka.Consumer(
            {**servers, "group.id": "readers", "auto.offset.reset": "earliest"}
        )
        consumer.subscribe(["feedback"])
        while not self._stop.is_set():
            for number in range(10):
                producer.produce("feedback", b"text", key=str(number))
            producer.flush(WAIT_SECONDS_MAX)
            if consumer.consume(5, 0.05):
                consumer.commit(asynchronous=False)
        consumer.close()

    def _aws(self) -> None:
        endpoint = f"http://{self._broker.host}:{self._broker.ports['aws']}"
        arguments: dict[str, Any] = {
            "endpoint_url": endpoint,
            "region_name": "us-east-1",
            "aws_access_key_id": "x",
            "aws_secret_access_key": "x",
        }
        sqs, sns = boto3.client("sqs", **arguments), boto3.client("sns", **arguments)
        url = sqs.create_queue(QueueName="batches")["QueueUrl"]
        topic = sns.create_topic(Name="news")["TopicArn"]
        while not self._stop.is_set():
            sqs.send_message(QueueUrl=url, MessageBody="a batch")
            sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=600)
            sns.publish(TopicArn=topic, Message="news")
            for message in sqs.receive_message(QueueUrl=url).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            sqs.receive_message(QueueUrl=url)
            self._stop.wait(0.05)


class Prometheus:
    """The process, and what its HTTP API says."""

    def __init__(self, directory: Path, target: str) -> None:
        self.port = _free_port()
        rules = DEPLOY / "prometheus" / "onemq.rules.yml"
        configuration = directory / "prometheus.yml"
        text = (DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8")
        for before, after in (
            ("scrape_interval: 15s", "scrape_interval: 1s"),
            ("evaluation_interval: 15s", "evaluation_interval: 1s"),
            ("onemq.rules.yml", str(rules)),
            ("localhost:15692", target),
        ):
            assert before in text
            text = text.replace(before, after)
        configuration.write_text(text, encoding="utf-8")
        self.log_path = directory / "prometheus.log"
        with self.log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    find("prometheus"),
                    f"--config.file={configuration}",
                    f"--storage.tsdb.path={directory / 'tsdb'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(WAIT_SECONDS_MAX)

    def asks(self, path: str, **parameters: str) -> Any:
        """`data` of an answer; AssertionError with Prometheus' own words when it is an error; OSError while it starts."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=WAIT_SECONDS_MAX) as answer:
                found = json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 503:
                # It has not read its (empty) disk yet.
                raise
            raise AssertionError(f"{parameters}: {error.read().decode()}") from None
        assert found["status"] == "success", found
        return found["data"]

    def query(self, expression: str) -> list[Any]:
        result: list[Any] = self.asks("query", query=expression)["result"]
        return result

    def wait_for(self, expression: str) -> list[Any]:
        """Until the query has an answer that is not empty."""
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            try:
                found = self.query(expression)
            except OSError:
                assert self._process.poll() is None, self.log_path.read_text(errors="replace")
                found = []
            if found:
                return found
            assert time.monotonic() < deadline, f"no data: {expression}"
            time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Generator[BrokerProcess, None, None]:
    process = BrokerProcess(tmp_path_factory.mktemp("broker"), listeners=LISTENERS)
    process.start()
    yield process
    process.kill9()


@pytest.fixture(scope="module")
def prometheus(
    broker: BrokerProcess, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Prometheus, None, None]:
    """With a few seconds of load behind it, and the load going on."""
    running = Prometheus(tmp_path_factory.mktemp("prometheus"), f"127.0.0.1:{broker.ports['metrics']}")
    load = Load(broker)
    load.start()
    try:
        for metric in (
            "onemq_queue_records_acknowledged_total",
            "onemq_group_lag_records",
            "onemq_notice_topic_records_published_total",
        ):
            running.wait_for(f"rate({metric}[10s]) >= 0" if metric.endswith("_total") else metric)
        yield running
        assert not load.errors, load.errors
    finally:
        load.stop()
        running.stop()
