"""A stand-in for the payment company: an HTTP API in real life, here decided by the name of the card.

Like the real ones it takes an idempotency key: the same key is charged once.
"""

from __future__ import annotations

from collections import Counter


class GatewayTimeout(Exception):
    """No answer; the card may have been charged or not."""


class Gateway:
    def __init__(self) -> None:
        self._calls: Counter[str] = Counter()

    async def charge(self, idempotency_key: str, card: str, amount_cents: int) -> bool:
        """True when paid, False when the card is declined. Raises GatewayTimeout."""
        self._calls[idempotency_key] += 1
        if card == "card-gateway-is-down":
            raise GatewayTimeout("no answer within 3 s")
        if card == "card-slow-at-first" and self._calls[idempotency_key] <= 2:
            raise GatewayTimeout("no answer within 3 s")
        return card != "card-declined"
