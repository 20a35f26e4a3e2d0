"""What is counted where, seen through the broker."""

from engine_driver import Driver, RecordingSink
from onemq.engine.counters import FIELDS, Counters, Totals
from onemq.engine.receiving import Receive, Received, ReceiveWaiter
from onemq.engine.topics.fetching import Fetched, FetchWaiter
from onemq.model.entities import REJECT_PUBLISH, ExchangeSettings, QueueSettings
from onemq.model.principal import Principal
from onemq.model.record import Record
from onemq.model.record_batch import placed_batch
from onemq.model.record_codec import encode_batch
from onemq.model.rights import all_rights


def not_zero(counters: Counters) -> dict[str, int]:
    return {name: value for name, value in counters.values().items() if value}


def driver_of(protocol: str) -> Driver:
    driver = Driver()
    driver.access = driver.broker.access(Principal("user", []), "/", all_rights(), protocol)
    return driver


class Waiter(ReceiveWaiter):
    def __init__(self) -> None:
        self.found: list[Received] | None = None

    def received(self, found: list[Received]) -> None:
        self.found = found


class Fetching(FetchWaiter):
    def __init__(self) -> None:
        self.results: list[Fetched] = []

    def fetched(self, results: list[Fetched]) -> None:
        self.results = results


def test_every_field_is_added_copied_and_shown() -> None:
    one, two = Counters(), Counters()
    for number, name in enumerate(FIELDS):
        setattr(one, name, number + 1)
        setattr(two, name, 1000)
    one.add(two)
    assert list(one.copy().values()) == list(FIELDS)
    assert list(one.values().values()) == [1001 + number for number in range(len(FIELDS))]


def test_totals_add_up_by_protocol_and_type() -> None:
    totals = Totals()
    totals.protocol("kafka").stream.published = 3
    totals.protocol("kafka").of("classic").published = 4
    totals.protocol("aws").of("quorum").published = 5
    totals.engine.of("stream").dead_expired = 1
    assert totals.protocol("kafka").all().published == 7
    assert totals.all().published == 12
    assert totals.all().dead_lettered() == 1


def test_publish_deliver_acknowledge_of_a_channel() -> None:
    driver = driver_of("amqp091")
    access = driver.access
    driver.declare("q")
    route = access.route("", "q")
    publisher, sink = RecordingSink(), RecordingSink()
    access.open_sink(publisher)
    for value in (b"one", b"three"):
        access.publish(route, Record(value, route.address), through=publisher)
    driver.consume("q", sink)
    driver.settle_down()
    access.accept_many(sink.held[:1])
    last = sink.held[1]
    access.release(last, True)
    driver.settle_down()
    assert not_zero(publisher.counters) == {"published": 2, "published_bytes": 8, "routed": 2}
    assert not_zero(sink.counters) == {
        "delivered": 3,
        "delivered_bytes": 13,
        "redelivered": 1,
        "acknowledged": 1,
        "requeued": 1,
    }
    assert not_zero(driver.queue("q").counters) == {
        "published": 2,
        "published_bytes": 8,
        "delivered": 3,
        "delivered_bytes": 13,
        "redelivered": 1,
        "acknowledged": 1,
        "requeued": 1,
    }
    assert not_zero(driver.broker.catalog.namespaces["/"].counters) == {
        "published": 2,
        "published_bytes": 8,
        "routed": 2,
    }
    protocol = driver.broker.core.totals.protocol("amqp091")
    assert not_zero(protocol.general) == {"published": 2, "published_bytes": 8, "routed": 2}
    assert protocol.classic.delivered == 3
    assert not_zero(access.all_counters())["acknowledged"] == 1
    assert (protocol.sinks_opened, protocol.sinks_closed, protocol.accesses) == (2, 0, 1)
    access.close_sink(sink)
    access.close_sink(publisher)
    assert access.all_counters().published == 2, "what closed channels did stays counted"
    assert access.all_counters().requeued == 2
    access.close()
    assert (protocol.sinks_closed, protocol.accesses) == (2, 0)
    assert protocol.all().published == 2


def test_gets_and_consumers_that_need_not_acknowledge() -> None:
    driver = driver_of("amqp091")
    driver.declare("q", QueueSettings())
    sink = RecordingSink()
    for value in (b"a", b"b", b"c"):
        driver.publish("q", value)
    driver.settle_down()
    driver.get("q", sink)
    driver.get("q", sink, no_ack=True)
    driver.consume("q", sink, no_ack=True)
    driver.settle_down()
    counted = not_zero(driver.queue("q").counters)
    assert (counted["got"], counted["got_no_ack"], counted["delivered_no_ack"]) == (1, 1, 1)
    assert not_zero(sink.counters)["delivered_bytes"] == 3
    driver.get("q", sink)
    assert driver.queue("q").counters.get_empty == 1
    assert sink.counters.get_empty == 1


def test_what_goes_nowhere_and_what_is_refused() -> None:
    driver = driver_of("amqp091")
    access = driver.access
    access.exchanges.declare("x", ExchangeSettings("fanout"))
    limited = QueueSettings()
    limited.length_max = 1
    limited.overflow = REJECT_PUBLISH
    route = access.route("x", "")
    access.publish(route, Record(b"lost", route.address))
    driver.declare("q", limited)
    driver.declare("other")
    for queue in ("q", "other"):
        access.exchanges.bind_queue(queue, "x", "", {})
    for _ in range(2):
        access.publish(route, Record(b"z", route.address))
    exchange = driver.broker.catalog.namespaces["/"].exchanges["x"]
    assert not_zero(exchange.counters) == {
        "published": 3,
        "published_bytes": 6,
        "routed": 4,
        "unroutable": 1,
        "refused": 1,
    }
    assert driver.queue("q").counters.refused == 1
    assert not_zero(access.counters) == not_zero(exchange.counters)


def test_deaths_by_reason_and_where_they_went() -> None:
    driver = Driver()
    driver.declare("grave")
    mortal = QueueSettings()
    mortal.message_ttl_ms = 1000
    mortal.length_max = 2
    mortal.dead_letter_exchange = ""
    mortal.dead_letter_routing_key = "grave"
    driver.declare("q", mortal)
    plain = QueueSettings()
    plain.delivery_limit = 0
    driver.declare("dropping", plain)
    for _ in range(3):
        driver.publish("q", b"x")
    driver.settle_down()
    sink = RecordingSink()
    driver.get("q", sink)
    given = sink.held
    result = driver.get("q", sink).result
    assert result is not None and result.delivery is not None and not given
    driver.access.reject(result.delivery)
    driver.publish("q", b"y")
    driver.pass_time(2000)
    driver.publish("dropping", b"x")
    driver.settle_down()
    taken = driver.get("dropping", sink).result
    assert taken is not None and taken.delivery is not None
    driver.access.release(taken.delivery, True)
    counted = driver.queue("q").counters
    assert (counted.dead_maxlen, counted.dead_rejected, counted.dead_expired) == (1, 1, 1)
    assert counted.dropped() == 0
    assert driver.queue("dropping").counters.dropped_delivery_limit == 1
    assert driver.queue("dropping").counters.requeued == 0
    engine = driver.broker.core.totals.engine.classic
    assert (engine.dead_lettered(), engine.dropped()) == (3, 1)
    assert driver.queue("grave").counters.published == 3


def test_receives_with_a_time() -> None:
    driver = driver_of("aws")
    access = driver.access
    driver.declare("q")
    for value in (b"one", b"two"):
        driver.publish("q", value)
    driver.settle_down()
    waiter, empty = Waiter(), Waiter()
    access.leases.receive("q", Receive(10, 5_000), waiter)
    access.leases.receive("q", Receive(10, 5_000), empty)
    assert waiter.found is not None and empty.found == []
    access.leases.settle("q", waiter.found[0].handle)
    access.leases.change("q", waiter.found[1].handle, 0)
    late = Waiter()
    access.leases.receive("q", Receive(10, 5_000, 1_000), late)
    driver.settle_down()
    assert late.found is not None and len(late.found) == 1
    wanted = {
        "delivered": 3,
        "delivered_bytes": 9,
        "get_empty": 1,
        "redelivered": 1,
        "acknowledged": 1,
        "requeued": 1,
    }
    counted = not_zero(driver.queue("q").counters)
    assert {name: counted[name] for name in wanted} == wanted
    through = not_zero(access.counters)
    assert {name: through[name] for name in wanted} == wanted
    assert driver.broker.core.totals.protocol("aws").all().delivered == 3


def batch_of(*values: bytes) -> bytes:
    route = Driver().access.route("", "t")
    records: list[Record] = []
    for value in values:
        record = Record(value, route.address)
        record.offset = len(records)
        records.append(record)
    return placed_batch(encode_batch(records), 0)


def test_batches_are_counted_from_their_headers_and_feed_the_queue() -> None:
    driver = driver_of("kafka")
    access = driver.access
    topic = access.topics.create("t", 1, {})
    assert topic is not None
    data = batch_of(b"a", b"b", b"c")
    access.topics.produce(topic, 0, data, None)
    driver.settle_down()
    waiting = Fetching()
    access.topics.fetch([access.topics.fetch_part(topic, 0, 0, 1 << 20)], 1, 1 << 20, 0, False, waiting)
    assert len(waiting.results[0].batches) == 1
    wanted = {
        "published": 3,
        "published_bytes": len(data),
        "published_batches": 1,
        "delivered_no_ack": 3,
        "delivered_bytes": len(data),
        "delivered_batches": 1,
    }
    assert not_zero(topic.partitions[0].counters) == wanted
    assert not_zero(access.counters) == {**wanted, "routed": 3}
    driver.declare("t")
    assert driver.queue("t").counters.published == 0, "what was there before has not come now"
    access.topics.produce(topic, 0, data, None)
    driver.settle_down()
    assert driver.queue("t").counters.published == 3
    assert driver.broker.core.totals.protocol("kafka").all().published == 6


def test_queues_that_come_and_go() -> None:
    driver = Driver()
    driver.declare("q")
    driver.declare("q")
    driver.access.queues.delete("q")
    totals = driver.broker.core.totals
    assert (totals.queues_declared, totals.queues_created, totals.queues_deleted) == (2, 1, 1)
    driver.settle_down()
    driver.restart()
    assert driver.broker.core.totals.queues_created == 0, "a replay is no creation"


def test_purged_records() -> None:
    driver = Driver()
    driver.declare("q")
    for _ in range(3):
        driver.publish("q", b"x")
    assert driver.access.queues.purge("q") == 3
    assert driver.queue("q").counters.purged == 3


def test_what_a_delayed_exchange_held_back_is_routed_when_it_is_due() -> None:
    driver = Driver()
    settings = ExchangeSettings("fanout")
    settings.delayed = True
    driver.access.exchanges.declare("later", settings)
    driver.declare("q")
    driver.access.exchanges.bind_queue("q", "later", "", {})
    route = driver.access.route("later", "")
    record = Record(b"x", route.address)
    record.not_before_ms = driver.now_ms + 1000
    driver.access.publish(route, record)
    counters = driver.broker.catalog.namespaces["/"].exchanges["later"].counters
    assert (counters.published, counters.routed) == (1, 0)
    driver.pass_time(2_000)
    assert (counters.published, counters.routed, counters.unroutable) == (1, 1, 0)
    assert driver.queue("q").counters.published == 1
