"""deploy/: the dashboard is what its generator makes, Grafana can read it, and nothing there uses a metric that does not exist.

tests/clients/monitoring has Prometheus itself answer the queries.
"""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

from onemq.ops.metrics.families import OURS
from onemq.ops.metrics.metric import HISTOGRAM
from onemq.ops.metrics.rabbitmq import THEIRS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "onemq.json"
USED = re.compile(r"\b(?:onemq|rabbitmq|process)_[a-z0-9_]+\b")
OVERVIEW = [
    "rabbitmq_build_info",
    "rabbitmq_channel_consumers",
    "rabbitmq_channels",
    "rabbitmq_channels_closed_total",
    "rabbitmq_channels_opened_total",
    "rabbitmq_connections",
    "rabbitmq_connections_closed_total",
    "rabbitmq_connections_opened_total",
    "rabbitmq_consumers",
    "rabbitmq_disk_space_available_bytes",
    "rabbitmq_disk_space_available_limit_bytes",
    "rabbitmq_erlang_uptime_seconds",
    "rabbitmq_global_consumers",
    "rabbitmq_global_messages_acknowledged_total",
    "rabbitmq_global_messages_confirmed_total",
    "rabbitmq_global_messages_delivered_consume_auto_ack_total",
    "rabbitmq_global_messages_delivered_consume_manual_ack_total",
    "rabbitmq_global_messages_delivered_get_auto_ack_total",
    "rabbitmq_global_messages_delivered_get_manual_ack_total",
    "rabbitmq_global_messages_get_empty_total",
    "rabbitmq_global_messages_received_confirm_total",
    "rabbitmq_global_messages_received_total",
    "rabbitmq_global_messages_redelivered_total",
    "rabbitmq_global_messages_routed_total",
    "rabbitmq_global_messages_unroutable_dropped_total",
    "rabbitmq_global_messages_unroutable_returned_total",
    "rabbitmq_global_publishers",
    "rabbitmq_identity_info",
    "rabbitmq_process_max_fds",
    "rabbitmq_process_max_tcp_sockets",
    "rabbitmq_process_open_fds",
    "rabbitmq_process_open_tcp_sockets",
    "rabbitmq_process_resident_memory_bytes",
    "rabbitmq_queue_messages_ready",
    "rabbitmq_queue_messages_unacked",
    "rabbitmq_queues",
    "rabbitmq_queues_created_total",
    "rabbitmq_queues_declared_total",
    "rabbitmq_queues_deleted_total",
    "rabbitmq_resident_memory_limit_bytes",
    "rabbitmq_channel_get_ack_total",
    "rabbitmq_channel_get_empty_total",
    "rabbitmq_channel_get_total",
    "rabbitmq_channel_messages_acked_total",
    "rabbitmq_channel_messages_confirmed_total",
    "rabbitmq_channel_messages_delivered_ack_total",
    "rabbitmq_channel_messages_delivered_total",
    "rabbitmq_channel_messages_published_total",
    "rabbitmq_channel_messages_redelivered_total",
    "rabbitmq_channel_messages_unacked",
    "rabbitmq_channel_messages_unroutable_dropped_total",
    "rabbitmq_channel_messages_unroutable_returned_total",
    "rabbitmq_channel_messages_unconfirmed",
]
"""What RabbitMQ's dashboard RabbitMQ-Overview asks for, the present one (global counters) and the one before (channels')."""


def names() -> set[str]:
    found = set()
    for metric in (*OURS, *THEIRS):
        found.add(metric.name)
        if metric.kind == HISTOGRAM:
            found |= {f"{metric.name}{end}" for end in ("_bucket", "_sum", "_count")}
    return found


def generator() -> Any:
    path = ROOT / "tools" / "grafana_dashboard" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate_dashboard", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_dashboard_is_the_generated_one() -> None:
    assert DASHBOARD.read_text(encoding="utf-8") == generator().text(), (
        "run tools/grafana_dashboard/generate.py"
    )


def test_grafana_can_read_the_dashboard() -> None:
    """Its JSON model: unique ids, panels within the grid and beside each other, queries with a name and a data source."""
    board = json.loads(DASHBOARD.read_text(encoding="utf-8"))
    assert board["uid"] and board["title"] and board["schemaVersion"] >= 36
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["type"] in ("timeseries", "stat", "heatmap")
        assert panel["title"] and panel["description"] and panel["fieldConfig"]["defaults"]["unit"]
        references = [target["refId"] for target in panel["targets"]]
        assert references and len(set(references)) == len(references)
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert target["expr"].count("(") == target["expr"].count(")")
    variables = {variable["name"] for variable in board["templating"]["list"]}
    used = set(re.findall(r"\$(\w+)", json.dumps(panels))) - {"__rate_interval"}
    assert used <= variables | {"datasource"}


def test_every_protocol_has_a_row() -> None:
    rows = [title for title, _ in generator().ROWS]
    assert {"AMQP", "Kafka", "SQS and SNS"} <= set(rows)


def test_nothing_in_deploy_uses_a_metric_that_is_not_there() -> None:
    # The last one is the Prometheus adapter's, made in hpa-queue-workers.yaml.
    known = names() | {"onemq_queue_records_waiting"}
    for path in DEPLOY.rglob("*"):
        if path.is_file():
            used = set(USED.findall(path.read_text(encoding="utf-8")))
            assert used <= known, f"{path.name}: {sorted(used - known)}"


def test_every_alert_says_how_bad_it_is_and_what_to_do() -> None:
    text = (DEPLOY / "prometheus" / "onemq.rules.yml").read_text(encoding="utf-8")
    alerts = text.split("- alert: ")[1:]
    assert len(alerts) >= 20
    for alert in alerts:
        name = alert.split("\n", 1)[0]
        assert re.search(r"severity: (critical|warning|info)\n", alert), name
        assert "summary: " in alert and "description: " in alert, name


def test_what_rabbitmqs_overview_asks_for_and_is_missing_is_in_the_document() -> None:
    missing = sorted(set(OVERVIEW) - names())
    assert missing == []
    text = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in missing)
