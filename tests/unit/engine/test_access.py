"""Access: every refusal, rights, locked queues, and what goes when a connection goes."""

from collections.abc import Callable

import pytest

from engine_driver import Driver, RecordingSink, RecordingWaiter
from onemq.engine.access import QUEUE_ROUTES_MAX, Access
from onemq.engine.acls import DENY, LITERAL, TOPIC, WRITE, AclFilter, AclRule
from onemq.engine.enqueueing import ROUTED
from onemq.engine.settings import EngineSettings
from onemq.model.demand import Demand
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.principal import Principal
from onemq.model.record import Record
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights, all_rights


def refused(reason: Reason, call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    assert caught.value.reason == reason
    return caught.value


def consume(
    access: Access, queue: str, sink: RecordingSink | None = None, *, exclusive: bool = False
) -> object:
    return access.consume(
        queue, sink or RecordingSink(), "tag", Demand(), None, no_ack=False, exclusive=exclusive, arguments={}
    )


def limited(driver: Driver, *, configure: str = "", write: str = "", read: str = "") -> Access:
    return driver.new_access(Rights(NamePattern(configure), NamePattern(write), NamePattern(read)))


def test_what_is_not_there() -> None:
    access = Driver().access
    for call in (
        lambda: access.check_queue("no"),
        lambda: access.check_exchange("no"),
        lambda: access.purge_queue("no"),
        lambda: consume(access, "no"),
        lambda: access.get("no", RecordingSink(), True, RecordingWaiter()),
        lambda: access.bind_queue("no", "amq.direct", "", {}),
        lambda: access.unbind_queue("no", "amq.direct", "", {}),
        lambda: access.bind_exchange("no", "amq.direct", "", {}),
        lambda: access.bind_exchange("amq.direct", "no", "", {}),
        lambda: access.route("no", ""),
    ):
        refused(Reason.NOT_FOUND, call)
    assert access.delete_queue("no") == 0
    access.delete_exchange("no")
    access.check_exchange("")


def test_rights() -> None:
    driver = Driver()
    driver.declare("q")
    driver.access.declare_exchange("e", ExchangeSettings("direct"))
    nobody = limited(driver)
    reader = limited(driver, read=".*")
    writer = limited(driver, write=".*")
    maker = limited(driver, configure=".*")
    dead_lettering = QueueSettings()
    dead_lettering.dead_letter_exchange = "e"
    alternating = ExchangeSettings("direct")
    alternating.alternate = "e"
    needs: list[tuple[Callable[[Access], object], list[Access]]] = [
        (lambda access: access.declare_queue("new", QueueSettings()), [nobody, reader, writer]),
        (
            lambda access: access.declare_queue("dl", dead_lettering),
            [maker, limited(driver, configure=".*", read=".*")],
        ),
        (lambda access: access.declare_exchange("new", ExchangeSettings("direct")), [nobody, reader, writer]),
        (lambda access: access.declare_exchange("alt", alternating), [maker]),
        (lambda access: access.delete_queue("q"), [nobody, reader, writer]),
        (lambda access: access.delete_exchange("e"), [nobody, reader, writer]),
        (lambda access: access.route("e", "k"), [nobody, reader, maker]),
        (lambda access: access.route("", "q"), [nobody, reader, maker]),
        (lambda access: consume(access, "q"), [nobody, writer, maker]),
        (lambda access: access.purge_queue("q"), [nobody, writer, maker]),
        (lambda access: access.get("q", RecordingSink(), True, RecordingWaiter()), [nobody, writer, maker]),
        (lambda access: access.bind_queue("q", "e", "", {}), [nobody, reader, writer, maker]),
        (lambda access: access.unbind_queue("q", "e", "", {}), [nobody, reader, writer, maker]),
        (lambda access: access.bind_exchange("e", "amq.direct", "", {}), [nobody, reader, writer, maker]),
    ]
    for call, denied in needs:
        for access in denied:
            refused(Reason.ACCESS_DENIED, lambda call=call, access=access: call(access))  # type: ignore[misc]
    both = limited(driver, read=".*", write=".*")
    both.bind_queue("q", "e", "", {})
    both.bind_exchange("e", "amq.direct", "", {})
    limited(driver, configure=".*", read=".*", write=".*").declare_queue("dl", dead_lettering)


def test_an_internal_exchange_takes_nothing_from_outside() -> None:
    driver = Driver()
    driver.access.declare_exchange("e", ExchangeSettings("direct", internal=True))
    assert refused(Reason.ACCESS_DENIED, lambda: driver.access.route("e", "")).detail == "internal"


def test_unknown_kind_of_exchange() -> None:
    refused(Reason.INVALID, lambda: Driver().access.declare_exchange("e", ExchangeSettings("no such kind")))


def test_reserved_names() -> None:
    driver = Driver()
    driver.declare("q")
    access = driver.access
    for call in (
        lambda: access.delete_exchange(""),
        lambda: access.delete_exchange("amq.direct"),
        lambda: access.bind_queue("q", "", "", {}),
        lambda: access.bind_exchange("", "amq.direct", "", {}),
        lambda: access.bind_exchange("amq.direct", "", "", {}),
    ):
        refused(Reason.RESERVED_NAME, call)


def test_in_use_and_not_empty() -> None:
    driver = Driver()
    access = driver.access
    driver.declare("q")
    access.declare_exchange("e", ExchangeSettings("direct"))
    access.bind_queue("q", "e", "", {})
    refused(Reason.IN_USE, lambda: access.delete_exchange("e", if_unused=True))
    access.unbind_queue("q", "e", "", {})
    access.bind_exchange("e", "amq.direct", "", {})
    refused(Reason.IN_USE, lambda: access.delete_exchange("e", if_unused=True))
    access.unbind_exchange("e", "amq.direct", "", {})
    access.delete_exchange("e", if_unused=True)
    driver.publish("q", b"1")
    refused(Reason.NOT_EMPTY, lambda: access.delete_queue("q", if_empty=True))
    consumer = driver.consume("q", RecordingSink())
    refused(Reason.IN_USE, lambda: access.delete_queue("q", if_unused=True))
    access.cancel(consumer)
    assert access.delete_queue("q", if_unused=True) == 1


def test_too_large() -> None:
    driver = Driver(EngineSettings(message_bytes_max=10))
    driver.declare("q")
    driver.publish("q", b"x" * 10)
    refused(Reason.TOO_LARGE, lambda: driver.publish("q", b"x" * 11))


def test_exclusive_consumers() -> None:
    driver = Driver()
    driver.declare("q")
    alone = driver.consume("q", RecordingSink(), exclusive=True)
    refused(Reason.SINGLE_ACTIVE, lambda: consume(driver.access, "q"))
    driver.access.cancel(alone)
    consume(driver.access, "q")
    refused(Reason.SINGLE_ACTIVE, lambda: consume(driver.access, "q", exclusive=True))


def test_an_exclusive_queue_is_locked_for_others_and_goes_with_its_owner() -> None:
    driver = Driver()
    owner = driver.new_access()
    owner.declare_queue("q", QueueSettings(exclusive=True))
    other = driver.access
    for call in (
        lambda: other.declare_queue("q", QueueSettings(exclusive=True)),
        lambda: other.check_queue("q"),
        lambda: other.delete_queue("q"),
        lambda: other.purge_queue("q"),
        lambda: consume(other, "q"),
        lambda: other.get("q", RecordingSink(), True, RecordingWaiter()),
        lambda: other.bind_queue("q", "amq.direct", "", {}),
    ):
        refused(Reason.LOCKED, call)
    assert driver.publish("q", b"1") == ROUTED, "publishing to it is allowed, and it is not durable"
    assert owner.check_queue("q").ready == 1
    owner.close()
    refused(Reason.NOT_FOUND, lambda: other.check_queue("q"))
    driver.settle_down()
    assert driver.broker.memory_bytes() == 0


def test_close_gives_everything_back() -> None:
    driver = Driver()
    driver.declare("q")
    driver.declare("auto", QueueSettings(auto_delete=True))
    access = driver.new_access()
    sinks = [RecordingSink(), RecordingSink()]
    for sink in sinks:
        driver.consume("q", sink, limit=1, access=access)
    driver.consume("auto", sinks[0], access=access)
    access.register_reply("reply", sinks[0])
    for number in range(3):
        driver.publish("q", b"%d" % number)
    driver.publish("auto", b"x")
    driver.settle_down()
    assert driver.ready("q") == 1
    access.close()
    access.close()
    driver.settle_down()
    assert driver.drain("q") == [b"0", b"1", b"2"]
    refused(Reason.NOT_FOUND, lambda: driver.access.check_queue("auto"))
    assert not driver.access.has_reply("reply")
    access.accept(sinks[0].held[0])
    driver.settle_down()
    assert driver.broker.memory_bytes() == 0


def test_consumers_hear_that_their_queue_has_gone_and_settling_after_that_is_harmless() -> None:
    driver = Driver()
    driver.declare("q")
    sink = RecordingSink()
    consumer = driver.consume("q", sink, tag="mine")
    driver.publish("q", b"1")
    driver.publish("q", b"2")
    driver.publish("q", b"3")
    driver.settle_down()
    driver.access.delete_queue("q")
    assert sink.ended == [("mine", "deleted")]
    driver.access.accept(sink.held[0])
    driver.access.release(sink.held[1], True)
    driver.access.reject(sink.held[2])
    driver.access.cancel(consumer)
    driver.access.close_sink(sink)
    driver.settle_down()
    assert consumer.demand.in_flight == 0
    assert driver.broker.memory_bytes() == 0


def test_replies_go_straight_to_their_sink() -> None:
    driver = Driver()
    sink = RecordingSink()
    driver.access.register_reply("name", sink)
    assert driver.publish("name", b"1") == ROUTED
    assert [record.value for record in sink.replies] == [b"1"]
    driver.access.release_reply("name")
    assert driver.publish("name", b"2") == 0


def test_a_route_that_is_kept_follows_every_change() -> None:
    driver = Driver()
    driver.access.declare_exchange("e", ExchangeSettings("direct"))
    driver.declare("a")
    route = driver.access.route("e", "k")

    def publish(value: bytes) -> int:
        return driver.access.publish(route, Record(value, route.address))

    assert publish(b"0") == 0
    driver.access.bind_queue("a", "e", "k", {})
    assert publish(b"1") & ROUTED
    driver.declare("b")
    driver.access.bind_queue("b", "e", "k", {})
    assert publish(b"2") & ROUTED
    driver.access.delete_queue("a")
    assert publish(b"3") & ROUTED
    driver.settle_down()
    assert driver.drain("b") == [b"2", b"3"]
    driver.access.delete_exchange("e")
    for _ in range(2):
        refused(Reason.NOT_FOUND, lambda: publish(b"4"))
    driver.settle_down()
    assert driver.ready("b") == 0


def test_position_and_count() -> None:
    driver = Driver(delay=1)
    driver.declare("q")
    driver.settle_down()
    before = driver.access.position()
    assert before == driver.broker.durable_position
    driver.publish("q", b"1", volatile=True)
    assert driver.access.position() == before
    driver.publish("q", b"1")
    assert driver.access.position() == before + 1
    driver.turn()
    assert driver.access.position() == before + 1
    assert driver.access.counters.published == 2


def person(driver: Driver, name: str = "ann") -> Access:
    """Somebody whom the directory knows and gives everything."""
    permissions = driver.broker.directory.permissions
    permissions.grant(name, "/", ".*", ".*", ".*")
    rights = permissions.rights(name, "/")
    assert rights is not None
    return driver.broker.access(Principal(name, []), "/", rights)


def test_topic_permissions() -> None:
    driver = Driver()
    ann = person(driver)
    driver.broker.directory.permissions.grant_topic("ann", "/", "amq.topic", "^{username}\\.", "^all\\.")
    ann.declare_queue("q", QueueSettings())
    ann.declare_exchange("e", ExchangeSettings("fanout"))
    ann.route("amq.topic", "ann.x")
    ann.route("amq.direct", "bob.x")
    ann.bind_queue("q", "amq.topic", "all.#", {})
    ann.bind_exchange("e", "amq.topic", "all.#", {})
    for call, what in (
        (lambda: ann.route("amq.topic", "bob.x"), "write"),
        (lambda: ann.bind_queue("q", "amq.topic", "#", {}), "read"),
        (lambda: ann.unbind_queue("q", "amq.topic", "#", {}), "read"),
        (lambda: ann.bind_exchange("e", "amq.topic", "#", {}), "read"),
        (lambda: ann.unbind_exchange("e", "amq.topic", "#", {}), "read"),
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


def test_rights_that_are_taken_away_are_missing_at_the_next_publish() -> None:
    driver = Driver()
    driver.declare("q")
    admin = driver.broker.access(Principal("root", ["administrator"]), "/", all_rights()).directory
    admin.put_user("ann", [])
    ann = person(driver)
    routes = [ann.route("amq.topic", "k"), ann.route("", "q"), ann.queue_route("q")]
    for route in routes:
        ann.publish(route, Record(b"", route.address))
    admin.set_topic_permission("/", "ann", "amq.topic", "^x", "")
    refused(Reason.ACCESS_DENIED, lambda: ann.publish(routes[0], Record(b"", routes[0].address)))
    admin.clear_topic_permissions("/", "ann")
    ann.publish(routes[0], Record(b"", routes[0].address))
    admin.set_permission("/", "ann", ".*", "", ".*")
    for route in routes:
        refused(Reason.ACCESS_DENIED, lambda route=route: ann.publish(route, Record(b"", route.address)))  # type: ignore[misc]
    admin.set_permission("/", "ann", ".*", ".*", ".*")
    for route in routes:
        ann.publish(route, Record(b"", route.address))
    admin.clear_permission("/", "ann")
    refused(Reason.ACCESS_DENIED, lambda: ann.declare_queue("new", QueueSettings()))


def test_a_queues_route_that_is_asked_for_again_is_authorised_and_resolved_again() -> None:
    driver = Driver()
    driver.declare("q")
    admin = driver.broker.access(Principal("root", ["administrator"]), "/", all_rights()).directory
    admin.put_user("ann", [])
    ann = person(driver)
    first = ann.queue_route("q")
    assert ann.queue_route("q") is first
    # The right to write, and the rules.
    admin.set_permission("/", "ann", ".*", "", ".*")
    refused(Reason.ACCESS_DENIED, lambda: ann.queue_route("q"))
    admin.set_permission("/", "ann", ".*", ".*", ".*")
    ann.queue_route("q")
    acls = driver.broker.catalog.administration.acls
    acls.add(AclRule(TOPIC, LITERAL, "q", "User:ann", "*", WRITE, DENY))
    refused(Reason.ACCESS_DENIED, lambda: ann.queue_route("q"))
    acls.remove(AclFilter())
    assert ann.queue_route("q").queues == [driver.queue("q")]
    # An administrator is denied nothing by rules, until the tag is taken away: no route has become wrong by that alone.
    acls.add(AclRule(TOPIC, LITERAL, "q", "User:bob", "*", WRITE, DENY))
    tags = ["administrator"]
    bob = driver.broker.access(Principal("bob", tags), "/", all_rights())
    bob.queue_route("q")
    tags.clear()
    refused(Reason.ACCESS_DENIED, lambda: bob.queue_route("q"))
    # The queue.
    ann.delete_queue("q")
    refused(Reason.NOT_FOUND, lambda: ann.queue_route("q"))
    driver.declare("q")
    route = ann.queue_route("q")
    assert ann.publish(route, Record(b"", route.address)) & ROUTED
    assert driver.queue("q").message_count() == 1


def test_routes_to_queues_are_remembered_up_to_a_bound() -> None:
    driver = Driver()
    access = driver.access
    for number in range(QUEUE_ROUTES_MAX + 1):
        driver.declare(f"q{number}")
    for number in range(QUEUE_ROUTES_MAX + 1):
        assert access.queue_route(f"q{number}").address.routing_key == f"q{number}"
        assert len(access._queue_routes) <= QUEUE_ROUTES_MAX


def test_limits_of_users_and_namespaces() -> None:
    driver = Driver()
    limits = driver.broker.directory.limits
    limits.set("namespace", "/", {"max-queues": 1, "max-connections": 2})
    limits.set("user", "ann", {"max-channels": 1, "max-connections": 1})
    ann = person(driver)
    ann.begin_connection()
    other = person(driver)
    assert refused(Reason.LIMIT, other.begin_connection).entity_kind == "user"
    person(driver, "bob").begin_connection()
    assert refused(Reason.LIMIT, person(driver, "eve").begin_connection).entity_kind == "namespace"
    sink = RecordingSink()
    ann.open_channel(sink)
    assert refused(Reason.LIMIT, lambda: other.open_channel(RecordingSink())).detail == "max-channels"
    ann.close_sink(sink)
    ann.open_channel(RecordingSink())
    ann.declare_queue("q", QueueSettings())
    ann.declare_queue("q", QueueSettings())
    assert refused(Reason.LIMIT, lambda: ann.declare_queue("q2", QueueSettings())).entity == "q2"
    ann.close()
    other.begin_connection()
    other.open_channel(RecordingSink())
