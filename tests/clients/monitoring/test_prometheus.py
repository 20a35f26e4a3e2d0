"""Prometheus itself reads the metrics: every query of the dashboard has data under load, every alert evaluates, on metrics there are."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest

from clients.monitoring.conftest import DEPLOY, WAIT_SECONDS_MAX, Prometheus, find

pytestmark = pytest.mark.timeout(240)

DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "onemq.json").read_text(encoding="utf-8"))
RULES = DEPLOY / "prometheus" / "onemq.rules.yml"
VARIABLES = {"$__rate_interval": "10s", "$instance": ".*", "$vhost": ".*", "$queue": ".*"}
METRIC = re.compile(r"\b(?:onemq|process|python|rabbitmq)_[a-z0-9_]+\b|\bup\b")


def filled(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression, expression
    return expression


def queries() -> list[tuple[str, str]]:
    return [
        (f"{panel['title']}: {target['expr']}", filled(target["expr"]))
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", [])
    ]


def test_every_query_of_the_dashboard_has_data(prometheus: Prometheus) -> None:
    empty = [name for name, expression in queries() if not prometheus.query(expression)]
    # What needs a second scrape of a queue that has just been made gets its time; all that need it wait together.
    for name in empty:
        expression = dict(queries())[name]
        assert prometheus.wait_for(expression), name


def test_the_choices_of_the_dashboard_have_values(prometheus: Prometheus) -> None:
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"])
            assert found is not None
            expression, label = filled(found[1]), found[2]
            assert all(label in each["metric"] for each in prometheus.wait_for(expression))


def test_what_is_shown_is_what_happened(prometheus: Prometheus) -> None:
    for expression in (
        'onemq_records_published_total{protocol="amqp"} > 0',
        'onemq_records_published_total{protocol="kafka"} > 0',
        'onemq_records_published_total{protocol="aws"} > 0',
        'onemq_queue_records_dead_lettered_total{queue="orders"} > 0',
        'onemq_queue_records_redelivered_total{queue="orders"} > 0',
        'onemq_queue_records_acknowledged_total{queue="batches"} > 0',
        'onemq_queue_records_delayed{queue="batches"} > 0',
        'onemq_queue_records_ready{queue="waiting"} > 0',
        'onemq_queue_oldest_record_age_seconds{queue="waiting"} > 0',
        'sum(onemq_group_lag_records{group="readers"}) > 0',
        'onemq_group_members{group="readers"} == 1',
        "onemq_journal_sync_seconds_count > 0",
        "onemq_commit_seconds_count > 0",
        "rabbitmq_queue_messages_ready > 0",
        'rabbitmq_global_messages_confirmed_total{protocol="amqp091"} > 0',
    ):
        assert prometheus.wait_for(expression), expression


def test_every_alert_evaluates_and_on_metrics_that_are_there(prometheus: Prometheus) -> None:
    [group] = prometheus.asks("rules")["groups"]
    assert len(group["rules"]) >= 20
    for rule in group["rules"]:
        assert rule["health"] in ("ok", "unknown"), rule
        prometheus.query(rule["query"])
        for metric in set(METRIC.findall(rule["query"])):
            assert prometheus.wait_for(f'{{__name__="{metric}"}}'), f"{rule['name']}: no {metric}"


def test_the_scrape_is_well_formed_and_the_broker_up(prometheus: Prometheus) -> None:
    [target] = prometheus.asks("targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert prometheus.query('up{job="onemq"}')[0]["value"][1] == "1"


def test_rabbitmqs_identity_joins_as_its_dashboards_join_it(prometheus: Prometheus) -> None:
    joined = (
        "sum(rate(rabbitmq_global_messages_received_total[10s]) "
        "* on(instance, job) group_left(rabbitmq_cluster) rabbitmq_identity_info) by (rabbitmq_cluster)"
    )
    assert prometheus.wait_for(joined)[0]["metric"]["rabbitmq_cluster"].startswith("onemq@")


def _promtool(*arguments: str) -> str:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        [find("promtool"), *arguments],
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS_MAX,
        check=False,
        cwd=RULES.parent,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_accepts_rules_and_configuration() -> None:
    assert "SUCCESS" in _promtool("check", "rules", RULES.name)
    assert "SUCCESS" in _promtool("check", "config", "prometheus.yml")


def test_alerts_fire_when_they_should_and_only_then() -> None:
    assert "SUCCESS" in _promtool("test", "rules", "onemq.rules.test.yml")


def test_every_alert_has_a_case() -> None:
    cases = (DEPLOY / "prometheus" / "onemq.rules.test.yml").read_text(encoding="utf-8")
    names = re.findall(r"alert: (\w+)", RULES.read_text(encoding="utf-8"))
    missing = [name for name in names if name not in cases]
    assert not missing


def test_the_metrics_pass_promtools_check(prometheus: Prometheus) -> None:
    """Not the broker's conventions but Prometheus' own: names, help, types."""
    import urllib.request

    target: Any = prometheus.asks("targets")["activeTargets"][0]["scrapeUrl"]
    with urllib.request.urlopen(target, timeout=WAIT_SECONDS_MAX) as answer:
        text = answer.read()
    done = subprocess.run(
        [find("promtool"), "check", "metrics"],
        input=text,
        capture_output=True,
        timeout=WAIT_SECONDS_MAX,
        check=False,
    )
    said = done.stderr.decode() + done.stdout.decode()
    # 3: only hints about names; RabbitMQ's are RabbitMQ's.
    assert done.returncode in (0, 3), said
    assert not [line for line in said.splitlines() if line.startswith("onemq_")], said
