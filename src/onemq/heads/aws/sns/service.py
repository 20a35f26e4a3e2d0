"""SNS as the head's router sees it."""

from collections.abc import Callable
from typing import Final

from onemq.heads.aws.call import Call
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.identifiers import Identifiers
from onemq.heads.aws.pages import Pages
from onemq.heads.aws.service import Service
from onemq.heads.aws.sns.courier import SnsCourier
from onemq.heads.aws.sns.errors import sns_refusal
from onemq.heads.aws.sns.operations import operations
from onemq.heads.aws.sns.publishing import Publishing
from onemq.heads.aws.sns.renderer import SnsRenderer
from onemq.heads.aws.sns.signing import Signer
from onemq.heads.aws.sns.subscriptions import Subscriptions
from onemq.heads.contract import Caller
from onemq.model.refusal import Refusal

VERSION: Final = "2010-03-31"
JSON_NAMESPACE: Final = "com.amazonaws.sns"
XML_NAMESPACE: Final = "http://sns.amazonaws.com/doc/2010-03-31/"


class SnsService(Service):
    """See the module. It has the Query protocol only.

    Attributes:
        signer, renderer, courier: what the engine's notices need of this head.
    """

    def __init__(
        self, identifiers: Identifiers, pages: Pages, caller: Caller, entropy: Callable[[int], bytes]
    ) -> None:
        self.signer = Signer(pages)
        self.renderer = SnsRenderer(self.signer, identifiers)
        self.courier = SnsCourier(caller)
        handlers = operations(Subscriptions(self.renderer, entropy), Publishing(self.renderer))
        super().__init__("sns", VERSION, "", JSON_NAMESPACE, XML_NAMESPACE, handlers)

    def refused(self, call: Call, refusal: Refusal) -> AwsError:
        return sns_refusal(call, refusal)
