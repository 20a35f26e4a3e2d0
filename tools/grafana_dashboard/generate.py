"""Writes deploy/grafana/dashboards/onemq.json: the dashboard as a table of rows and panels here, as Grafana's JSON there.

Run it after a change and commit both; a test holds them equal, and has Prometheus answer every query.
Source: Grafana's documentation, "Dashboard JSON model".
"""

import json
from pathlib import Path
from typing import Any, Final

TARGET: Final = Path(__file__).resolve().parents[2] / "deploy" / "grafana" / "dashboards" / "onemq.json"
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
WIDTH: Final = 24
HEIGHT: Final = 8

SERIES, NUMBER, HEAT = "timeseries", "stat", "heatmap"
Panel = tuple[str, str, str, str, list[tuple[str, str]]]
"""Title, what it tells, kind, unit, queries with their legends."""

HERE = 'instance=~"$instance"'
QUEUE = 'instance=~"$instance", vhost=~"$vhost", queue=~"$queue"'
TOPIC = 'instance=~"$instance", vhost=~"$vhost"'
RATE = "$__rate_interval"
TOP = 10


def rate(metric: str, labels: str = HERE) -> str:
    return f"rate({metric}{{{labels}}}[{RATE}])"


def by(labels: str, inner: str) -> str:
    return f"sum by ({labels}) ({inner})"


def top(inner: str) -> str:
    return f"topk({TOP}, {inner})"


def quantiles(metric: str) -> list[tuple[str, str]]:
    buckets = by("le", rate(f"{metric}_bucket"))
    return [(f"histogram_quantile({q}, {buckets})", f"p{round(q * 100)}") for q in (0.5, 0.95, 0.99)]


def of_protocol(protocol: str) -> list[Panel]:
    labels = f'{HERE}, protocol="{protocol}"'
    return [
        (
            "Records in and out",
            "Published, delivered, acknowledged, each second.",
            SERIES,
            "short",
            [
                (by("protocol", rate("onemq_records_published_total", labels)), "published"),
                (
                    by("settle", rate("onemq_records_delivered_total", labels)),
                    "delivered, settled {{settle}}",
                ),
                (by("protocol", rate("onemq_records_acknowledged_total", labels)), "acknowledged"),
            ],
        ),
        (
            "Trouble",
            "Records that were delivered again, given back, refused, or went nowhere; receives that found nothing.",
            SERIES,
            "short",
            [
                (by("protocol", rate("onemq_records_redelivered_total", labels)), "redelivered"),
                (by("protocol", rate("onemq_records_requeued_total", labels)), "given back"),
                (by("protocol", rate("onemq_records_refused_total", labels)), "refused"),
                (by("protocol", rate("onemq_records_unroutable_total", labels)), "unroutable"),
                (by("protocol", rate("onemq_empty_receives_total", labels)), "empty receives"),
            ],
        ),
        (
            "Bytes and connections",
            "What went over the wire; connections are on the right.",
            SERIES,
            "Bps",
            [
                (by("protocol", rate("onemq_received_bytes_total", labels)), "received"),
                (by("protocol", rate("onemq_sent_bytes_total", labels)), "sent"),
                (by("protocol", f"onemq_connections{{{labels}}}"), "connections"),
            ],
        ),
    ]


ROWS: Final[list[tuple[str, list[Panel]]]] = [
    (
        "Overview",
        [
            (
                "Ready",
                "Records that wait, in all queues.",
                NUMBER,
                "short",
                [(f"sum(onemq_queue_records_ready{{{QUEUE}}})", "")],
            ),
            (
                "In flight",
                "Records at consumers, or received and not deleted.",
                NUMBER,
                "short",
                [(f"sum(onemq_queue_records_in_flight{{{QUEUE}}})", "")],
            ),
            (
                "Oldest record",
                "Age of the oldest record that waits in any queue.",
                NUMBER,
                "s",
                [(f"max(onemq_queue_oldest_record_age_seconds{{{QUEUE}}})", "")],
            ),
            (
                "Published",
                "Records each second, all protocols.",
                NUMBER,
                "short",
                [(f"sum({rate('onemq_records_published_total')})", "")],
            ),
            (
                "Delivered",
                "Records each second, all protocols.",
                NUMBER,
                "short",
                [(f"sum({rate('onemq_records_delivered_total')})", "")],
            ),
            (
                "Alarm",
                "1 while publishers are blocked, for want of memory or disk space.",
                NUMBER,
                "none",
                [(f"max(onemq_alarm{{{HERE}}})", "")],
            ),
            (
                "Published by protocol",
                "Records each second.",
                SERIES,
                "short",
                [(by("protocol", rate("onemq_records_published_total")), "{{protocol}}")],
            ),
            (
                "Delivered by protocol",
                "Records each second.",
                SERIES,
                "short",
                [(by("protocol", rate("onemq_records_delivered_total")), "{{protocol}}")],
            ),
            (
                "Dead letters and drops",
                "Records that died, by reason.",
                SERIES,
                "short",
                [
                    (by("reason", rate("onemq_records_dead_lettered_total")), "dead-lettered, {{reason}}"),
                    (by("reason", rate("onemq_records_dropped_total")), "dropped, {{reason}}"),
                ],
            ),
        ],
    ),
    (
        "Queues",
        [
            (
                "Depth",
                "Records that wait: the deepest queues.",
                SERIES,
                "short",
                [(top(f"onemq_queue_records_ready{{{QUEUE}}}"), "{{vhost}} {{queue}}")],
            ),
            (
                "In flight",
                "Records at consumers: the queues with most.",
                SERIES,
                "short",
                [(top(f"onemq_queue_records_in_flight{{{QUEUE}}}"), "{{vhost}} {{queue}}")],
            ),
            (
                "Oldest record",
                "Age of the oldest record that waits.",
                SERIES,
                "s",
                [(top(f"onemq_queue_oldest_record_age_seconds{{{QUEUE}}}"), "{{vhost}} {{queue}}")],
            ),
            (
                "Delayed",
                "Records that are not due yet.",
                SERIES,
                "short",
                [(top(f"onemq_queue_records_delayed{{{QUEUE}}}"), "{{vhost}} {{queue}}")],
            ),
            (
                "Published",
                "Records that came in each second.",
                SERIES,
                "short",
                [(top(rate("onemq_queue_records_published_total", QUEUE)), "{{vhost}} {{queue}}")],
            ),
            (
                "Acknowledged",
                "Records settled each second.",
                SERIES,
                "short",
                [(top(rate("onemq_queue_records_acknowledged_total", QUEUE)), "{{vhost}} {{queue}}")],
            ),
            (
                "Redelivered and given back",
                "Consumers that fail.",
                SERIES,
                "short",
                [
                    (top(rate("onemq_queue_records_redelivered_total", QUEUE)), "redelivered {{queue}}"),
                    (top(rate("onemq_queue_records_requeued_total", QUEUE)), "given back {{queue}}"),
                ],
            ),
            (
                "Dead letters",
                "Records that died, dead-lettered or dropped.",
                SERIES,
                "short",
                [
                    (top(rate("onemq_queue_records_dead_lettered_total", QUEUE)), "dead-lettered {{queue}}"),
                    (top(rate("onemq_queue_records_dropped_total", QUEUE)), "dropped {{queue}}"),
                ],
            ),
            (
                "Who takes from them",
                "Consumers, and receives that wait.",
                SERIES,
                "short",
                [
                    (top(f"onemq_queue_consumers{{{QUEUE}}}"), "consumers {{queue}}"),
                    (top(f"onemq_queue_waiting_receives{{{QUEUE}}}"), "waiting {{queue}}"),
                ],
            ),
        ],
    ),
    ("AMQP", of_protocol("amqp")),
    ("Kafka", of_protocol("kafka")),
    ("SQS and SNS", of_protocol("aws")),
    (
        "Topics and groups",
        [
            (
                "Lag",
                "Records that a group has not done with, over all partitions of a topic.",
                SERIES,
                "short",
                [(top(by("group, topic", f"onemq_group_lag_records{{{TOPIC}}}")), "{{group}} on {{topic}}")],
            ),
            (
                "Members",
                "Of consumer groups.",
                SERIES,
                "short",
                [(top(by("group", f"onemq_group_members{{{TOPIC}}}")), "{{group}}")],
            ),
            (
                "Published by topic",
                "Records each second.",
                SERIES,
                "short",
                [(top(by("topic", rate("onemq_partition_records_published_total", TOPIC))), "{{topic}}")],
            ),
            (
                "Fetched by topic",
                "Records each second.",
                SERIES,
                "short",
                [(top(by("topic", rate("onemq_partition_records_delivered_total", TOPIC))), "{{topic}}")],
            ),
            (
                "Size of topics",
                "Bytes of their batches.",
                SERIES,
                "bytes",
                [(top(by("topic", f"onemq_partition_bytes{{{TOPIC}}}")), "{{topic}}")],
            ),
            (
                "Exchanges",
                "Records published to each exchange, and what went nowhere.",
                SERIES,
                "short",
                [
                    (
                        top(by("exchange", rate("onemq_exchange_records_published_total", TOPIC))),
                        "{{exchange}}",
                    ),
                    (
                        top(by("exchange", rate("onemq_exchange_records_unroutable_total", TOPIC))),
                        "unroutable {{exchange}}",
                    ),
                ],
            ),
        ],
    ),
    (
        "Disk",
        [
            (
                "Commit",
                "From a turn's end until what happened in it was safe on disk.",
                SERIES,
                "s",
                quantiles("onemq_commit_seconds"),
            ),
            (
                "Sync",
                "How long the journal's fsync takes.",
                SERIES,
                "s",
                quantiles("onemq_journal_sync_seconds"),
            ),
            (
                "Commits and writes",
                "How well group commit works: commits share writes.",
                SERIES,
                "short",
                [
                    (f"sum({rate('onemq_commits_total')})", "commits"),
                    (f"sum({rate('onemq_journal_writes_total')})", "writes"),
                    (f"sum({rate('onemq_journal_sync_seconds_count')})", "syncs"),
                ],
            ),
            (
                "Bytes written and read",
                "Journal, segments, and what readers had to have loaded.",
                SERIES,
                "Bps",
                [
                    (f"sum({rate('onemq_commit_bytes_total')})", "journal"),
                    (f"sum({rate('onemq_spilled_bytes_total')})", "segments"),
                    (f"sum({rate('onemq_loaded_bytes_total')})", "loaded"),
                ],
            ),
            (
                "Size on disk",
                "Journal and segments, and the space that is left.",
                SERIES,
                "bytes",
                [
                    (f"sum(onemq_journal_bytes{{{HERE}}})", "journal"),
                    (f"sum(onemq_segment_bytes{{{HERE}}})", "segments"),
                    (f"min(onemq_disk_free_bytes{{{HERE}}})", "free"),
                ],
            ),
            (
                "Checkpoints",
                "How long they take to save.",
                SERIES,
                "s",
                [
                    (
                        f"sum({rate('onemq_checkpoint_seconds_sum')}) / clamp_min(sum({rate('onemq_checkpoint_seconds_count')}), 1e-9)",
                        "mean",
                    )
                ],
            ),
        ],
    ),
    (
        "Memory and throttling",
        [
            (
                "Memory",
                "Of the process, and of the records in memory with what raises the alarm.",
                SERIES,
                "bytes",
                [
                    (f"sum(process_resident_memory_bytes{{{HERE}}})", "process"),
                    (f"sum(onemq_records_memory_bytes{{{HERE}}})", "records"),
                    (f"sum(onemq_records_memory_alarm_bytes{{{HERE}}})", "alarm"),
                ],
            ),
            (
                "Publishers held up",
                "Share of the time that publishers were blocked by an alarm, or not read from because the disk was slower.",
                SERIES,
                "percentunit",
                [
                    (f"sum({rate('onemq_alarm_seconds_total')})", "alarm"),
                    (f"sum({rate('onemq_slowdown_seconds_total')})", "slowed down"),
                ],
            ),
            (
                "Publishers held up now",
                "Connections.",
                SERIES,
                "short",
                [(f"sum(onemq_throttled_publishers{{{HERE}}})", "publishers")],
            ),
        ],
    ),
    (
        "Process",
        [
            (
                "Turns",
                "How long the engine's turns take: nobody is served meanwhile.",
                SERIES,
                "s",
                quantiles("onemq_turn_seconds"),
            ),
            (
                "Busy",
                "Processor time, and the share of the time in turns of the engine.",
                SERIES,
                "percentunit",
                [
                    (f"sum({rate('process_cpu_seconds_total')})", "processor"),
                    (f"sum({rate('onemq_turn_seconds_sum')})", "turns"),
                ],
            ),
            (
                "Connections and files",
                "By listener; open files with their limit.",
                SERIES,
                "short",
                [
                    (by("protocol", f"onemq_connections{{{HERE}}}"), "{{protocol}}"),
                    (f"sum(process_open_fds{{{HERE}}})", "open files"),
                ],
            ),
        ],
    ),
]


def dashboard() -> dict[str, Any]:
    """As Grafana imports it."""
    panels: list[dict[str, Any]] = []
    top_of = 0
    for title, contents in ROWS:
        panels.append(_row(title, len(panels) + 1, top_of))
        top_of += 1
        left = 0
        for panel in contents:
            width, height = (4, 4) if panel[2] == NUMBER else (8, HEIGHT)
            if left + width > WIDTH:
                left = 0
                top_of += panels[-1]["gridPos"]["h"]
            panels.append(_panel(panel, len(panels) + 1, {"x": left, "y": top_of, "w": width, "h": height}))
            left += width
        top_of += panels[-1]["gridPos"]["h"]
    return {
        "uid": "onemq",
        "title": "onemq",
        "description": "onemq: all protocols, queues, groups, disk, memory. Generated by tools/grafana_dashboard/generate.py.",
        "tags": ["onemq"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "templating": {"list": _variables()},
        "panels": panels,
    }


def _row(title: str, number: int, top_of: int) -> dict[str, Any]:
    return {
        "id": number,
        "type": "row",
        "title": title,
        "collapsed": False,
        "gridPos": {"x": 0, "y": top_of, "w": WIDTH, "h": 1},
        "panels": [],
    }


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    title, text, kind, unit, queries = panel
    targets = [
        {
            "refId": chr(ord("A") + index),
            "datasource": SOURCE,
            "expr": expression,
            "legendFormat": legend or "__auto",
            "editorMode": "code",
            "range": True,
        }
        for index, (expression, legend) in enumerate(queries)
    ]
    overrides = []
    if any(legend == "connections" for _, legend in queries) and unit != "short":
        overrides.append(
            {
                "matcher": {"id": "byName", "options": "connections"},
                "properties": [
                    {"id": "unit", "value": "short"},
                    {"id": "custom.axisPlacement", "value": "right"},
                ],
            }
        )
    return {
        "id": number,
        "type": kind,
        "title": title,
        "description": text,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": overrides},
        "options": _options(kind),
        "targets": targets,
    }


def _options(kind: str) -> dict[str, Any]:
    if kind == NUMBER:
        return {
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "value",
            "graphMode": "area",
            "textMode": "auto",
        }
    return {
        "legend": {"displayMode": "table", "placement": "bottom", "calcs": ["lastNotNull", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }


def _variables() -> list[dict[str, Any]]:
    source = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    return [
        source,
        _variable("instance", "Broker", "label_values(onemq_build_info, instance)"),
        _variable(
            "vhost", "Namespace", f"label_values(onemq_exchange_records_published_total{{{HERE}}}, vhost)"
        ),
        _variable(
            "queue", "Queue", f'label_values(onemq_queue_records_ready{{{HERE}, vhost=~"$vhost"}}, queue)'
        ),
    ]


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
        "sort": 1,
    }


def text() -> str:
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
