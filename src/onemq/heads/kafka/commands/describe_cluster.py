"""DescribeCluster: this broker, which is the whole cluster.

Spec: KIP-700, KIP-919 (endpoint types), KIP-1073 (fenced brokers).
"""

from typing import Final

from onemq.heads.kafka.call import Call
from onemq.heads.kafka.commands.brokers import (
    OPERATIONS_UNKNOWN,
    advertised_host,
    advertised_port,
    cluster_operations,
)
from onemq.heads.kafka.errors import MISMATCHED_ENDPOINT_TYPE, UNSUPPORTED_ENDPOINT_TYPE
from onemq.heads.kafka.messages.cold.describe_cluster import (
    DescribeClusterBroker,
    DescribeClusterResponse,
    read_describe_cluster_request,
    write_describe_cluster_response,
)

_BROKERS: Final = 1
_CONTROLLERS: Final = 2


def handle_describe_cluster(call: Call) -> None:
    request = read_describe_cluster_request(call.reader, call.version)
    session = call.session
    settings = session.settings
    response = DescribeClusterResponse()
    if request.endpoint_type == _BROKERS:
        response.cluster_id = settings.cluster_id
        response.controller_id = settings.broker_id
        response.brokers = [
            DescribeClusterBroker(
                broker_id=settings.broker_id,
                host=advertised_host(session),
                port=advertised_port(session),
                rack=settings.rack,
            )
        ]
        response.cluster_authorized_operations = (
            cluster_operations(session.access)
            if request.include_cluster_authorized_operations
            else OPERATIONS_UNKNOWN
        )
    elif request.endpoint_type == _CONTROLLERS:
        response.error_code = MISMATCHED_ENDPOINT_TYPE
        response.error_message = (
            "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
        )
    else:
        response.error_code = UNSUPPORTED_ENDPOINT_TYPE
        response.error_message = f"Unsupported endpoint type {request.endpoint_type}"
    writer = call.writer()
    write_describe_cluster_response(writer, response, call.version)
    call.send(writer)
