"""SQS as the head's router sees it."""

from typing import Final

from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.service import Service
from onemq.heads.aws.sqs.errors import sqs_refusal
from onemq.heads.aws.sqs.operations import operations
from onemq.model.refusal import Refusal

VERSION: Final = "2012-11-05"
JSON_NAMESPACE: Final = "com.amazonaws.sqs"
XML_NAMESPACE: Final = "http://queue.amazonaws.com/doc/2012-11-05/"


class SqsService(Service):
    """See the module."""

    def __init__(self) -> None:
        super().__init__("sqs", VERSION, "AmazonSQS", JSON_NAMESPACE, XML_NAMESPACE, operations())

    def refused(self, call: Call, refusal: Refusal) -> AwsError:
        return sqs_refusal(call, refusal)
