"""Which brokers are compared over SQS's protocol, with which settings, and who stands beside whom.

Must not measure, nor start anything.
"""

import argparse
import importlib.util
import os
import shlex
from typing import Final

import kafka_peer
from bench.aws_peers import ELASTICMQ_JARS, ElasticMQ, Moto
from bench.aws_scenarios import BODY_BYTES, QUICK_WARM_SECONDS, WARM_SECONDS, aws_scenarios
from bench.peers import Onemq
from bench.suites import Make, Pair, Suite

ONEMQ_UNSYNCED: Final = "onemq, sync never"
DEEP: Final = 1_000_000
QUICK_DEEP: Final = 20_000
MOTO_RATIO: Final = 30.0


def aws_suite(chosen: argparse.Namespace) -> Suite:
    command = shlex.split(chosen.onemq_command)
    unsynced = {**os.environ, "ONEMQ_STORAGE_SYNC": "never"}
    participants: dict[str, Make] = {
        Onemq.name: lambda directory: Onemq(command, directory, listener="aws"),
        ONEMQ_UNSYNCED: lambda directory: Onemq(
            command, directory, listener="aws", name=ONEMQ_UNSYNCED, environment=unsynced
        ),
    }
    missing = ""
    try:
        kafka_peer.java_program()
        kafka_peer.class_path(ELASTICMQ_JARS)
        participants[ElasticMQ.name] = ElasticMQ
    except kafka_peer.ToolchainMissing as error:
        missing = f"ELASTICMQ CANNOT RUN HERE ({error})"
    if importlib.util.find_spec("moto") is not None:
        participants[Moto.name] = Moto
    else:
        missing = missing or "MOTO IS NOT INSTALLED HERE"
    pairs = [
        Pair(Onemq.name, ElasticMQ.name, "onemq syncs what it answers; ElasticMQ keeps it in memory"),
        Pair(Onemq.name, Moto.name, "moto keeps it in memory, too", ratio=MOTO_RATIO),
        Pair(ONEMQ_UNSYNCED, ElasticMQ.name, "Neither synced: onemq with sync = never", judged=False),
    ]
    warm_seconds = QUICK_WARM_SECONDS if chosen.quick else WARM_SECONDS
    suite = Suite(
        "onemq beside ElasticMQ and moto, Amazon SQS (JSON 1.0)",
        aws_scenarios(QUICK_DEEP if chosen.quick else DEEP, warm_seconds),
        participants,
        pairs,
        missing,
        f"{BODY_BYTES} B bodies; rounds of sends, receives and deletes after {warm_seconds:g} s of the same as warm-up",
        # moto takes some 300 messages a second; ElasticMQ had not taken two million after nine minutes.
        too_long={("depth", Moto.name), ("depth", ONEMQ_UNSYNCED)}
        | (set() if chosen.quick else {("depth", ElasticMQ.name)}),
    )
    if chosen.quick and not chosen.only:
        suite.keep([], [name for name in participants if name != ONEMQ_UNSYNCED])
    return suite
