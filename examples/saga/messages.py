"""What is said between customer, orchestrator and services, as JSON."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

Service = Literal["flight", "hotel", "payment"]
Action = Literal["book", "cancel"]


class TripRequest(BaseModel):
    trip_id: str
    price: int


class Command(BaseModel):
    trip_id: str
    action: Action
    price: int


class Reply(BaseModel):
    trip_id: str
    service: Service
    action: Action
    accepted: bool
