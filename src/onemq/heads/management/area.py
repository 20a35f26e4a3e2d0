"""An area: the routes under one prefix, with the form of their errors and of the demand to log in."""

from typing import TYPE_CHECKING

from onemq.heads.management.encoding import json_octets
from onemq.heads.management.errors import Problem, problem_of
from onemq.heads.management.routes import RouteTable
from onemq.model.refusal import Refusal

if TYPE_CHECKING:
    from onemq.heads.management.call import Call


class Area:
    """Our own form; RabbitMQ's API overrides what differs.

    Attributes:
        prefix: first segment of its paths ("v1").
        realm: what the login is for.
    """

    def __init__(self, prefix: str, routes: RouteTable, realm: str = "onemq") -> None:
        self.prefix = prefix
        self.routes = routes
        self.realm = realm

    def problem(self, refusal: Refusal, call: "Call") -> Problem:
        """What a refusal of this call is here."""
        return problem_of(refusal)

    def body(self, problem: Problem) -> bytes:
        """JSON."""
        return json_octets({"error": problem.kind, "message": problem.text})

    def unknown(self) -> Problem:
        """No route has this path."""
        return Problem(404, "not_found", "there is nothing here")

    def not_allowed(self, methods: list[str]) -> Problem:
        """The path is there, for other methods."""
        allow = ", ".join(methods)
        return Problem(
            405, "method_not_allowed", f"this path takes {allow}", f"Allow: {allow}\r\n".encode("ascii")
        )

    def login_needed(self, text: str = "log in") -> Problem:
        """401, with the challenge that makes browsers and tools ask for a password."""
        return Problem(401, "not_authorised", text, self.challenge())

    def tag_missing(self, tag: str) -> Problem:
        """The user is known, and may not."""
        return Problem(403, "access_denied", f"this takes a user with the tag {tag}")

    def challenge(self) -> bytes:
        return f'WWW-Authenticate: Basic realm="{self.realm}"\r\n'.encode("ascii")
