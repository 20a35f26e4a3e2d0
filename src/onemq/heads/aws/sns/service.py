"""SNS as the head's router sees it."""

from typing import Final

from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.service import Service
from onemq.heads.aws.sns.errors import sns_refusal
from onemq.heads.aws.sns.operations import operations
from onemq.model.refusal import Refusal

VERSION: Final = "2010-03-31"
JSON_NAMESPACE: Final = "com.amazonaws.sns"
XML_NAMESPACE: Final = "http://sns.amazonaws.com/doc/2010-03-31/"


class SnsService(Service):
    """See the module. It has the Query protocol only."""

    def __init__(self) -> None:
        super().__init__("sns", VERSION, "", JSON_NAMESPACE, XML_NAMESPACE, operations())

    def refused(self, call: Call, refusal: Refusal) -> AwsError:
        return sns_refusal(call, refusal)
