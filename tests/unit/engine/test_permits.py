"""Permits: permissions, topic permissions, and rules that deny."""

from collections.abc import Callable

from engine_driver import Driver, RecordingSink, RecordingWaiter
from onemq.engine.access import Access
from onemq.engine.acls import DENY, LITERAL, READ, TOPIC, WRITE, AclRule
from onemq.engine.permits import Permits
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.record import Record
from onemq.model.refusal import Reason
from onemq.model.rights import all_rights
from unit.engine.accesses import consume, limited, person, refused


def test_a_rule_that_denies_a_topic_holds_for_the_queue_of_its_name() -> None:
    driver = Driver()
    ann = person(driver)
    topics = driver.broker.directory.permissions.live("ann", "/").topics
    permits = Permits(ann.authority, all_rights(), topics)
    acls = driver.broker.catalog.administration.acls
    acls.add(AclRule(TOPIC, LITERAL, "unread", "User:ann", "*", READ, DENY))
    acls.add(AclRule(TOPIC, LITERAL, "unfilled", "User:ann", "*", WRITE, DENY))
    refused(Reason.ACCESS_DENIED, lambda: permits.demand_queue_read("unread"))
    refused(Reason.ACCESS_DENIED, lambda: permits.demand_no_rule_against("unfilled"))
    assert permits.may_fill("unread") and not permits.may_fill("unfilled")
    permits.demand_queue_read("unfilled")
    # Rules are about topics: an exchange has none.
    permits.demand_exchange_read("unread")
    permits.demand_write("exchange", "unfilled")


def test_rights() -> None:
    driver = Driver()
    driver.declare("q")
    driver.access.exchanges.declare("e", ExchangeSettings("direct"))
    nobody = limited(driver)
    reader = limited(driver, read=".*")
    writer = limited(driver, write=".*")
    maker = limited(driver, configure=".*")
    dead_lettering = QueueSettings()
    dead_lettering.dead_letter_exchange = "e"
    alternating = ExchangeSettings("direct")
    alternating.alternate = "e"
    needs: list[tuple[Callable[[Access], object], list[Access]]] = [
        (lambda access: access.queues.declare("new", QueueSettings()), [nobody, reader, writer]),
        (
            lambda access: access.queues.declare("dl", dead_lettering),
            [maker, limited(driver, configure=".*", read=".*")],
        ),
        (
            lambda access: access.exchanges.declare("new", ExchangeSettings("direct")),
            [nobody, reader, writer],
        ),
        (lambda access: access.exchanges.declare("alt", alternating), [maker]),
        (lambda access: access.queues.delete("q"), [nobody, reader, writer]),
        (lambda access: access.exchanges.delete("e"), [nobody, reader, writer]),
        (lambda access: access.route("e", "k"), [nobody, reader, maker]),
        (lambda access: access.route("", "q"), [nobody, reader, maker]),
        (lambda access: consume(access, "q"), [nobody, writer, maker]),
        (lambda access: access.queues.purge("q"), [nobody, writer, maker]),
        (lambda access: access.get("q", RecordingSink(), True, RecordingWaiter()), [nobody, writer, maker]),
        (lambda access: access.exchanges.bind_queue("q", "e", "", {}), [nobody, reader, writer, maker]),
        (lambda access: access.exchanges.unbind_queue("q", "e", "", {}), [nobody, reader, writer, maker]),
        (
            lambda access: access.exchanges.bind_exchange("e", "amq.direct", "", {}),
            [nobody, reader, writer, maker],
        ),
    ]
    for call, denied in needs:
        for access in denied:
            refused(Reason.ACCESS_DENIED, lambda call=call, access=access: call(access))  # type: ignore[misc]
    both = limited(driver, read=".*", write=".*")
    both.exchanges.bind_queue("q", "e", "", {})
    both.exchanges.bind_exchange("e", "amq.direct", "", {})
    limited(driver, configure=".*", read=".*", write=".*").queues.declare("dl", dead_lettering)


def test_topic_permissions() -> None:
    driver = Driver()
    ann = person(driver)
    driver.broker.directory.permissions.grant_topic("ann", "/", "amq.topic", "^{username}\\.", "^all\\.")
    ann.queues.declare("q", QueueSettings())
    ann.exchanges.declare("e", ExchangeSettings("fanout"))
    ann.route("amq.topic", "ann.x")
    ann.route("amq.direct", "bob.x")
    ann.exchanges.bind_queue("q", "amq.topic", "all.#", {})
    ann.exchanges.bind_exchange("e", "amq.topic", "all.#", {})
    for call, what in (
        (lambda: ann.route("amq.topic", "bob.x"), "write"),
        (lambda: ann.exchanges.bind_queue("q", "amq.topic", "#", {}), "read"),
        (lambda: ann.exchanges.unbind_queue("q", "amq.topic", "#", {}), "read"),
        (lambda: ann.exchanges.bind_exchange("e", "amq.topic", "#", {}), "read"),
        (lambda: ann.exchanges.unbind_exchange("e", "amq.topic", "#", {}), "read"),
    ):
        refusal = refused(Reason.ACCESS_DENIED, call)
        assert (refusal.entity_kind, refusal.detail, refusal.wanted) == ("topic", what, "amq.topic")
    person(driver, "bob").route("amq.topic", "bob.x")
    # Further keys (CC, BCC) are no way round.
    route = ann.route("amq.topic", "ann.x")
    before = int(ann.counters.published)
    ann.publish(route, Record(b"", route.address), None, ["ann.y"])
    refused(
        Reason.ACCESS_DENIED, lambda: ann.publish(route, Record(b"", route.address), None, ["ann.y", "bob.x"])
    )
    assert ann.counters.published == before + 1
