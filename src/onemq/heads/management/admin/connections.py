"""Connections of all protocols, and closing one."""

from onemq.heads.contract import PeerView
from onemq.heads.management.admin.service import Service
from onemq.heads.management.admin.shapes import Connection, Named
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.routes import ADMINISTRATOR, MONITORING, Parameter, Route, has_tag
from onemq.heads.management.stepping import Steps, answer_in_steps

TOGETHER = 100
"""Connections that are looked at together: a connection may have many channels and consumers."""


class Connections:
    """See the module. Who may not monitor sees and closes his own."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route(
                "GET",
                "/v1/connections",
                self.index,
                summary="Who is connected",
                query=(Parameter("operators", "operators, too", "boolean"),),
                response=list[Connection],
            ),
            Route("GET", "/v1/connections/{id}", self.show, summary="One connection", response=Connection),
            Route(
                "DELETE",
                "/v1/connections/{id}",
                self.close,
                summary="Closes a connection with its protocol's goodbye",
                query=(Parameter("reason", "what its client is told"),),
                response=Named,
            ),
        ]

    def index(self, call: Call) -> None:
        answer_in_steps(call, self._index(call))

    def _index(self, call: Call) -> Steps:
        operators = call.query.flag("operators")
        peers = self._service.peers
        found: list[Connection] = []
        views = peers.views_after(0, TOGETHER)
        while views:
            for peer in views:
                if self._is_seen(call, peer) and (operators or not peer.profile.operates):
                    found.append(connection_of(peer))
                yield None
            views = peers.views_after(int(views[-1].number), TOGETHER)
        call.answer(found)

    def show(self, call: Call) -> None:
        call.answer(connection_of(self._meant(call)))

    def close(self, call: Call) -> None:
        peer = self._meant(call)
        if not has_tag(call.principal, ADMINISTRATOR) and peer.profile.user != call.principal.name:
            raise Problem(
                403, "access_denied", "closing others' connections takes a user with the tag administrator"
            )
        reason = call.query.text("reason", "closed by an operator")
        access = call.anywhere()
        with access.audit.doing("close", "connection", peer.name, f"user {peer.profile.user}, {reason}"):
            self._service.peers.close(int(peer.number), reason)
        call.answer(Named(name=peer.name))

    def _seen(self, call: Call) -> list[PeerView]:
        return [peer for peer in self._service.peers.views() if self._is_seen(call, peer)]

    def _is_seen(self, call: Call, peer: PeerView) -> bool:
        return has_tag(call.principal, MONITORING) or peer.profile.user == call.principal.name

    def _meant(self, call: Call) -> PeerView:
        for peer in self._seen(call):
            if call.values["id"] in (str(int(peer.number)), peer.name):
                return peer
        raise Problem(404, "not_found", f"connection '{call.values['id']}' does not exist (any more)")


def connection_of(peer: PeerView) -> Connection:
    """As it is answered."""
    profile = peer.profile
    return Connection(
        id=int(peer.number),
        name=peer.name,
        protocol=profile.protocol,
        user=profile.user,
        namespace=profile.namespace,
        client=profile.client_name,
        state=profile.state,
        tls=peer.peer.tls,
        operator=profile.operates,
        connected_at_ms=int(peer.connected_at_ms),
        received_bytes=int(peer.received_bytes),
        sent_bytes=int(peer.sent_bytes),
        pending_bytes=int(peer.send_pending_bytes),
        channels=len(profile.channels),
        consumers=sum(len(channel.consumers) for channel in profile.channels),
        unsettled=sum(int(channel.unsettled) for channel in profile.channels),
    )
