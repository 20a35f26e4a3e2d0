"""The HTTP head of operations. No authentication: what health.py answers is no secret."""

from onemq.heads.contract import Conversation, Head, Link
from onemq.ops.health import Health


class HttpHead(Head):
    name = "http"
    default_port = 15672

    def __init__(self, health: Health) -> None:
        self._health = health

    def open(self, link: Link) -> Conversation:
        # h11 takes some time to import, and most brokers are never asked.
        from onemq.ops.http_conversation import HttpConversation

        return HttpConversation(link, self._health)
