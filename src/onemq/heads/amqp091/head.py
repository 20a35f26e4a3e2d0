"""The AMQP 0-9-1 head: what the composition root registers."""

from collections.abc import Callable
from typing import Final

from onemq.auth.gate import Gate
from onemq.heads.amqp091.conversation import AmqpConversation
from onemq.heads.amqp091.settings import AmqpSettings
from onemq.heads.contract import Conversation, Head, Link

DEFAULT_PORT: Final = 5672
DEFAULT_TLS_PORT: Final = 5671


class AmqpHead(Head):
    """`entropy(n)` gives n unpredictable bytes: generated names are secrets."""

    def __init__(self, gate: Gate, settings: AmqpSettings, entropy: Callable[[int], bytes]) -> None:
        super().__init__()
        self.name = "amqp"
        self.default_port = DEFAULT_PORT
        self.default_tls_port = DEFAULT_TLS_PORT
        self._gate = gate
        self._settings = settings
        self._entropy = entropy

    def open(self, link: Link) -> Conversation:
        return AmqpConversation(link, self._gate, self._settings, self._entropy)
