"""/api/: how RabbitMQ says no.

Source: rabbit_mgmt_util (bad_request, not_found, halt_response, is_authorized), recorded answers of RabbitMQ 3.10.
"""

from typing import Final

from onemq.heads.management.area import Area
from onemq.heads.management.call import Call
from onemq.heads.management.encoding import json_octets
from onemq.heads.management.errors import Problem
from onemq.heads.management.rabbitmq.bodies import bad_request, not_found
from onemq.heads.management.rabbitmq.ports import AmqpWords
from onemq.heads.management.routes import ADMINISTRATOR, MANAGEMENT, MONITORING, RouteTable
from onemq.model.refusal import Reason, Refusal

_TAG_TEXTS: Final = {
    MANAGEMENT: "Not management user",
    MONITORING: "Not monitor user",
    ADMINISTRATOR: "Not administrator user",
}
_LOOKING: Final = ("GET", "HEAD", "DELETE")
_OF_DIRECTORY: Final = (
    "user",
    "namespace",
    "permission",
    "topic permission",
    "parameter",
    "policy",
)


def not_authorised(reason: str) -> Problem:
    return Problem(401, "not_authorised", reason)


class RabbitArea(Area):
    """RabbitMQ's form of everything that is refused."""

    def __init__(self, routes: RouteTable, words: AmqpWords) -> None:
        super().__init__("api", routes, "RabbitMQ Management")
        self._words = words

    def body(self, problem: Problem) -> bytes:
        if problem.kind == "method_not_allowed":
            return b""
        reason = problem.text if problem.value is None else problem.value
        return json_octets({"error": problem.kind, "reason": reason})

    def unknown(self) -> Problem:
        return not_found()

    def login_needed(self, text: str = "Login failed") -> Problem:
        return Problem(401, "not_authorized", "Login failed", self.challenge())

    def tag_missing(self, tag: str) -> Problem:
        return not_authorised(_TAG_TEXTS.get(tag, "User not authorised to access object"))

    def problem(self, refusal: Refusal, call: Call) -> Problem:
        reason = refusal.reason
        looking = call.method in _LOOKING
        if reason == Reason.NAMESPACE_DENIED:
            if refusal.detail == "not found":
                return not_found() if looking else Problem(404, "not_found", "vhost_not_found")
            return not_authorised("User not authorised to access virtual host")
        if reason == Reason.NOT_FOUND:
            return not_found() if looking else self._not_found(refusal, call)
        if reason == Reason.ACCESS_DENIED:
            if refusal.wanted:
                return self.tag_missing(refusal.wanted)
            if refusal.entity_kind == "namespace":
                return not_authorised("User not authorised to access virtual host")
            return not_authorised("Access refused.")
        if reason == Reason.RESERVED_NAME:
            return not_authorised("Access refused.")
        if refusal.entity_kind in _OF_DIRECTORY and refusal.detail:
            return bad_request(refusal.detail)
        return bad_request(self._text(refusal, call))

    def _not_found(self, refusal: Refusal, call: Call) -> Problem:
        if refusal.entity_kind == "namespace":
            return Problem(404, "not_found", "vhost_not_found")
        return Problem(404, "not_found", self._text(refusal, call))

    def _text(self, refusal: Refusal, call: Call) -> str:
        """RabbitMQ's, without the code's name."""
        vhost = call.values.get("vhost", "/")
        text = self._words.reply(refusal, vhost, call.principal.name)[1]
        return text.partition(" - ")[2] or text
