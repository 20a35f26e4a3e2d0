"""Limits, topic permissions and deleted users and vhosts, in RabbitMQ's words."""

from __future__ import annotations

from onemq.engine.directory.namespaces import NamespaceRecord
from onemq.engine.directory.records import UserRecord
from onemq.heads.amqp091.frames import PROTOCOL_HEADER_0_9_1
from onemq.heads.amqp091.methods import (
    ChannelClose,
    ChannelOpen,
    ChannelOpenOk,
    ConnectionClose,
    ConnectionOpen,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    QueueBind,
    QueueDeclare,
    QueueDeclareOk,
)
from unit.heads.amqp091.playbook import CAPABLE, Peer, Stage


def refused_open(stage: Stage, user: str = "guest") -> ConnectionClose:
    peer = stage.link()
    peer.sends(PROTOCOL_HEADER_0_9_1)
    assert isinstance(peer.hears_one(0), ConnectionStart)
    peer.says(0, ConnectionStartOk(CAPABLE, "PLAIN", f"\0{user}\0guest".encode()))
    assert isinstance(peer.hears_one(0), ConnectionTune)
    peer.says(0, ConnectionTuneOk(2047, 131072, 60))
    peer.says(0, ConnectionOpen("/"))
    closed = peer.hears_one(0)
    assert isinstance(closed, ConnectionClose)
    peer.conversation.lost()
    return closed


def test_connections() -> None:
    stage = Stage()
    limits = stage.broker.directory.limits
    limits.set("namespace", "/", {"max-connections": 1})
    first = stage.connect()
    closed = refused_open(stage)
    assert (closed.reply_code, closed.reply_text) == (
        530,
        "NOT_ALLOWED - access to vhost '/' refused for user 'guest': connection limit (1) is reached",
    )
    first.conversation.lost()
    second = stage.connect()
    limits.set("namespace", "/", {})
    limits.set("user", "guest", {"max-connections": 1})
    closed = refused_open(stage)
    assert (closed.reply_code, closed.reply_text) == (
        530,
        "NOT_ALLOWED - connection refused for user 'guest': user connection limit (1) is reached",
    )
    second.conversation.lost()
    stage.connect()


def test_channels() -> None:
    stage = Stage()
    stage.broker.directory.limits.set("user", "guest", {"max-channels": 1})
    peer = stage.connect()
    peer.says(1, ChannelOpen())
    peer.hears(1, ChannelOpenOk())
    peer.says(2, ChannelOpen())
    closed = peer.hears_one(0)
    assert isinstance(closed, ConnectionClose)
    assert (closed.reply_code, closed.reply_text) == (
        530,
        "NOT_ALLOWED - number of channels opened for user 'guest' has reached the maximum allowed user limit of (1)",
    )
    peer.conversation.lost()
    again = stage.connect()
    again.says(1, ChannelOpen())
    again.hears(1, ChannelOpenOk())


def closed_channel(peer: Peer) -> tuple[int, str]:
    closed = peer.hears_one(1)
    assert isinstance(closed, ChannelClose)
    return closed.reply_code, closed.reply_text


def test_queues() -> None:
    stage = Stage()
    stage.broker.directory.limits.set("namespace", "/", {"max-queues": 0})
    peer = stage.connect()
    peer.says(1, ChannelOpen())
    peer.hears(1, ChannelOpenOk())
    peer.says(1, QueueDeclare("q", False, False, False, False, False, {}))
    assert closed_channel(peer) == (
        406,
        "PRECONDITION_FAILED - cannot declare queue 'q': queue limit in vhost '/' (0) is reached",
    )


def test_topic_permissions() -> None:
    stage = Stage()
    stage.broker.directory.permissions.grant_topic("guest", "/", "amq.topic", "^ok", "^ok")
    for what in ("write", "read"):
        peer = stage.connect()
        peer.says(1, ChannelOpen())
        peer.hears(1, ChannelOpenOk())
        if what == "write":
            peer.publishes(1, "amq.topic", "ok.1", b"")
            peer.publishes(1, "amq.topic", "no.1", b"")
        else:
            peer.says(1, QueueDeclare("q", False, False, False, False, True, {}))
            peer.says(1, QueueBind("q", "amq.topic", "no.1", True, {}))
        assert closed_channel(peer) == (
            403,
            f"ACCESS_REFUSED - {what} access to topic 'no.1' in exchange 'amq.topic' in vhost '/' refused for user 'guest'",
        )


def test_users_of_the_directory_log_in() -> None:
    stage = Stage()
    directory = stage.broker.directory
    directory.store_password(UserRecord("ann", "", []), directory.new_password("guest"))
    directory.permissions.grant("ann", "/", ".*", ".*", ".*")
    closed_before = refused_login(stage, "eve")
    assert closed_before
    peer = stage.connect("ann")
    peer.says(1, ChannelOpen())
    peer.hears(1, ChannelOpenOk())
    directory.permissions.revoke("ann", "/")
    directory.changed()
    peer.says(1, QueueDeclare("q", False, False, False, False, False, {}))
    assert closed_channel(peer)[0] == 403


def refused_login(stage: Stage, user: str) -> bool:
    peer = stage.link()
    peer.sends(PROTOCOL_HEADER_0_9_1)
    assert isinstance(peer.hears_one(0), ConnectionStart)
    peer.says(0, ConnectionStartOk(CAPABLE, "PLAIN", f"\0{user}\0guest".encode()))
    closed = peer.hears_one(0)
    return isinstance(closed, ConnectionClose) and closed.reply_code == 403


def test_cluster_name() -> None:
    stage = Stage()
    for name in ("", "here"):
        if name:
            stage.broker.directory.parameters.set("", "", "cluster_name", name)
        peer = stage.link()
        peer.sends(PROTOCOL_HEADER_0_9_1)
        start = peer.hears_one(0)
        assert isinstance(start, ConnectionStart)
        assert start.server_properties["cluster_name"] == (name or "onemq@localhost")


def test_default_queue_type_of_a_vhost() -> None:
    stage = Stage()
    stage.broker.directory.add_namespace(NamespaceRecord("/", default_queue_type="quorum"))
    peer = stage.connect()
    peer.says(1, ChannelOpen())
    peer.hears(1, ChannelOpenOk())
    for arguments in ({}, {"x-queue-type": "quorum"}, {}):
        peer.says(1, QueueDeclare("q", False, True, False, False, False, dict(arguments)))
        assert isinstance(peer.hears_one(1), QueueDeclareOk)
    peer.says(1, QueueDeclare("mine", False, False, True, False, False, {}))
    assert isinstance(peer.hears_one(1), QueueDeclareOk)
    queues = stage.broker.catalog.namespaces["/"].queues
    assert (queues["q"].settings.type_name, queues["mine"].settings.type_name) == ("quorum", "classic")
    assert queues["q"].declared.arguments == {"x-queue-type": "quorum"}
    peer.says(1, QueueDeclare("q", False, True, False, False, False, {"x-queue-type": "classic"}))
    assert closed_channel(peer)[0] == 406
