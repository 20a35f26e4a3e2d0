"""Which brokers are compared over the Kafka protocol, with which settings, and who stands beside whom.

Must not measure, nor start anything.
"""

import argparse
import os
import shlex
from typing import Final

import kafka_peer
from bench.kafka_floor import NoBroker
from bench.kafka_peers import SYNCED, ApacheKafka
from bench.kafka_scenarios import PARTITIONS, kafka_scenarios
from bench.peers import Onemq
from bench.suites import Make, Pair, Suite

KAFKA: Final = "Kafka"
KAFKA_AGAIN: Final = "Kafka again"
KAFKA_SYNCED: Final = "Kafka, synced"
ONEMQ_UNSYNCED: Final = "onemq, sync never"
NO_BROKER: Final = "no broker"
NO_BROKER_SYNCED: Final = "no broker, synced"


def kafka_suite(chosen: argparse.Namespace) -> Suite:
    command = shlex.split(chosen.onemq_command)
    unsynced = {**os.environ, "ONEMQ_STORAGE_SYNC": "never"}
    participants: dict[str, Make] = {
        Onemq.name: lambda directory: Onemq(command, directory, listener="kafka"),
        ONEMQ_UNSYNCED: lambda directory: Onemq(
            command, directory, listener="kafka", name=ONEMQ_UNSYNCED, environment=unsynced
        ),
        NO_BROKER: lambda directory: NoBroker(NO_BROKER, command, directory, False),
        NO_BROKER_SYNCED: lambda directory: NoBroker(NO_BROKER_SYNCED, command, directory, True),
    }
    peers: dict[str, Make] = {
        KAFKA: lambda directory: ApacheKafka(KAFKA, directory, {}),
        KAFKA_SYNCED: lambda directory: ApacheKafka(KAFKA_SYNCED, directory, SYNCED),
    }
    pairs = [
        Pair(
            Onemq.name, KAFKA, "Default durability of both: onemq syncs what it acknowledges, Kafka does not"
        ),
        Pair(
            Onemq.name,
            KAFKA_SYNCED,
            "Both synced: onemq by default, Kafka with log.flush.interval.messages=1",
        ),
        Pair(ONEMQ_UNSYNCED, KAFKA, "Neither synced: onemq with sync = never, Kafka by default"),
        Pair(
            NO_BROKER,
            KAFKA,
            "What the client takes: produces are answered with the same bytes, unread",
            False,
        ),
        Pair(
            NO_BROKER_SYNCED,
            KAFKA,
            "What the client and the disk take: the same, each written and synced before its answer",
            False,
        ),
    ]
    if chosen.peer_twice:
        participants = {KAFKA_AGAIN: lambda directory: ApacheKafka(KAFKA_AGAIN, directory, {})}
        pairs = [
            Pair(KAFKA_AGAIN, KAFKA, "The same twice: how far apart two equals are on this machine", False)
        ]
        del peers[KAFKA_SYNCED]
    missing = ""
    try:
        kafka_peer.java_program()
        kafka_peer.class_path()
        participants |= peers
    except kafka_peer.ToolchainMissing as error:
        missing = f"APACHE KAFKA CANNOT RUN HERE ({error})"
    settings = (
        f"{chosen.megabytes:g} MB of values for each load (a quarter of it at 100 B), {PARTITIONS} partition, "
        "lines of JSON-like text"
    )
    suite = Suite(
        "onemq beside Apache Kafka",
        kafka_scenarios(chosen.quick),
        participants,
        pairs,
        missing,
        settings,
        never=[(load, name) for load in ("tools", "client") for name in (NO_BROKER, NO_BROKER_SYNCED)],
    )
    if chosen.quick and not chosen.only and not chosen.peer_twice:
        suite.keep([], [name for name in (Onemq.name, KAFKA) if name in participants])
    return suite
