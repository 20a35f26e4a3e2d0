"""What is asked and answered, as JSON. A refusal is an answer as well, of another type."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel


class StatusRequest(BaseModel):
    order_id: str


class StatusReply(BaseModel):
    order_id: str
    status: Literal["placed", "paid", "shipped", "delivered"]


class Refusal(BaseModel):
    reason: str


class StatusRefused(Exception):
    """The server understood, and has no answer: `reason` is its word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
