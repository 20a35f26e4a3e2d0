"""The AWS head: what the composition root registers."""

from collections.abc import Callable
from typing import Final

from onemq.auth.gate import Gate
from onemq.heads.aws.conversation import AwsConversation
from onemq.heads.aws.identifiers import Identifiers
from onemq.heads.aws.pages import Pages
from onemq.heads.aws.routing import Router
from onemq.heads.aws.settings import AwsSettings
from onemq.heads.aws.sns.service import SnsService
from onemq.heads.aws.sqs.service import SqsService
from onemq.heads.contract import Caller, Conversation, Head, Link

DEFAULT_PORT: Final = 4566
DEFAULT_TLS_PORT: Final = 4567


class AwsHead(Head):
    """SQS and SNS. `pages`: documents that are served beside them. `sns`: what the engine's notices need is in it."""

    def __init__(
        self, gate: Gate, settings: AwsSettings, entropy: Callable[[int], bytes], caller: Caller
    ) -> None:
        super().__init__()
        self.name = "aws"
        self.default_port = DEFAULT_PORT
        self.default_tls_port = DEFAULT_TLS_PORT
        self.pages = Pages()
        self._gate = gate
        self._settings = settings
        self._identifiers = Identifiers(entropy)
        self.sns = SnsService(self._identifiers, self.pages, caller, entropy)
        self._router = Router([SqsService(), self.sns])

    def open(self, link: Link) -> Conversation:
        return AwsConversation(link, self._gate, self._settings, self._router, self.pages, self._identifiers)
