"""Plays it all: the application runs, readings come in, and what it made of them is read back by Kafka."""

from __future__ import annotations

import asyncio
import os
import sys
from uuid import uuid4

from aiokafka import AIOKafkaConsumer
from faststream.kafka import KafkaBroker

from .app import HANDLED_TOPIC, READINGS_TOPIC, Handled, Reading

FINISHED_SECONDS_MAX = 30.0
BOOTSTRAP_SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")

READINGS = [
    Reading(machine="press-1", celsius=65.0),
    Reading(machine="press-2", celsius=91.5),
    Reading(machine="turbine-1", celsius=80.1),
    Reading(machine="unknown-1", celsius=99.0),
    Reading(machine="turbine-2", celsius=12.0),
]


async def play() -> None:
    application = await asyncio.create_subprocess_exec(sys.executable, "-m", f"{__package__}.app")
    handled_by = AIOKafkaConsumer(
        HANDLED_TOPIC,
        bootstrap_servers=BOOTSTRAP_SERVERS,
        group_id=f"look-{uuid4()}",
        auto_offset_reset="latest",
    )
    await handled_by.start()
    while not handled_by.assignment():
        await asyncio.sleep(0.05)
    for partition in handled_by.assignment():
        await handled_by.position(partition)  # "latest" is now, before anything is sent
    try:
        async with KafkaBroker(BOOTSTRAP_SERVERS) as sender, asyncio.timeout(FINISHED_SECONDS_MAX):
            await sender.publish("not a reading", topic=READINGS_TOPIC)
            for reading in READINGS:
                await sender.publish(reading, topic=READINGS_TOPIC, key=reading.machine.encode())
            for _ in range(2):
                record = await handled_by.getone()
                handled = Handled.model_validate_json(record.value)
                print(f"{handled.technician} looks after {handled.machine}")
    finally:
        await handled_by.stop()
        application.terminate()
        await application.wait()


if __name__ == "__main__":
    asyncio.run(play())
