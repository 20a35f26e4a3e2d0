"""SNS's words for the engine's refusals.

Spec: Amazon SNS API Reference, "Common Errors" and the "Errors" of each action.
"""

from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError, internal_failure
from onemq.heads.aws.urls import queue_arn, topic_arn, user_arn
from onemq.model.refusal import Reason, Refusal


def sns_refusal(call: Call, refusal: Refusal) -> AwsError:
    """What the engine's refusal is called here."""
    reason = refusal.reason
    kind = refusal.entity_kind
    if reason == Reason.NOT_FOUND:
        what = "Subscription" if kind == "subscription" else "Topic"
        return AwsError("NotFound", f"{what} does not exist", 404)
    if reason == Reason.ACCESS_DENIED or reason == Reason.LOCKED or reason == Reason.RESERVED_NAME:
        user = user_arn(call.access.principal.name)
        action = f"SNS:{call.operation}"
        make_arn = queue_arn if kind == "queue" else topic_arn
        resource = make_arn(call.region, refusal.entity)
        return AwsError(
            "AuthorizationError",
            f"User: {user} is not authorized to perform: {action} on resource: {resource} "
            f"because no identity-based policy allows the {action} action",
            403,
        )
    if reason == Reason.LIMIT:
        if kind == "notice topic":
            return AwsError("TopicLimitExceeded", "Maximum number of topics reached.", 403)
        if kind == "subscription":
            return AwsError("SubscriptionLimitExceeded", "Maximum number of subscriptions reached.", 403)
        return AwsError("Throttled", "Rate exceeded", 429)
    if reason == Reason.INVALID or reason == Reason.TOO_LARGE:
        return AwsError("InvalidParameter", f"Invalid parameter: {refusal.detail or refusal.entity}")
    return internal_failure()
