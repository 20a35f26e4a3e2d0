"""Takes notices to http and https endpoints, and decides whether and when another try is made.

Spec: Amazon SNS Developer Guide, "Amazon SNS message delivery retries" (client-side errors are not retried), "Parsing Amazon SNS message
formats" (headers; 15 seconds).
"""

from typing import Final

from onemq.engine.notices.rendering import Courier, Parcel
from onemq.heads.aws.sns.delivery_policy import effective_policy
from onemq.heads.aws.sns.envelope import NOTIFICATION
from onemq.heads.aws.sns.renderer import MESSAGE_TYPE
from onemq.heads.aws.sns.subscription_attributes import DELIVERY_POLICY
from onemq.heads.contract import Called, Caller

CALL_MS: Final = 15_000
_TOO_MANY_REQUESTS: Final = 429


class SnsCourier(Courier):
    """See the module."""

    def __init__(self, caller: Caller) -> None:
        super().__init__()
        self._caller = caller

    def take(self, parcel: Parcel) -> None:
        headers: list[tuple[str, str]] = []
        kind = ""
        for name, value in parcel.record.headers or []:
            text = (value or b"").decode("latin-1")
            if name == MESSAGE_TYPE:
                kind = text
            headers.append((name, text))
        self._caller.post(
            parcel.subscription.endpoint,
            headers,
            parcel.record.value or b"",
            CALL_MS,
            _Delivery(parcel, kind),
        )


class _Delivery(Called):
    def __init__(self, parcel: Parcel, kind: str) -> None:
        super().__init__()
        self._parcel = parcel
        self._kind = kind

    def answered(self, status: int) -> None:
        if 200 <= status < 300:
            self._parcel.delivered()
        elif 300 <= status < 500 and status != _TOO_MANY_REQUESTS:
            self._give_up(f"HTTP status {status}")
        else:
            self._again(f"HTTP status {status}")

    def failed(self, reason: str) -> None:
        self._again(reason)

    def _again(self, reason: str) -> None:
        subscription = self._parcel.subscription
        policy = effective_policy(
            subscription.topic.attributes.get(DELIVERY_POLICY, ""),
            subscription.attributes.get(DELIVERY_POLICY, ""),
        )
        wait_ms = policy.wait_ms(self._parcel.attempts)
        if wait_ms < 0:
            self._give_up(reason)
        else:
            self._parcel.again(wait_ms)

    def _give_up(self, reason: str) -> None:
        if self._kind == NOTIFICATION:
            self._parcel.lost(reason)
        else:
            # Nobody misses a confirmation.
            self._parcel.delivered()
