"""Routes: kept ones follow what changes, remembered ones are authorised again."""

from engine_driver import Driver, RecordingSink
from onemq.engine.acls import DENY, LITERAL, TOPIC, WRITE, AclFilter, AclRule
from onemq.engine.enqueueing import ROUTED
from onemq.engine.routes import QUEUE_ROUTES_MAX
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.principal import Principal
from onemq.model.record import Record
from onemq.model.refusal import Reason
from onemq.model.rights import all_rights
from unit.engine.accesses import person, refused


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
    driver.access.exchanges.declare("e", ExchangeSettings("direct"))
    driver.declare("a")
    route = driver.access.route("e", "k")

    def publish(value: bytes) -> int:
        return driver.access.publish(route, Record(value, route.address))

    assert publish(b"0") == 0
    driver.access.exchanges.bind_queue("a", "e", "k", {})
    assert publish(b"1") & ROUTED
    driver.declare("b")
    driver.access.exchanges.bind_queue("b", "e", "k", {})
    assert publish(b"2") & ROUTED
    driver.access.queues.delete("a")
    assert publish(b"3") & ROUTED
    driver.settle_down()
    assert driver.drain("b") == [b"2", b"3"]
    driver.access.exchanges.delete("e")
    for _ in range(2):
        refused(Reason.NOT_FOUND, lambda: publish(b"4"))
    driver.settle_down()
    assert driver.ready("b") == 0


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
    refused(Reason.ACCESS_DENIED, lambda: ann.queues.declare("new", QueueSettings()))


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
    ann.queues.delete("q")
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
        assert len(access._routes._remembered) <= QUEUE_ROUTES_MAX
