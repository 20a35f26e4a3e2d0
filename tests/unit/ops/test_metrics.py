"""Metrics: names, types, labels and values, bounds on labels, parts of a scrape. prometheus_client's parser is the independent reader.

docs/metrics.md has a row for every metric, and deploy/ uses only what is there.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from onemq.heads.management.pages import Page, PageRequest
from onemq.model.histogram import BOUNDS_US
from onemq.model.record import Record
from onemq.ops.metrics import detailed, scrape
from onemq.ops.metrics.families import BY_QUEUE, OURS
from onemq.ops.metrics.metric import COUNTER, GAUGE, HISTOGRAM, Exposition, Metric
from onemq.ops.metrics.objects import SLICE
from onemq.ops.metrics.process import ProcessNumbers
from onemq.ops.metrics.rabbitmq import THEIRS
from onemq.ops.metrics.rabbitmq_queues import DELIVERY, SIZES
from unit.ops.metrics_stage import Samples, Stage, samples_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "metrics.md"
ALL = {metric.name: metric for metric in (*OURS, *THEIRS)}


def one(samples: Samples, name: str, **labels: str) -> float:
    return samples[name][tuple(labels.items())]


# The text.


def test_labels_help_and_values_survive_whatever_is_in_them() -> None:
    out = Exposition()
    metric = Metric("a_total", COUNTER, "What it is.", ("x", "y"))
    awkward = 'back\\slash "quoted"\nnew line é {}'
    out.add(metric, 3, awkward, "")
    out.add(metric, 2.5, "b", "c")
    out.add(Metric("unused", GAUGE, "Not shown."), 1)
    text = b"".join(out.pieces()).decode("utf-8")
    samples = samples_of(text)
    assert samples["a_total"] == {(("x", awkward), ("y", "")): 3.0, (("x", "b"), ("y", "c")): 2.5}
    assert text.startswith("# HELP a_total What it is.\n# TYPE a_total counter\n")


def test_large_numbers_are_exact() -> None:
    out = Exposition()
    out.add(Metric("n_total", COUNTER, "n"), 2**62 + 1)
    assert f" {2**62 + 1}\n" in b"".join(out.pieces()).decode()


def test_labels_must_fit() -> None:
    with pytest.raises(AssertionError):
        Metric("a", GAUGE, "a", ("x",)).label_text()


# What there is.


def test_every_metric_is_there_and_is_what_it_is_said_to_be() -> None:
    stage = Stage()
    stage.make_traffic()
    found: dict[str, set[str]] = {}
    for path in ("/metrics", "/metrics/per-object"):
        for family in text_string_to_metric_families(stage.text(path)):
            name = f"{family.name}_total" if family.type == "counter" else family.name
            metric = ALL[name]
            assert (family.type, family.documentation) == (metric.kind, metric.help), name
            for sample in family.samples:
                labels = {label for label in sample.labels if label != "le"}
                # RabbitMQ's of queues and connections have no labels where they are aggregated.
                assert labels == set(metric.labels) or (not labels and name.startswith("rabbitmq_")), name
            found.setdefault(name, set()).add(path)
    assert set(found) == set(ALL)
    only_there = {metric.name for metric, _ in DELIVERY}
    assert {name for name, paths in found.items() if paths == {"/metrics/per-object"}} == only_there


def test_a_broker_that_keeps_all_in_memory_has_no_disk() -> None:
    stage = Stage()
    stage.store = None
    stage.scraper = type(stage.scraper)(stage.sources(), 10, stage.steps.append)
    samples = stage.samples()
    assert "onemq_journal_bytes" not in samples
    assert one(samples, "rabbitmq_io_sync_ops_total") == 0


def test_no_two_metrics_have_one_name() -> None:
    assert len(ALL) == len(OURS) + len(THEIRS)
    for metric in ALL.values():
        assert (metric.kind == COUNTER) == metric.name.endswith("_total"), metric.name
        assert metric.kind in (COUNTER, GAUGE, HISTOGRAM)
        assert "\n" not in metric.help


# Values.


def test_counters_and_gauges_of_queues_by_both_names() -> None:
    stage = Stage()
    stage.make_traffic()
    stage.driver.pass_time(2_000)
    ours = stage.samples()
    q0 = {"vhost": "/", "queue": "q0"}
    assert one(ours, "onemq_queue_records_ready", **q0) == 1
    assert one(ours, "onemq_queue_records_in_flight", **q0) == 2
    assert one(ours, "onemq_queue_records_published_total", **q0) == 3
    assert one(ours, "onemq_queue_records_delivered_total", **q0) == 2
    assert one(ours, "onemq_queue_oldest_record_age_seconds", **q0) == 2.0
    assert one(ours, "onemq_queue_records_dropped_total", vhost="/", queue="mortal") == 2
    theirs = stage.samples("/metrics/per-object")
    by_vhost = {"vhost": "/", "queue": "q0"}
    assert one(theirs, "rabbitmq_queue_messages_ready", **by_vhost) == 1
    assert one(theirs, "rabbitmq_queue_messages_unacked", **by_vhost) == 2
    assert one(theirs, "rabbitmq_queue_get_ack_total", **by_vhost) == 1
    total = sum(ours["onemq_queue_records_ready"].values())
    assert one(ours, "rabbitmq_queue_messages_ready") == total
    assert one(ours, "rabbitmq_queue_messages") == total + 2


def test_totals_by_protocol() -> None:
    stage = Stage()
    stage.make_traffic()
    samples = stage.samples()
    published = one(samples, "onemq_records_published_total", protocol="amqp")
    assert published == 3 + 3 + 2
    assert one(samples, "onemq_records_published_total", protocol="kafka") == 0
    assert one(samples, "rabbitmq_global_messages_received_total", protocol="amqp091") == published
    assert one(samples, "onemq_records_delivered_total", protocol="amqp", settle="later") == 2
    classic = {"protocol": "amqp091", "queue_type": "rabbit_classic_queue"}
    assert one(samples, "rabbitmq_global_messages_delivered_total", **classic) == 2
    assert one(samples, "onemq_records_dropped_total", reason="maxlen") == 2
    dropped = {"queue_type": "rabbit_classic_queue", "dead_letter_strategy": "disabled"}
    assert one(samples, "rabbitmq_global_messages_dead_lettered_maxlen_total", **dropped) == 2
    assert one(samples, "rabbitmq_global_publishers", protocol="amqp091") == 2
    assert one(samples, "onemq_exchange_records_published_total", vhost="/", exchange="events") == 3


def test_what_waits_for_its_confirm() -> None:
    stage = Stage()
    assert one(stage.samples(), "rabbitmq_channel_messages_unconfirmed") == 0
    broker = stage.driver.broker
    position = broker.durable_position + 1
    broker.core.totals.protocol("amqp091").confirms_wait(position, 5, position - 1)
    assert one(stage.samples(), "rabbitmq_channel_messages_unconfirmed") == 5


def test_publishers_are_those_that_are_there() -> None:
    stage = Stage()
    driver = stage.driver
    access = driver.new_access()
    access.protocol = driver.broker.core.totals.protocol("amqp091")
    route = access.route("", "q0")
    access.publish(route, Record(b"x", route.address))
    assert one(stage.samples(), "rabbitmq_global_publishers", protocol="amqp091") == 1
    access.close()
    assert one(stage.samples(), "rabbitmq_global_publishers", protocol="amqp091") == 0


def test_connections_of_operators_are_not_among_rabbitmqs() -> None:
    samples = Stage().samples()
    assert one(samples, "onemq_connections", protocol="http") == 9
    assert one(samples, "rabbitmq_connections") == 2
    assert one(samples, "rabbitmq_connections_opened_total") == 3


def test_groups_and_their_lag() -> None:
    stage = Stage()
    stage.make_traffic()
    samples = stage.samples()
    lags = samples["onemq_group_lag_records"]
    assert sum(value for labels, value in lags.items() if dict(labels)["group"] == "readers") == 2
    assert one(samples, "onemq_group_members", vhost="/", group="sharing", kind="share") == 1
    ends = samples["onemq_partition_end_offset"]
    assert sum(ends.values()) == 2


def test_histograms_add_up_to_the_last_bucket() -> None:
    samples = Stage().samples()
    buckets = samples["onemq_journal_sync_seconds_bucket"]
    assert len(buckets) == len(BOUNDS_US) + 1
    assert buckets[(("le", "0.0005"),)] == 0
    assert buckets[(("le", "0.001"),)] == buckets[(("le", "+Inf"),)] == 5
    assert one(samples, "onemq_journal_sync_seconds_count") == 5
    assert one(samples, "onemq_journal_sync_seconds_sum") == pytest.approx(0.0035)


def test_the_process_is_this_one() -> None:
    process = ProcessNumbers()
    assert process.resident_bytes > 1 << 20 and process.open_files > 0
    assert process.files_max >= process.open_files >= process.open_sockets >= 0
    assert process.threads >= 1 and process.cpu_seconds >= 0


# Bounds.


@pytest.mark.parametrize("bound", [0, 3])
def test_what_is_over_the_bound_is_summed(bound: int) -> None:
    stage = Stage(bound, queues=10)
    for number in range(10):
        for _ in range(number):
            stage.driver.publish(f"q{number}", b"x")
        stage.driver.pass_time(1_000)
    samples = stage.samples()
    ready = samples["onemq_queue_records_ready"]
    assert len(ready) == bound + 1
    assert sum(ready.values()) == 45
    assert one(samples, "onemq_queue_records_ready", vhost="other", queue="other") == 45 - sum(range(bound))
    assert one(samples, "onemq_metrics_folded", object="queue") == 10 - bound
    assert one(samples, "rabbitmq_queue_messages_ready") == 45
    oldest = one(samples, "onemq_queue_oldest_record_age_seconds", vhost="other", queue="other")
    assert oldest == 9.0 - (bound - 1 if bound else 0), "of ages the greatest counts"


def test_partitions_groups_and_exchanges_are_bounded_too() -> None:
    stage = Stage(1)
    stage.make_traffic()
    samples = stage.samples()
    for name in (
        "onemq_partition_records",
        "onemq_group_lag_records",
        "onemq_group_members",
        "onemq_exchange_records_published_total",
    ):
        assert len(samples[name]) == 2, name
        assert any("other" in dict(labels).values() for labels in samples[name]), name
    assert len(stage.samples("/metrics/per-object")["rabbitmq_connection_incoming_bytes_total"]) == 1


def test_sums_of_counters_do_not_fall_when_an_object_goes() -> None:
    stage = Stage(1, queues=4)
    for number in range(4):
        for _ in range(10):
            stage.driver.publish(f"q{number}", b"x")
    stage.driver.settle_down()
    other = {"vhost": "other", "queue": "other"}
    name = "onemq_queue_records_published_total"
    assert one(stage.samples(), name, **other) == 30
    stage.driver.access.queues.delete("q0")
    samples = stage.samples()
    assert one(samples, name, **other) == 30, "q1 is shown now, and not taken off"
    assert one(samples, name, vhost="/", queue="q1") == 10
    assert one(samples, "rabbitmq_queue_messages_published_total") == 40
    assert one(samples, "onemq_queue_records_ready", **other) == 20, "what there is is what there is"
    for _ in range(5):
        stage.driver.publish("q3", b"x")
    samples = stage.samples()
    assert one(samples, name, **other) == 35
    assert one(samples, "rabbitmq_queue_messages_published_total") == 45


# Parts.


def test_a_scrape_of_many_queues_is_cut_into_parts_and_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scrape, "PART_SECONDS", 0.0)
    stage = Stage(5_000, queues=3_000)
    first, second = stage.ask(), stage.ask()
    told: list[int] = []
    first.tell(lambda: told.append(1))
    second.forget()
    between = 0
    while stage.steps:
        step = stage.steps.pop(0)
        step()
        between += 1
    assert between > 3_000 // SLICE
    page = first.page
    assert page is not None and second.page is page
    assert told == [1]
    assert len(samples_of(page.body.decode())["onemq_queue_records_ready"]) == 3_000
    assert one(stage.samples(), "onemq_scrape_seconds") >= 0


def test_queues_may_go_while_they_are_counted() -> None:
    stage = Stage(5_000, queues=1_000)
    later = stage.ask()
    stage.steps.pop(0)()
    for number in range(1_000):
        stage.driver.access.queues.delete(f"q{number}")
    stage.run()
    assert isinstance(later.page, Page) and later.page.status == 200
    assert "onemq_queue_records_ready" not in stage.samples()


def test_a_bug_is_an_answer_too() -> None:
    stage = Stage()
    stage.traffic["kafka"] = None  # type: ignore[assignment]
    later = stage.ask()
    with pytest.raises(AttributeError):
        stage.run()
    assert isinstance(later.page, Page) and later.page.status == 500
    stage.traffic.pop("kafka")
    assert stage.samples()


def test_other_paths_are_not_answered() -> None:
    assert Stage().scraper.page(PageRequest("/metrics/else")) is None


# RabbitMQ's detailed endpoint.


def test_detailed_gives_what_is_asked_for_and_nothing_else() -> None:
    stage = Stage()
    stage.make_traffic()
    assert stage.text("/metrics/detailed") == ""
    assert stage.text("/metrics/detailed", "family=no_such_metrics") == ""
    samples = stage.samples("/metrics/detailed", "family=queue_coarse_metrics")
    assert set(samples) == {
        "rabbitmq_detailed_queue_messages_ready",
        "rabbitmq_detailed_queue_messages_unacked",
        "rabbitmq_detailed_queue_messages",
    }
    assert one(samples, "rabbitmq_detailed_queue_messages", vhost="/", queue="q0") == 3
    assert stage.text("/metrics/detailed", "family=queue_coarse_metrics&vhost=elsewhere") == ""
    both = stage.samples("/metrics/detailed", "vhost=%2F&family=queue_consumer_count&family=queue_metrics")
    assert "rabbitmq_detailed_queue_consumers" in both
    assert len(both) == len(SIZES) + 1


@pytest.mark.parametrize(
    "family",
    [
        *detailed.QUEUE_FAMILIES,
        "connection_churn_metrics",
        "connection_coarse_metrics",
        "node_coarse_metrics",
        "vhost_status",
        "exchange_names",
        "exchange_bindings",
    ],
)
def test_every_family_of_detailed_is_described(family: str) -> None:
    stage = Stage()
    stage.make_traffic()
    samples = stage.samples("/metrics/detailed", f"family={family}")
    assert samples
    text = DOCUMENT.read_text(encoding="utf-8")
    assert f"`{family}`" in text
    if family == "exchange_bindings":
        bound = {"vhost": "/", "exchange": "events", "type": "fanout"}
        assert one(samples, "rabbitmq_cluster_exchange_bindings", **bound) == 1


# docs/metrics.md.


def test_the_document_has_every_metric_as_it_is() -> None:
    rows = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 4 and cells[0].startswith("`"):
            rows[cells[0].strip("`")] = cells[1:]
    for name, metric in ALL.items():
        labels = ", ".join(metric.labels)
        assert rows.get(name) == [metric.kind, labels, metric.help], name
    assert set(rows) == set(ALL), "the document has metrics that are not there"


def test_queues_have_the_same_labels_in_all_families() -> None:
    assert {metric.labels for metric, _ in BY_QUEUE} == {("vhost", "queue")}
