"""Delivery policies: how often, and when, a notice is taken to an http endpoint once more.

Spec: Amazon SNS Developer Guide, "Amazon SNS message delivery retries" and "Creating an HTTP/S delivery policy". The guide draws the
back-off functions and gives no formulas: these are ours, with its order (exponential below geometric below arithmetic below linear).
"""

import json
from typing import Final

from onemq.heads.aws.errors import AwsError

RETRIES_MAX: Final = 100
DELAY_SECONDS_MAX: Final = 3600
TOTAL_SECONDS_MAX: Final = 3600
CONTENT_TYPES: Final = (
    "text/plain; charset=UTF-8",
    "text/html; charset=UTF-8",
    "text/xml; charset=UTF-8",
    "text/css; charset=UTF-8",
    "text/csv; charset=UTF-8",
    "application/json",
    "application/json; charset=UTF-8",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "application/xml",
    "application/soap+xml",
    "application/atom+xml",
)
_FUNCTIONS: Final = ("arithmetic", "exponential", "geometric", "linear")
_DEFAULTS: Final[dict[str, object]] = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}


class DeliveryPolicy:
    """What holds for one subscription. Times in seconds."""

    __slots__ = (
        "content_type",
        "function",
        "max_delay",
        "max_delay_retries",
        "min_delay",
        "min_delay_retries",
        "no_delay_retries",
        "retries",
    )

    def __init__(self) -> None:
        self.min_delay = 20
        self.max_delay = 20
        self.retries = 3
        self.no_delay_retries = 0
        self.min_delay_retries = 0
        self.max_delay_retries = 0
        self.function = "linear"
        self.content_type = CONTENT_TYPES[0]

    def wait_ms(self, attempt: int) -> int:
        """Before the try that follows the `attempt`-th (from 1); -1: there is none."""
        if attempt > self.retries:
            return -1
        step = attempt - 1
        if step < self.no_delay_retries:
            return 0
        step -= self.no_delay_retries
        if step < self.min_delay_retries:
            return self.min_delay * 1000
        step -= self.min_delay_retries
        steps = self.retries - self.no_delay_retries - self.min_delay_retries - self.max_delay_retries
        if step < steps:
            return self._backoff_ms(step, steps)
        return self.max_delay * 1000

    def _backoff_ms(self, step: int, steps: int) -> int:
        low = self.min_delay * 1000
        span = self.max_delay * 1000 - low
        if steps <= 1 or span <= 0:
            return low
        last = steps - 1
        if self.function == "linear":
            return low + span * step // last
        if self.function == "arithmetic":
            return low + span * (step * (step + 1)) // (last * (last + 1))
        if self.function == "geometric":
            return int(low * (self.max_delay / self.min_delay) ** (step / last))
        if step >= last:
            return low + span
        # 2 to the powers of large steps has no use: what lies far below the end is the beginning.
        back = last - step
        return low + (span >> back if back < 64 else 0)


def effective_policy(topic_policy: str, subscription_policy: str) -> DeliveryPolicy:
    """Of texts that `check_policy` has let pass. A subscription's goes before its topic's, which goes before the defaults."""
    found = DeliveryPolicy()
    topic = _http(topic_policy)
    _take(found, topic.get("defaultHealthyRetryPolicy"), topic.get("defaultRequestPolicy"))
    if topic.get("disableSubscriptionOverrides") is not True and subscription_policy:
        own = _decoded(subscription_policy)
        _take(found, own.get("healthyRetryPolicy"), own.get("requestPolicy"))
    return found


def shown_policy(topic_policy: str) -> str:
    """What a topic's attribute EffectiveDeliveryPolicy says."""
    http = dict(_http(topic_policy))
    retry = dict(_DEFAULTS)
    given = http.get("defaultHealthyRetryPolicy")
    if isinstance(given, dict):
        retry.update(given)
    shown: dict[str, object] = {
        "defaultHealthyRetryPolicy": retry,
        "disableSubscriptionOverrides": http.get("disableSubscriptionOverrides") is True,
    }
    if "defaultThrottlePolicy" in http:
        shown["defaultThrottlePolicy"] = http["defaultThrottlePolicy"]
    shown["defaultRequestPolicy"] = http.get("defaultRequestPolicy") or {
        "headerContentType": CONTENT_TYPES[0]
    }
    return json.dumps({"http": shown}, separators=(",", ":"))


def shown_subscription_policy(topic_policy: str, subscription_policy: str) -> str:
    """What a subscription's attribute EffectiveDeliveryPolicy says."""
    found = effective_policy(topic_policy, subscription_policy)
    retry = {
        "minDelayTarget": found.min_delay,
        "maxDelayTarget": found.max_delay,
        "numRetries": found.retries,
        "numMaxDelayRetries": found.max_delay_retries,
        "numNoDelayRetries": found.no_delay_retries,
        "numMinDelayRetries": found.min_delay_retries,
        "backoffFunction": found.function,
    }
    shown = {
        "healthyRetryPolicy": retry,
        "sicklyRetryPolicy": None,
        "throttlePolicy": None,
        "requestPolicy": {"headerContentType": found.content_type},
        "guaranteed": False,
    }
    return json.dumps(shown, separators=(",", ":"))


def check_policy(text: str, prefix: str, of_topic: bool) -> None:
    """Raises AwsError for one that SNS would not take. `prefix`: before its words."""
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError):
        raise _bad(prefix, "failed to parse JSON.") from None
    if not isinstance(decoded, dict):
        raise _bad(prefix, "failed to parse JSON.")
    policy: object = decoded
    names = ("healthyRetryPolicy", "sicklyRetryPolicy", "throttlePolicy", "requestPolicy", "guaranteed")
    if of_topic:
        policy = decoded.get("http", {})
        names = (
            "defaultHealthyRetryPolicy",
            "defaultThrottlePolicy",
            "defaultRequestPolicy",
            "disableSubscriptionOverrides",
            "defaultSicklyRetryPolicy",
        )
        for name in decoded:
            if name not in ("http", "sqs", "lambda", "firehose", "application", "email", "email-json", "sms"):
                raise _bad(prefix, f"Unexpected JSON member: {name}")
    if not isinstance(policy, dict):
        raise _bad(prefix, "http must be an object")
    for name in policy:
        if name not in names:
            raise _bad(prefix, f"Unexpected JSON member: {name}")
    _check_retry(policy.get("defaultHealthyRetryPolicy" if of_topic else "healthyRetryPolicy"), prefix)
    request = policy.get("defaultRequestPolicy" if of_topic else "requestPolicy")
    if request is not None:
        if not isinstance(request, dict):
            raise _bad(prefix, "requestPolicy must be an object")
        content_type = request.get("headerContentType", CONTENT_TYPES[0])
        if content_type not in CONTENT_TYPES:
            raise _bad(prefix, f"headerContentType: Invalid value [{content_type}]")
    throttle = policy.get("defaultThrottlePolicy" if of_topic else "throttlePolicy")
    if throttle is not None and not isinstance(throttle, dict):
        raise _bad(prefix, "throttlePolicy must be an object")


def _check_retry(retry: object, prefix: str) -> None:
    if retry is None:
        return
    if not isinstance(retry, dict):
        raise _bad(prefix, "healthyRetryPolicy must be an object")
    for name in retry:
        if name not in _DEFAULTS:
            raise _bad(prefix, f"Unexpected JSON member: {name}")
    found = DeliveryPolicy()
    for name in _DEFAULTS:
        value = retry.get(name)
        if value is None or name == "backoffFunction":
            continue
        if not isinstance(value, int) or isinstance(value, bool):
            raise _bad(prefix, f"healthyRetryPolicy.{name} must be an integer")
        if value < 0:
            raise _bad(prefix, f"healthyRetryPolicy.{name} must be greater than or equal to 0")
    if retry.get("backoffFunction", "linear") not in _FUNCTIONS:
        raise _bad(prefix, "healthyRetryPolicy.backoffFunction must be one of " + ", ".join(_FUNCTIONS))
    _take(found, retry, None)
    if not 1 <= found.min_delay <= DELAY_SECONDS_MAX:
        raise _bad(prefix, f"healthyRetryPolicy.minDelayTarget must be between 1 and {DELAY_SECONDS_MAX}")
    if not 1 <= found.max_delay <= DELAY_SECONDS_MAX:
        raise _bad(prefix, f"healthyRetryPolicy.maxDelayTarget must be between 1 and {DELAY_SECONDS_MAX}")
    if found.min_delay > found.max_delay:
        raise _bad(prefix, "healthyRetryPolicy.minDelayTarget must be less than or equal to maxDelayTarget")
    if found.retries > RETRIES_MAX:
        raise _bad(prefix, f"healthyRetryPolicy.numRetries must be less than or equal to {RETRIES_MAX}")
    if found.no_delay_retries + found.min_delay_retries + found.max_delay_retries > found.retries:
        raise _bad(
            prefix, "healthyRetryPolicy.numRetries must be greater than or equal to the sum of the phases"
        )
    total = 0
    for attempt in range(1, found.retries + 1):
        total += found.wait_ms(attempt)
    if total > TOTAL_SECONDS_MAX * 1000:
        raise _bad(prefix, f"healthyRetryPolicy: the total delay must not exceed {TOTAL_SECONDS_MAX} seconds")


def _bad(prefix: str, text: str) -> AwsError:
    return AwsError("InvalidParameter", f"{prefix}DeliveryPolicy: {text}")


def _decoded(text: str) -> dict[str, object]:
    if not text:
        return {}
    found = json.loads(text)
    return found if isinstance(found, dict) else {}


def _http(text: str) -> dict[str, object]:
    found = _decoded(text).get("http")
    return found if isinstance(found, dict) else {}


def _take(into: DeliveryPolicy, retry: object, request: object) -> None:
    if isinstance(retry, dict):
        into.min_delay = _number(retry, "minDelayTarget", into.min_delay)
        into.max_delay = _number(retry, "maxDelayTarget", max(into.max_delay, into.min_delay))
        into.no_delay_retries = _number(retry, "numNoDelayRetries", into.no_delay_retries)
        into.min_delay_retries = _number(retry, "numMinDelayRetries", into.min_delay_retries)
        into.max_delay_retries = _number(retry, "numMaxDelayRetries", into.max_delay_retries)
        into.retries = _number(retry, "numRetries", into.retries)
        function = retry.get("backoffFunction")
        if isinstance(function, str):
            into.function = function
    if isinstance(request, dict):
        content_type = request.get("headerContentType")
        if isinstance(content_type, str):
            into.content_type = content_type


def _number(values: dict[str, object], name: str, otherwise: int) -> int:
    found = values.get(name)
    return found if isinstance(found, int) else otherwise
