"""The load of librdkafka through confluent-kafka: produce and consume loops, and single records at a steady rate.

Each load runs in a process of its own. Must not tune the client, apart from what a measure is about: compression,
no lingering where single records are timed, and no pauses where consuming is (see UNPAUSED).
"""

import threading
import time
from array import array
from collections.abc import Callable
from typing import Final

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from bench.amqp_latency import DRAIN_SECONDS_MAX, RATE_MIN_FRACTION, LatencyResult, percentiles
from bench.amqp_wire import ADDRESS, LoadError
from bench.kafka_load import RecordShape
from bench.kafka_payload import payloads
from bench.load_processes import READY, RESULT, LoadProcesses, Pipe, tell, wait_for_end
from bench.shared_counters import SharedCounters

RUN_SECONDS_MAX: Final = 600.0
CALL_SECONDS_MAX: Final = 60.0
# librdkafka holds 100,000 records unless told otherwise; a batch that does not fit would be taken in part.
QUEUED_MAX: Final = 80_000
READ_MAX: Final = 10_000
Settings = dict[str, str | int | float | bool]
# A consumer that has 100,000 records or 64 MB in its queue stops fetching for a second (fetch.queue.backoff.ms), however
# soon they are consumed: by default it is measured whether a broker is slow enough never to fill that queue.
UNPAUSED: Final[Settings] = {"queued.min.messages": 10_000_000, "queued.max.messages.kbytes": 2_097_151}


def _settings(port: int, settings: Settings) -> Settings:
    # Errors come back with the records or as a stall; the log of retries would only cover them.
    return {"bootstrap.servers": f"{ADDRESS}:{port}", "log_level": 0, **settings}


def in_own_process(load: Callable[[], list[float]]) -> list[float]:
    """Run `load` in a new process and give what it gives. Raises LoadError."""

    def main(pipe: Pipe) -> None:
        tell(pipe, READY)
        pipe.recv()
        try:
            result = load()
        except KafkaException as error:
            raise LoadError(str(error)) from error
        tell(pipe, RESULT, result)
        wait_for_end(pipe)

    with LoadProcesses(main, None, SharedCounters(0)) as processes:
        return processes.run([], RUN_SECONDS_MAX)


def create_topics(port: int, names: list[str], partitions: int) -> None:
    """Raises LoadError."""

    def load() -> list[float]:
        admin = AdminClient(_settings(port, {}))
        wanted = [NewTopic(name, num_partitions=partitions, replication_factor=1) for name in names]
        for created in admin.create_topics(wanted, request_timeout=CALL_SECONDS_MAX).values():
            created.result(CALL_SECONDS_MAX)
        return []

    in_own_process(load)


def produce(port: int, topic: str, shape: RecordShape, warm: int, records: int) -> float:
    """Records a second of `records`, until the last is acknowledged by all, after `warm` more. Raises LoadError."""

    def load() -> list[float]:
        producer = Producer(_settings(port, {"acks": "all", "compression.type": shape.compression}))
        values = payloads(shape.record_bytes)
        _send(producer, topic, values, warm)
        began = time.monotonic()
        _send(producer, topic, values, records)
        rate = records / (time.monotonic() - began)
        if (stored := _stored(port, topic)) != warm + records:
            raise LoadError(f"{warm + records} produced, {stored} there")
        return [rate]

    return in_own_process(load)[0]


def _send(producer: Producer, topic: str, values: list[bytes], records: int) -> None:
    batch = [{"value": value} for value in values]
    left = records
    deadline = time.monotonic() + RUN_SECONDS_MAX
    while left > 0:
        if len(producer) > QUEUED_MAX:
            producer.poll(0.005)
            if time.monotonic() > deadline:
                raise LoadError(f"the broker took {records - left} of {records} records in time")
            continue
        taken = batch[: min(left, len(batch))]
        if producer.produce_batch(topic, taken) != len(taken):
            raise LoadError("the producer did not take a whole batch")
        left -= len(taken)
    if unsent := producer.flush(CALL_SECONDS_MAX):
        raise LoadError(f"{unsent} records were not acknowledged")


def _stored(port: int, topic: str) -> int:
    consumer = Consumer(_settings(port, {"group.id": "bench-count"}))
    try:
        partitions = consumer.list_topics(topic, CALL_SECONDS_MAX).topics[topic].partitions
        total = 0
        for index in partitions:
            edges = consumer.get_watermark_offsets(TopicPartition(topic, index), CALL_SECONDS_MAX)
            if edges is None:
                raise LoadError("no watermarks")
            total += edges[1] - edges[0]
        return total
    finally:
        consumer.close()


def consume(port: int, topic: str, records: int) -> float:
    """Records a second of a fresh consumer without a group, from its first connection on. Raises LoadError."""

    def load() -> list[float]:
        settings: Settings = {"group.id": "bench-read", "enable.auto.commit": False, **UNPAUSED}
        consumer = Consumer(_settings(port, settings))
        began = time.monotonic()
        partitions = consumer.list_topics(topic, CALL_SECONDS_MAX).topics[topic].partitions
        consumer.assign([TopicPartition(topic, index, OFFSET_BEGINNING) for index in partitions])
        found = 0
        while found < records:
            # No more than there are: the last call would wait for what does not come.
            messages = consumer.consume(min(READ_MAX, records - found), 0.5)
            for message in messages:
                error = message.error()
                if error is not None:
                    raise LoadError(str(error))
            found += len(messages)
            if time.monotonic() - began > RUN_SECONDS_MAX:
                raise LoadError(f"{records} there, {found} consumed in time")
        took = time.monotonic() - began
        consumer.close()
        return [found / took]

    return in_own_process(load)[0]


class SingleRecords:
    """Produces one record at each tick and never waits for the broker; a thread times the acknowledgements."""

    def __init__(self, port: int, topic: str, record_bytes: int, skip: int) -> None:
        # One partition is acknowledged in its order: the n-th report is about the n-th record.
        self.producer = Producer(_settings(port, {"acks": "all", "linger.ms": 0}))
        self.topic = topic
        self.stamps_ns = array("q")
        self.waits_ns = array("q")
        self.late_ns = array("q")
        self.reported = 0
        self.failure = ""
        self._values = payloads(record_bytes)
        self._skip = skip
        self._ended = False

    def run(self, ticks: int, tick_ns: int) -> float:
        """How long the producing took, in seconds, the wait for what is left not counted. Raises LoadError."""
        # The first finds the broker and the partition's leader, which is not what is timed here.
        self.producer.produce(self.topic, self._values[0])
        if self.producer.flush(CALL_SECONDS_MAX):
            raise LoadError("the first record was not acknowledged")
        reports = threading.Thread(target=self._serve, daemon=True)
        reports.start()
        began = start_ns = time.monotonic_ns()
        for tick in range(ticks):
            due_ns = start_ns + tick * tick_ns
            if (left_ns := due_ns - time.monotonic_ns()) > 0:
                time.sleep(left_ns / 1e9)
            now_ns = time.monotonic_ns()
            self.late_ns.append(now_ns - due_ns)
            self.stamps_ns.append(now_ns)
            self.producer.produce(
                self.topic, self._values[tick % len(self._values)], on_delivery=self._report
            )
        took = (time.monotonic_ns() - began) / 1e9
        deadline = time.monotonic() + DRAIN_SECONDS_MAX
        while self.reported < ticks and time.monotonic() < deadline:
            time.sleep(0.001)
        self._ended = True
        reports.join()
        if self.reported != ticks or self.failure:
            raise LoadError(f"{ticks} produced, {self.reported} acknowledged {self.failure}")
        return took

    def _serve(self) -> None:
        while not self._ended:
            self.producer.poll(0.05)

    def _report(self, error: KafkaError | None, _: Message) -> None:
        now_ns = time.monotonic_ns()
        if error is not None:
            self.failure = str(error)
        if self.reported >= self._skip:
            self.waits_ns.append(now_ns - self.stamps_ns[self.reported])
        self.reported += 1


def single_records(port: int, topic: str, rate: int, warm_seconds: float, seconds: float) -> LatencyResult:
    """Acknowledgement times of 100-byte records at `rate` a second (`deliver` stays empty). Raises LoadError."""
    tick_ns = 1_000_000_000 // rate
    warm_ticks = int(warm_seconds * rate)
    ticks = warm_ticks + int(seconds * rate)

    def load() -> list[float]:
        single = SingleRecords(port, topic, 100, warm_ticks)
        took = single.run(ticks, tick_ns)
        return [took, percentiles(single.late_ns)[1], *percentiles(single.waits_ns)]

    took, late_p99, *waits = in_own_process(load)
    if ticks * tick_ns / 1e9 / took < RATE_MIN_FRACTION:
        raise LoadError(f"the rate was not held: {ticks / rate:.1f} s of records took {took:.1f} s")
    return LatencyResult([], waits, late_p99)
