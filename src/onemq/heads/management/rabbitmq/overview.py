"""/api/overview, nodes, and the small paths that tools begin with: whoami, cluster-name, extensions, feature-flags, auth.

Source: rabbit_mgmt_wm_overview, rabbit_mgmt_wm_node and neighbours; recorded answers of RabbitMQ 3.10.
"""

from typing import Any, Final

from onemq.heads.management.call import Call
from onemq.heads.management.rabbitmq.bodies import bad_request, body_of, not_found, text
from onemq.heads.management.rabbitmq.lists import Item, answer_list, answer_one
from onemq.heads.management.rabbitmq.ports import Listening, NodeFacts
from onemq.heads.management.rabbitmq.service import Service
from onemq.heads.management.rabbitmq.stats import (
    CHANNEL_COUNTS,
    Ranges,
    lengths,
    message_stats,
    rate_only,
)
from onemq.heads.management.routes import ADMINISTRATOR, MONITORING, Handler, Route, has_tag
from onemq.heads.management.stepping import Steps, answer_in_steps, summarised

CLUSTER_NAME: Final = "cluster_name"
RETENTION: Final = {"global": [605, 605], "basic": [605], "detailed": [120]}
"""Seconds: what engine/rates.py keeps."""
EXCHANGE_TYPES: Final = (
    ("direct", "AMQP direct exchange, as per the AMQP specification"),
    ("fanout", "AMQP fanout exchange, as per the AMQP specification"),
    ("headers", "AMQP headers exchange, as per the AMQP specification"),
    ("topic", "AMQP topic exchange, as per the AMQP specification"),
    ("x-consistent-hash", "Consistent Hashing Exchange"),
    ("x-delayed-message", "Delayed Message Exchange"),
)
FEATURE_FLAGS: Final = (
    ("classic_mirrored_queue_version", "Support setting version for classic mirrored queues"),
    ("drop_unroutable_metric", "Count unroutable publishes to be dropped in stats"),
    ("empty_basic_get_metric", "Count AMQP basic.get on empty queues in stats"),
    ("implicit_default_bindings", "Default bindings are now implicit, instead of being stored"),
    ("maintenance_mode_status", "Maintenance mode status"),
    ("quorum_queue", "Support queues of type quorum"),
    ("stream_queue", "Support queues of type stream"),
    ("user_limits", "Configure connection and channel limits for a user"),
    ("virtual_host_metadata", "Virtual host metadata (description, tags, etc)"),
)
"""What of RabbitMQ's flags means something here; all of it is served."""


class Overview:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        found: list[tuple[str, str, Handler, str, str]] = [
            ("GET", "/api/overview", self.overview, "", "what there is, and how fast it goes"),
            ("GET", "/api/whoami", self.whoami, "", "the user of this request"),
            ("GET", "/api/cluster-name", self.cluster_name, "", "the broker's name"),
            ("PUT", "/api/cluster-name", self.set_cluster_name, ADMINISTRATOR, "names the broker"),
            ("GET", "/api/extensions", self.extensions, "", "plugins of the user interface: none"),
            ("GET", "/api/auth", self.auth, "any", "how to log in"),
            ("GET", "/api/feature-flags", self.feature_flags, ADMINISTRATOR, "RabbitMQ's flags, all enabled"),
            (
                "PUT",
                "/api/feature-flags/{name}/enable",
                self.enable_flag,
                ADMINISTRATOR,
                "accepted for known flags",
            ),
            ("GET", "/api/deprecated-features", self.deprecated_features, ADMINISTRATOR, "none"),
            ("GET", "/api/deprecated-features/used", self.deprecated_features, ADMINISTRATOR, "none"),
            ("GET", "/api/nodes", self.nodes, MONITORING, "the one node"),
            ("GET", "/api/nodes/{node}", self.node, MONITORING, "the one node"),
            ("GET", "/api/nodes/{node}/memory", self.memory, MONITORING, "memory of the node"),
            ("POST", "/api/rebalance/queues", self.rebalance, ADMINISTRATOR, "accepted: there is one node"),
        ]
        routes: list[Route] = []
        for method, path, handler, tag, summary in found:
            if tag == "any":
                routes.append(Route(method, path, handler, "", summary=summary))
            elif tag:
                routes.append(Route(method, path, handler, tag, summary=summary))
            else:
                routes.append(Route(method, path, handler, summary=summary))
        return routes

    def whoami(self, call: Call) -> None:
        call.answer({"name": call.principal.name, "tags": list(call.principal.tags)})

    def _cluster_name(self, call: Call) -> str:
        return call.anywhere().directory.parameters.cluster_name() or self._service.node.name

    def cluster_name(self, call: Call) -> None:
        answer_one(call, {"name": self._cluster_name(call)})

    def set_cluster_name(self, call: Call) -> None:
        name = text(body_of(call, ("name",)), "name")
        call.anywhere().directory.parameters.set_global(CLUSTER_NAME, name)
        call.empty()

    def extensions(self, call: Call) -> None:
        call.answer([])

    def deprecated_features(self, call: Call) -> None:
        call.answer([])

    def auth(self, call: Call) -> None:
        call.answer({"enable_uaa": False, "uaa_client_id": "", "uaa_location": ""})

    def feature_flags(self, call: Call) -> None:
        items: list[Item] = [
            {
                "name": name,
                "desc": described,
                "doc_url": "",
                "state": "enabled",
                "stability": "stable",
                "provided_by": "onemq",
            }
            for name, described in FEATURE_FLAGS
        ]
        answer_list(call, items)

    def enable_flag(self, call: Call) -> None:
        if call.values["name"] not in [name for name, _ in FEATURE_FLAGS]:
            raise bad_request("unsupported")
        call.empty()

    def rebalance(self, call: Call) -> None:
        call.empty()

    # The overview.

    def overview(self, call: Call) -> None:
        answer_in_steps(call, self._overview(call))

    def _overview(self, call: Call) -> Steps:
        service = self._service
        ranges = Ranges(call)
        version = service.words.version
        item: Item = {
            "management_version": version,
            "rates_mode": "basic",
            "sample_retention_policies": RETENTION,
            "exchange_types": exchange_types(),
            "product_version": service.node.version,
            "product_name": "onemq",
            "rabbitmq_version": version,
            "cluster_name": self._cluster_name(call),
            "erlang_version": "",
            "erlang_full_version": "",
            "disable_stats": False,
            "enable_queue_totals": False,
            "statistics_db_event_queue": 0,
            "node": service.node.name,
        }
        accesses = service.accesses(call)
        ready = leased = queues = exchanges = 0
        for access in accesses:
            summary = yield from summarised(access.inspection)
            queues += int(summary.queues)
            ready += int(summary.ready)
            leased += int(summary.leased)
            exchanges += len(access.inspection.exchange_names())
        everybody = has_tag(call.principal, MONITORING)
        inspection = call.anywhere().inspection
        # The broker's rates tell of everybody's messages: they are for who sees everything.
        series = inspection.broker_series() if everybody else None
        item["message_stats"] = (
            message_stats(inspection.totals().all(), series, CHANNEL_COUNTS, ranges) if everybody else {}
        )
        item["queue_totals"] = lengths(
            (
                ("messages", ready + leased, ("ready", "unacked")),
                ("messages_ready", ready, ("ready",)),
                ("messages_unacknowledged", leased, ("unacked",)),
            ),
            series,
            ranges,
        )
        item["churn_rates"] = self._churn(call) if everybody else {}
        item["object_totals"] = {**self._peers(call), "exchanges": exchanges, "queues": queues}
        listening = service.node.listening() if everybody else []
        item["listeners"] = [self._listener(each) for each in listening]
        item["contexts"] = self._contexts(listening)
        answer_one(call, item)

    def _peers(self, call: Call) -> dict[str, int]:
        everybody = has_tag(call.principal, MONITORING)
        names = call.namespaces()
        connections = channels = consumers = 0
        for peer in self._service.peers.views():
            profile = peer.profile
            if profile.operates:
                continue
            if everybody or profile.user == call.principal.name:
                connections += 1
                channels += len(profile.channels)
            if profile.namespace in names:
                consumers += sum(len(channel.consumers) for channel in profile.channels)
        return {"channels": channels, "connections": connections, "consumers": consumers}

    def _churn(self, call: Call) -> dict[str, Any]:
        facts = self._service.node.facts()
        totals = call.anywhere().inspection.totals()
        opened = sum(int(each.sinks_opened) for each in totals.protocols.values())
        closed = sum(int(each.sinks_closed) for each in totals.protocols.values())
        found: dict[str, Any] = {}
        for name, value in (
            ("channel_closed", closed),
            ("channel_created", opened),
            ("connection_closed", facts.closed_connections),
            ("connection_created", facts.opened_connections),
            ("queue_created", int(totals.queues_created)),
            ("queue_declared", int(totals.queues_declared)),
            ("queue_deleted", int(totals.queues_deleted)),
        ):
            found[name] = value
            found[f"{name}_details"] = rate_only(0.0)
        return found

    def _listener(self, each: Listening) -> Item:
        return {
            "node": self._service.node.name,
            "protocol": each.protocol,
            "ip_address": each.host,
            "port": each.port,
            "socket_opts": {"backlog": 1024, "nodelay": True},
        }

    def _contexts(self, listening: list[Listening]) -> list[Item]:
        return [
            {
                "ssl_opts": [],
                "node": self._service.node.name,
                "description": "RabbitMQ Management",
                "path": "/",
                "ip": each.host,
                "port": str(each.port),
            }
            for each in listening
            if each.protocol in ("http", "https")
        ]

    # The one node.

    def nodes(self, call: Call) -> None:
        answer_list(call, [self._node_item(call)])

    def node(self, call: Call) -> None:
        self._check_node(call)
        answer_one(call, self._node_item(call))

    def memory(self, call: Call) -> None:
        self._check_node(call)
        # RabbitMQ's word where it has no breakdown by Erlang's processes; what is used is in the node's mem_used.
        call.answer({"memory": "not_available"})

    def _check_node(self, call: Call) -> None:
        if call.values["node"] != self._service.node.name:
            raise not_found()

    def _node_item(self, call: Call) -> Item:
        facts = self._service.node.facts()
        item: Item = {
            "partitions": [],
            "os_pid": str(facts.process_id),
            "fd_total": facts.files_max,
            "fd_used": facts.files_used,
            "sockets_total": facts.files_max,
            "sockets_used": facts.opened_connections - facts.closed_connections,
            "mem_limit": facts.memory_limit,
            "mem_alarm": facts.memory_alarm,
            "mem_used": facts.memory_used,
            "mem_calculation_strategy": "rss",
            "disk_free": facts.disk_free,
            "disk_free_limit": facts.disk_limit,
            "disk_free_alarm": facts.disk_alarm,
            "rates_mode": "basic",
            "uptime": facts.uptime_ms,
            "processors": facts.processors,
            "exchange_types": exchange_types(),
            "auth_mechanisms": [
                {"name": name, "description": f"SASL {name} authentication mechanism", "enabled": True}
                for name in ("PLAIN", "AMQPLAIN")
            ],
            "applications": [
                {"name": "onemq", "description": "onemq", "version": self._service.node.version}
            ],
            "contexts": self._contexts(self._service.node.listening()),
            "log_files": [],
            "db_dir": facts.directory,
            "config_files": facts.config_files,
            "enabled_plugins": ["rabbitmq_management"],
            "name": self._service.node.name,
            "type": "disc" if facts.directory else "ram",
            "running": True,
            "cluster_links": [],
            "being_drained": False,
        }
        for name in ("mem_used", "fd_used", "sockets_used", "disk_free"):
            item[f"{name}_details"] = rate_only(0.0)
        item.update(self._churn(call))
        return item


def exchange_types() -> list[Item]:
    return [{"name": name, "description": said, "enabled": True} for name, said in EXCHANGE_TYPES]


def alarms(facts: NodeFacts) -> list[str]:
    """Resources that are short now."""
    found = ["memory"] if facts.memory_alarm else []
    return [*found, "disk"] if facts.disk_alarm else found
