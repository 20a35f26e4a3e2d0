"""An invoice, and what it takes to book one."""

from __future__ import annotations

from pydantic import BaseModel, PositiveInt


class Invoice(BaseModel):
    number: str
    country: str
    net_cents: PositiveInt
    pages: PositiveInt = 1


class LedgerBusy(Exception):
    """The accounts are locked for a moment: try again."""
