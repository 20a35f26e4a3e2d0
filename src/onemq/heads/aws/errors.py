"""Errors as AWS clients get them, and those that all services share.

Spec: SQS and SNS API references, "Common Errors"; AWS JSON 1.0 protocol with the query-compatible trait (the header
`x-amzn-query-error` carries the code that clients of the older Query protocol know).
"""

from typing import Final

from mypy_extensions import mypyc_attr

CORAL: Final = "com.amazon.coral.service"
"""Namespace of errors that come from AWS's web service framework, not from a service."""


@mypyc_attr(native_class=False)
class AwsError(Exception):
    """What a client gets instead of a result.

    Attributes:
        code: name of the error's shape; what the JSON protocol shows.
        text: the message.
        status: of the response.
        query_code: what the Query protocol shows, and JSON clients that know it by its older name.
        namespace: of the shape in the JSON protocol; "" = the service's own.
        query_text: the message in the Query protocol.
        sender: the client is at fault (else "Receiver").
    """

    def __init__(
        self,
        code: str,
        text: str,
        status: int = 400,
        *,
        query_code: str = "",
        namespace: str = "",
        query_text: str = "",
        sender: bool = True,
    ) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text
        self.status = status
        self.query_code = query_code or code
        self.query_text = query_text or text
        self.namespace = namespace
        self.sender = sender


def coral_error(shape: str, text: str, status: int, query_code: str) -> AwsError:
    return AwsError(shape, text, status, query_code=query_code, namespace=CORAL)


def internal_failure() -> AwsError:
    """Our own bug: its cause is in our log."""
    return AwsError(
        "InternalFailure",
        "The request processing has failed because of an unknown error, exception or failure.",
        500,
        namespace=CORAL,
        sender=False,
    )


def not_understood(text: str) -> AwsError:
    """The JSON body is not what the operation takes."""
    return coral_error("SerializationException", text, 400, "MalformedInput")


def malformed_query(text: str) -> AwsError:
    return coral_error("MalformedQueryString", text, 400, "MalformedQueryString")


def unknown_operation(name: str) -> AwsError:
    return coral_error(
        "UnknownOperationException",
        f"The action {name} is not valid for this endpoint.",
        400,
        "InvalidAction",
    )


def missing_action() -> AwsError:
    return coral_error("UnknownOperationException", "Unknown Operation", 404, "MissingAction")


def missing_parameter(name: str) -> AwsError:
    return coral_error(
        "MissingRequiredParameterException",
        f"The request must contain the parameter {name}.",
        400,
        "MissingParameter",
    )


def invalid_value(text: str) -> AwsError:
    return coral_error("InvalidParameterValueException", text, 400, "InvalidParameterValue")


def invalid_signature(code: str, text: str) -> AwsError:
    """code: AWS's name of it in the Query protocol, as auth/sigv4.py has it."""
    shape = _SIGNATURE_SHAPES[code]
    return coral_error(shape, text, 400 if code == "IncompleteSignature" else 403, code)


_SIGNATURE_SHAPES: Final = {
    "IncompleteSignature": "IncompleteSignatureException",
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "MissingAuthenticationToken": "MissingAuthenticationTokenException",
}


def access_denied(user_arn: str, action: str, resource_arn: str) -> AwsError:
    """action: as policies name it, "sqs:sendmessage"."""
    return coral_error(
        "AccessDeniedException",
        f"User: {user_arn} is not authorized to perform: {action} on resource: {resource_arn} "
        f"because no identity-based policy allows the {action} action",
        403,
        "AccessDenied",
    )
