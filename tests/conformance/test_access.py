"""Who is let in, and to what: passwords, rights, namespaces, names that do not exist."""

from __future__ import annotations

import pytest

from broker_process import BrokerProcess
from conformance.conftest import Connect
from conformance.driver import Client, Denied, Driver, Queue, until


def test_a_wrong_password_and_an_unknown_user_are_refused_alike(
    driver: Driver, broker: BrokerProcess
) -> None:
    texts = set()
    for user, password in (("guest", "wrong"), ("guest", ""), ("nobody", "guest"), ("", "")):
        with pytest.raises(Denied) as caught:
            driver.connect(broker, user=user, password=password)
        assert caught.value.code == driver.codes["login"]
        texts.add(caught.value.text)
    assert len(texts) == 1, texts  # nobody learns which users exist
    assert driver.serves(broker)


def test_a_refused_login_is_logged_without_the_password(driver: Driver, broker: BrokerProcess) -> None:
    with pytest.raises(Denied):
        driver.connect(broker, user="guest", password="sesame-open")
    until(lambda: "user 'guest' - invalid credentials" in broker.log(), "nothing in the log")
    assert "sesame-open" not in broker.log()


def configure(client: Client, queue: str) -> None:
    client.declare(Queue(queue + "-new"))


def write(client: Client, queue: str) -> None:
    client.publish(queue, b"m")


def read(client: Client, queue: str) -> None:
    client.take(queue)


def read_by_consuming(client: Client, queue: str) -> None:
    client.consume(queue)


@pytest.mark.parametrize("action", [configure, write, read, read_by_consuming])
def test_each_right_is_needed_and_the_other_two_do_not_stand_in_for_it(
    driver: Driver, broker: BrokerProcess, connect: Connect, action: object
) -> None:
    driver.needs("forbidden")
    actions = [configure, write, read, read_by_consuming]
    queue = "rights"
    connect(broker).declare(Queue(queue))
    missing = action.__name__.split("_")[0]  # type: ignore[attr-defined]
    client = connect(broker, user=f"no-{missing}", password="secret")
    for other in actions:
        if other.__name__.split("_")[0] != missing:
            other(client, queue)
    with pytest.raises(Denied) as caught:
        action(client, queue)  # type: ignore[operator]
    denied = caught.value
    assert denied.code == driver.codes["forbidden"] and not denied.fatal
    target = queue + "-new" if missing == "configure" else queue
    assert denied.text == driver.forbidden_text(missing, target, f"no-{missing}")
    client.sync()


def test_what_does_not_exist_is_unknown_and_harms_nothing(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    client = connect(broker)
    for action in (read, read_by_consuming):
        with pytest.raises(Denied) as caught:
            action(client, "no-such-queue")
        assert caught.value.code == driver.codes["unknown"] and not caught.value.fatal
        assert "no-such-queue" in caught.value.text
    client.declare(Queue("known"))
    client.publish("known", b"m")
    assert client.take_within("known").body == b"m"


def test_namespaces_share_nothing_but_their_names(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    here, there = connect(broker), connect(broker, namespace="other")
    for client, body in ((here, b"here"), (there, b"there")):
        client.declare(Queue("shared-name"))
        client.publish("shared-name", body)
    assert here.drain("shared-name") == [b"here"]
    assert there.drain("shared-name") == [b"there"]


@pytest.mark.parametrize("namespace", ["other", "no-such-namespace"])
def test_a_namespace_without_rights_or_that_is_not_there(
    driver: Driver, broker: BrokerProcess, namespace: str
) -> None:
    with pytest.raises(Denied) as caught:
        driver.connect(broker, user="no-read", password="secret", namespace=namespace)
    assert caught.value.code == driver.codes["namespace"]
    assert namespace in caught.value.text
