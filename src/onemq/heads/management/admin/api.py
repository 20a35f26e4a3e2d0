"""The whole of /v1/, as an area of the HTTP head."""

from onemq.heads.contract import Peers, Worker
from onemq.heads.management.admin.connections import Connections
from onemq.heads.management.admin.consuming import Consuming
from onemq.heads.management.admin.definitions import Definitions
from onemq.heads.management.admin.directory import DirectoryPart
from onemq.heads.management.admin.exchanges import Exchanges
from onemq.heads.management.admin.groups import Groups
from onemq.heads.management.admin.looking import Looking
from onemq.heads.management.admin.moving import MovingPart
from onemq.heads.management.admin.openapi import Document
from onemq.heads.management.admin.overview import OverviewPart
from onemq.heads.management.admin.publishing import Publishing
from onemq.heads.management.admin.queues import Queues
from onemq.heads.management.admin.service import Service
from onemq.heads.management.admin.topics import Topics
from onemq.heads.management.area import Area
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem, problem_of
from onemq.heads.management.rabbitmq.ports import AmqpWords, NodePort
from onemq.heads.management.routes import Route, RouteTable
from onemq.model.refusal import Refusal


class AdminArea(Area):
    """Ours: `{"error": kind, "message": text}`."""

    def problem(self, refusal: Refusal, call: Call) -> Problem:
        if refusal.entity_kind == "" and refusal.detail:
            # AMQP's words said all there is to say.
            found = problem_of(refusal)
            return Problem(found.status, found.kind, refusal.detail)
        return problem_of(refusal)


def admin_area(words: AmqpWords, peers: Peers, node: NodePort, worker: Worker) -> AdminArea:
    service = Service(words, peers, node, worker)
    described = Document(node.version)
    parts = (
        OverviewPart(service),
        Queues(service),
        Topics(),
        Groups(),
        Exchanges(service),
        Connections(service),
        DirectoryPart(service),
        Publishing(),
        Consuming(),
        Looking(),
        MovingPart(),
        Definitions(service),
    )
    routes: list[Route] = [described.route(), *[route for part in parts for route in part.routes()]]
    described.describe(routes)
    return AdminArea("v1", RouteTable(routes))
