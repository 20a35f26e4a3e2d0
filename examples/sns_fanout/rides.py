"""The ride service: tells the topic what happened. It knows none of those who listen."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, PositiveInt

Event = Literal["ride.created", "ride.ended", "driver.moved"]


class Ride(BaseModel):
    ride_id: str
    event: Event
    payment: Literal["card", "cash"] = "card"
    fare_cents: PositiveInt = 1500


def publish(sns: Any, topic_arn: str, ride: Ride) -> None:
    """In the queues of all who want it when this returns, or in none."""
    sns.publish(
        TopicArn=topic_arn,
        Message=ride.model_dump_json(),
        MessageAttributes={
            "event": {"DataType": "String", "StringValue": ride.event},
            "payment": {"DataType": "String", "StringValue": ride.payment},
        },
    )
