"""Limits of users and namespaces: who may set them, and RabbitMQ's words for those that cannot be."""

from __future__ import annotations

from engine_driver import Driver
from onemq.engine.directory.limits import OF_NAMESPACE, OF_USER
from onemq.model.refusal import Reason
from unit.engine.directory.ways import directory_of, refused


def test_limits() -> None:
    driver = Driver()
    admin = directory_of(driver, "administrator")
    admin.put_user("a", [])
    admin.limits.set(OF_USER, "a", "max-channels", 5)
    admin.limits.set(OF_USER, "a", "max-connections", -1)
    admin.limits.set(OF_NAMESPACE, "/", "max-queues", 5)
    assert admin.limits.of_users() == {"a": {"max-channels": 5, "max-connections": -1}}
    assert directory_of(driver, name="a").limits.of_users("a") == admin.limits.of_users("a")
    assert directory_of(driver, "monitoring").limits.of_namespaces() == {"/": {"max-queues": 5}}
    assert directory_of(driver).limits.of_namespaces() == {}
    assert refused(lambda: directory_of(driver).limits.of_namespaces("/")).reason == Reason.ACCESS_DENIED
    admin.limits.clear(OF_USER, "a", "max-connections")
    admin.limits.clear(OF_USER, "a", "max-connections")
    admin.limits.clear(OF_NAMESPACE, "/", "max-queues")
    assert admin.limits.of_users("a") == {"a": {"max-channels": 5}} and admin.limits.of_namespaces("/") == {}
    refusal = refused(lambda: admin.limits.set(OF_USER, "a", "max-queues", 1))
    assert (refusal.reason, refusal.detail) == (
        Reason.INVALID,
        'Unrecognised terms [{<<"max-queues">>,1}] in user-limits',
    )
    refusal = refused(lambda: admin.limits.set(OF_USER, "a", "max-channels", "x"))
    assert refusal.detail == 'max-channels should be a number, actually was <<"x">>'
    refusal = refused(lambda: admin.limits.set(OF_NAMESPACE, "/", "max-queues", "1"))
    assert refusal.detail == ('Validation failed\n\nmax-queues should be a number, actually was <<"1">>\n')
    refusal = refused(lambda: admin.limits.set(OF_NAMESPACE, "/", "foo", True))
    assert refusal.detail == 'Validation failed\n\nUnrecognised terms [{<<"foo">>,true}] in limits\n'
    assert refused(lambda: admin.limits.set(OF_USER, "no", "max-channels", 1)).reason == Reason.NOT_FOUND
