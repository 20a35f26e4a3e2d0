"""Who is let in, and to what: passwords, rights, namespaces, names that do not exist."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from broker_process import BrokerProcess
from conformance.conftest import CONFIGURATION, Connect, Named, Start
from conformance.driver import Client, Denied, Driver, Queue, Word, needs, until


def test_a_wrong_password_and_an_unknown_user_are_refused(driver: Driver, broker: BrokerProcess) -> None:
    texts = set()
    for user, password in driver.bad_logins:
        with pytest.raises(Denied) as caught:
            driver.connect(broker, user=user, password=password)
        assert driver.is_code("login", caught.value.code), caught.value
        texts.add(caught.value.text)
    if Word.SECRET_USERS in driver.speaks:
        assert len(texts) == 1, texts
    assert driver.serves(broker)


def test_a_refused_login_is_logged_without_the_password(driver: Driver, start: Start) -> None:
    broker = start(memory=True, configuration=CONFIGURATION)  # lines that are alike are not repeated for long
    with pytest.raises(Denied):
        driver.connect(broker, user="guest", password="sesame-open")
    until(lambda: "login_refused" in broker.log(), "nothing in the log")
    assert "sesame-open" not in broker.log()


def configure(client: Client, queue: str) -> None:
    client.create(queue + "-new")


def write(client: Client, queue: str) -> None:
    client.publish(queue, b"m")


def read(client: Client, queue: str) -> None:
    client.take(queue)


def read_by_consuming(client: Client, queue: str) -> None:
    client.consume(queue)


Action = Callable[[Client, str], None]
ACTIONS: list[Action] = [configure, write, read]


@pytest.mark.parametrize("action", ACTIONS)
def test_each_right_is_needed_and_the_other_two_do_not_stand_in_for_it(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named, action: Action
) -> None:
    _each_right(driver, broker, connect, named("rights"), action, ACTIONS)


@needs(Word.PUSH)
def test_to_consume_is_to_read(driver: Driver, broker: BrokerProcess, connect: Connect, named: Named) -> None:
    _each_right(driver, broker, connect, named("rights"), read_by_consuming, [configure, write])


def _each_right(
    driver: Driver, broker: BrokerProcess, connect: Connect, queue: str, action: Action, actions: list[Action]
) -> None:
    connect(broker).declare(Queue(queue))
    missing = action.__name__.split("_")[0]
    client = connect(broker, user=f"no-{missing}", password="secret")
    for other in actions:
        if other is not action:
            other(client, queue)
    with pytest.raises(Denied) as caught:
        action(client, queue)
    denied = caught.value
    assert driver.is_code("forbidden", denied.code) and not denied.fatal, denied
    if Word.NAMED in driver.speaks:
        target = queue + "-new" if missing == "configure" else queue
        assert denied.text == driver.forbidden_text(missing, target, f"no-{missing}")
    client.sync()


@pytest.mark.parametrize("action", [read, write])
def test_what_does_not_exist_is_unknown_and_harms_nothing(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named, action: Action
) -> None:
    client = connect(broker)
    with pytest.raises(Denied) as caught:
        action(client, named("no-such-queue"))
    assert driver.is_code("unknown", caught.value.code) and not caught.value.fatal, caught.value
    if Word.NAMED in driver.speaks and action is read:
        assert "no-such-queue" in caught.value.text
    client.declare(Queue(named("known")))
    client.publish(named("known"), b"m")
    assert client.take_within(named("known")).body == b"m"


@needs(Word.NAMESPACES)
def test_namespaces_share_nothing_but_their_names(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    here, there = connect(broker), connect(broker, namespace="other")
    for client, body in ((here, b"here"), (there, b"there")):
        client.declare(Queue("shared-name"))
        client.publish("shared-name", body)
    assert here.drain("shared-name") == [b"here"]
    assert there.drain("shared-name") == [b"there"]


@needs(Word.NAMESPACES)
@pytest.mark.parametrize("namespace", ["other", "no-such-namespace"])
def test_a_namespace_without_rights_or_that_is_not_there(
    driver: Driver, broker: BrokerProcess, namespace: str
) -> None:
    with pytest.raises(Denied) as caught:
        driver.connect(broker, user="no-read", password="secret", namespace=namespace)
    assert driver.is_code("namespace", caught.value.code)
    assert namespace in caught.value.text
