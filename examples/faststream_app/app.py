"""The application: watches the temperatures that come by Kafka, and puts what is too hot into a work queue of AMQP.

`python -m examples.faststream_app.app` serves until SIGINT or SIGTERM; what is in hand then is finished first.
"""

from __future__ import annotations

import asyncio
import logging
import os

from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.rabbit import RabbitBroker, RabbitQueue
from pydantic import BaseModel

TOO_HOT_CELSIUS = 80.0

READINGS_TOPIC = "temperature-readings"
HANDLED_TOPIC = "alarms-handled"
DEAD_QUEUE = RabbitQueue("alarms.dead", durable=True)
ALARM_QUEUE = RabbitQueue(
    "alarms",
    durable=True,
    arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": DEAD_QUEUE.name},
)

# Technicians by the first letter of a machine's name.
TECHNICIANS = {"p": "Ada", "t": "Grace"}


class Reading(BaseModel):
    machine: str
    celsius: float


class Alarm(BaseModel):
    machine: str
    celsius: float


class Handled(BaseModel):
    machine: str
    technician: str


# One line for each message is too much for a log: at level DEBUG it is not shown. Failures are.
kafka = KafkaBroker(os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092"), log_level=logging.DEBUG)
rabbit = RabbitBroker(
    os.environ.get("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672/%2F"), log_level=logging.DEBUG
)
# Started in this order: what the stream leads to is there before the stream begins.
app = FastStream(rabbit, kafka)


@app.on_startup
async def declare_dead_letters() -> None:
    await rabbit.connect()
    await rabbit.declare_queue(DEAD_QUEUE)


@kafka.subscriber(
    READINGS_TOPIC,
    group_id="temperature-watch",
    auto_offset_reset="earliest",
    ack_policy=AckPolicy.ACK,  # the offset is committed after the work; what is no reading is logged and passed over
)
async def watch(reading: Reading) -> None:
    if reading.celsius > TOO_HOT_CELSIUS:
        alarm = Alarm(machine=reading.machine, celsius=reading.celsius)
        await rabbit.publish(alarm, queue=ALARM_QUEUE, persist=True, mandatory=True)


@rabbit.subscriber(ALARM_QUEUE, ack_policy=AckPolicy.REJECT_ON_ERROR)
@kafka.publisher(HANDLED_TOPIC)
async def send_technician(alarm: Alarm) -> Handled:
    """Raises KeyError for a machine that nobody knows: its alarm goes to the dead letters."""
    return Handled(machine=alarm.machine, technician=TECHNICIANS[alarm.machine[0]])


if __name__ == "__main__":
    asyncio.run(app.run())
