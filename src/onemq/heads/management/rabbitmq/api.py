"""The whole of RabbitMQ's API, as an area of the HTTP head."""

from onemq.heads.contract import Peers, Worker
from onemq.heads.management.rabbitmq.area import RabbitArea
from onemq.heads.management.rabbitmq.bindings import Bindings
from onemq.heads.management.rabbitmq.connections import Connections
from onemq.heads.management.rabbitmq.definitions import Definitions
from onemq.heads.management.rabbitmq.exchanges import Exchanges
from onemq.heads.management.rabbitmq.health import Health
from onemq.heads.management.rabbitmq.messages import Messages
from onemq.heads.management.rabbitmq.overview import Overview
from onemq.heads.management.rabbitmq.policies import Policies
from onemq.heads.management.rabbitmq.ports import AmqpWords, NodePort
from onemq.heads.management.rabbitmq.queues import Queues
from onemq.heads.management.rabbitmq.service import Service
from onemq.heads.management.rabbitmq.users import Users
from onemq.heads.management.rabbitmq.vhosts import Vhosts
from onemq.heads.management.routes import RouteTable


def rabbitmq_area(words: AmqpWords, peers: Peers, node: NodePort, worker: Worker) -> RabbitArea:
    """/api/."""
    service = Service(words, peers, node, worker)
    parts = (
        Overview(service),
        Definitions(service),
        Connections(service),
        Exchanges(service),
        Queues(service),
        Bindings(service),
        Messages(service),
        Vhosts(service),
        Users(service),
        Policies(service),
        Health(service),
    )
    return RabbitArea(RouteTable(route for part in parts for route in part.routes()), words)
