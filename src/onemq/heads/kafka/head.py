"""The Kafka head: what the composition root registers."""

from typing import Final

from onemq.auth.gate import Gate
from onemq.heads.contract import Conversation, Head, Link, Worker
from onemq.heads.kafka.conversation import KafkaConversation
from onemq.heads.kafka.settings import KafkaSettings

DEFAULT_PORT: Final = 9092
DEFAULT_TLS_PORT: Final = 9093


class KafkaHead(Head):
    """One protocol."""

    def __init__(self, gate: Gate, settings: KafkaSettings, worker: Worker) -> None:
        super().__init__()
        self.name = "kafka"
        self.default_port = DEFAULT_PORT
        self.default_tls_port = DEFAULT_TLS_PORT
        self._gate = gate
        self._settings = settings
        self._worker = worker

    def open(self, link: Link) -> Conversation:
        return KafkaConversation(link, self._gate, self._settings, self._worker)
