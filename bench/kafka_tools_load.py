"""The load of Kafka's own tools, kafka-producer-perf-test and kafka-consumer-perf-test, from its published jars.

Must not count what the tools themselves call warm-up, nor believe a run that moved fewer records than asked.
"""

import csv
import io
import re
import subprocess
from pathlib import Path
from typing import Final

import kafka_peer
from bench.amqp_wire import ADDRESS, LoadError
from bench.kafka_load import RecordShape
from bench.kafka_payload import write_payload_file

# The scripts give their tools this much, and the full compiler.
TOOL_JAVA: Final = ("-Xms512m", "-Xmx512m", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20")
RUN_SECONDS_MAX: Final = 600.0
# The summary of all, and that of all after the warm-up; lines of progress have no percentiles.
WHOLE: Final = re.compile(r"^(\d+) records sent, .* 99\.9th", re.MULTILINE)
STEADY: Final = re.compile(r"^(\d+) steady state records sent, ([\d.]+) records/sec", re.MULTILINE)


def produce(port: int, topic: str, shape: RecordShape, warm: int, records: int, directory: Path) -> float:
    """Records a second of `records`, after `warm` more that the tool does not count. Raises LoadError."""
    payload = write_payload_file(directory / f"payload-{shape.record_bytes}.txt", shape.record_bytes)
    output = _run(
        "org.apache.kafka.tools.ProducerPerformance",
        *("--bootstrap-server", f"{ADDRESS}:{port}", "--topic", topic, "--throughput", "-1"),
        *("--num-records", str(warm + records), "--warmup-records", str(warm)),
        *("--payload-file", str(payload), "--reporting-interval", "3600000"),
        *("--command-property", "acks=all", f"compression.type={shape.compression}"),
    )
    whole, steady = WHOLE.search(output), STEADY.search(output)
    if whole is None or steady is None or int(whole[1]) != warm + records:
        raise LoadError(f"ProducerPerformance did not send {warm + records} records: {output[-300:]}")
    return float(steady[2])


def consume(port: int, topic: str, records: int) -> float:
    """Records a second from the first fetch on, without the time the group took to form. Raises LoadError."""
    output = _run(
        "org.apache.kafka.tools.ConsumerPerformance",
        *("--bootstrap-server", f"{ADDRESS}:{port}", "--topic", topic, "--group", f"g-{topic}"),
        *("--num-records", str(records), "--timeout", "60000", "--reporting-interval", "3600000"),
    )
    rows = list(csv.DictReader(io.StringIO(output[output.find("start.time") :]), skipinitialspace=True))
    if len(rows) != 1 or int(rows[0]["data.consumed.in.nMsg"]) < records:
        raise LoadError(f"ConsumerPerformance did not get {records} records: {output[-300:]}")
    return float(rows[0]["fetch.nMsg.sec"])


def _run(main_class: str, *arguments: str) -> str:
    command = kafka_peer.java_command(main_class, *arguments, options=TOOL_JAVA)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired as error:
        raise LoadError(f"{main_class} did not end in {RUN_SECONDS_MAX:.0f} s") from error
    # It prints a refused record's exception and goes on.
    if done.returncode or "Exception" in done.stdout + done.stderr:
        raise LoadError(f"{main_class}: exit code {done.returncode}: {(done.stdout + done.stderr)[-300:]}")
    return done.stdout
