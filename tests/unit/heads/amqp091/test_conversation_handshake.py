"""Playbooks of connections: greeting, login, tuning, vhosts, closing, alarms, draining."""

import pytest

from onemq.heads.amqp091.frames import PROTOCOL_HEADER_0_9_1, AmqpWireError
from onemq.heads.amqp091.handshake import CAPABILITIES
from onemq.heads.amqp091.methods import (
    BasicAck,
    ChannelCloseOk,
    ChannelFlow,
    ChannelFlowOk,
    ChannelOpen,
    ChannelOpenOk,
    ConfirmSelect,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionCloseOk,
    ConnectionOpen,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    ConnectionUnblocked,
    ConnectionUpdateSecret,
    ConnectionUpdateSecretOk,
    Method,
    QueueDeclare,
    QueueDeclareOk,
)
from onemq.heads.amqp091.properties import BasicProperties
from onemq.heads.amqp091.table import FieldValue, encode
from unit.heads.amqp091.playbook import CAPABLE, Peer, Stage, encoded, published


@pytest.fixture
def stage() -> Stage:
    return Stage()


def greeted(stage: Stage, host: str = "127.0.0.1") -> Peer:
    peer = stage.link(host)
    peer.sends(PROTOCOL_HEADER_0_9_1)
    assert isinstance(peer.hears_one(0), ConnectionStart)
    return peer


def logged_in(stage: Stage, properties: dict[str, FieldValue] | None = None) -> Peer:
    peer = greeted(stage)
    peer.says(0, ConnectionStartOk(properties or CAPABLE, "PLAIN", b"\0guest\0guest"))
    assert isinstance(peer.hears_one(0), ConnectionTune)
    return peer


def hears_close(peer: Peer, code: int, text: str) -> None:
    close = peer.hears_one(0)
    assert isinstance(close, ConnectionClose)
    assert (close.reply_code, close.reply_text) == (code, text)
    assert peer.link.closed


@pytest.mark.parametrize("header", [b"GET / HT", b"AMQP\x00\x01\x00\x00", b"AMQP\x00\x00\x08\x00"])
def test_a_foreign_header_is_answered_with_ours(stage: Stage, header: bytes) -> None:
    peer = stage.link()
    peer.sends(header + b"anything more")
    assert peer.heard() == [] and peer.raw == PROTOCOL_HEADER_0_9_1 and peer.link.closed


def test_the_header_of_0_9_is_served_too(stage: Stage) -> None:
    peer = stage.link()
    peer.sends(b"AMQP\x01\x01\x00\x09")
    assert isinstance(peer.hears_one(0), ConnectionStart) and not peer.link.closed


def test_the_greeting_names_rabbitmq_and_what_is_served(stage: Stage) -> None:
    peer = stage.link()
    peer.sends(PROTOCOL_HEADER_0_9_1)
    start = peer.hears_one(0)
    assert isinstance(start, ConnectionStart)
    assert start.server_properties["product"] == "RabbitMQ"
    assert "onemq_version" in start.server_properties
    assert start.server_properties["capabilities"] == dict.fromkeys(CAPABILITIES, True)
    assert start.mechanisms == "PLAIN AMQPLAIN"


def test_a_login_byte_by_byte(stage: Stage) -> None:
    peer = stage.link()
    script = PROTOCOL_HEADER_0_9_1 + encoded(0, ConnectionStartOk(CAPABLE, "PLAIN", b"\0guest\0guest"))
    script += (
        encoded(0, ConnectionTuneOk(0, 0, 0)) + encoded(0, ConnectionOpen("/")) + encoded(7, ChannelOpen())
    )
    for octet in script:
        peer.sends(bytes([octet]))
    assert peer.heard()[-1].what == ChannelOpenOk()
    assert peer.link.log == ["logged in", "guest"]


def test_amqplain(stage: Stage) -> None:
    peer = greeted(stage)
    response = encode({"LOGIN": "guest", "PASSWORD": "guest"})
    peer.says(0, ConnectionStartOk(CAPABLE, "AMQPLAIN", response))
    assert isinstance(peer.hears_one(0), ConnectionTune)


def test_a_wrong_password_is_told_to_clients_that_can_hear_it(stage: Stage) -> None:
    peer = greeted(stage)
    peer.says(0, ConnectionStartOk(CAPABLE, "PLAIN", b"\0guest\0wrong"))
    hears_close(
        peer,
        403,
        "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
        "For details see the broker logfile.",
    )


def test_a_wrong_password_just_closes_for_other_clients(stage: Stage) -> None:
    peer = greeted(stage)
    peer.says(0, ConnectionStartOk({}, "PLAIN", b"\0guest\0wrong"))
    peer.hears_nothing()
    assert peer.link.closed


def test_guest_comes_from_loopback_only(stage: Stage) -> None:
    peer = greeted(stage, "192.0.2.1")
    peer.says(0, ConnectionStartOk(CAPABLE, "PLAIN", b"\0guest\0guest"))
    close = peer.hears_one(0)
    assert isinstance(close, ConnectionClose) and close.reply_code == 403
    assert any("localhost" in line for line in peer.link.log)


def test_an_unknown_mechanism(stage: Stage) -> None:
    peer = greeted(stage)
    peer.says(0, ConnectionStartOk(CAPABLE, "CRAM-MD5", b""))
    hears_close(peer, 503, "COMMAND_INVALID - unknown authentication mechanism 'CRAM-MD5'")


def test_heartbeats_are_sent_at_half_and_missed_at_two_intervals(stage: Stage) -> None:
    peer = logged_in(stage)
    peer.says(0, ConnectionTuneOk(0, 0, 10))
    assert peer.link.idle == (5000, 20000)


@pytest.mark.parametrize(
    ("tune", "text"),
    [
        (
            ConnectionTuneOk(0, 4095, 0),
            "negotiated frame_max = 4095 is lower than the minimum allowed value (4096)",
        ),
        (
            ConnectionTuneOk(0, 131073, 0),
            "negotiated frame_max = 131073 is higher than the maximum allowed value (131072)",
        ),
        (
            ConnectionTuneOk(5000, 0, 0),
            "negotiated channel_max = 5000 is higher than the maximum allowed value (2047)",
        ),
    ],
)
def test_limits_beyond_ours(stage: Stage, tune: Method, text: str) -> None:
    peer = logged_in(stage)
    peer.says(0, tune)
    hears_close(peer, 530, "NOT_ALLOWED - " + text)


@pytest.mark.parametrize(
    ("vhost", "text"),
    [("nowhere", "vhost nowhere not found"), ("closed", "access to vhost 'closed' refused for user 'guest'")],
)
def test_vhosts_that_are_not_to_be_entered(stage: Stage, vhost: str, text: str) -> None:
    peer = logged_in(stage)
    peer.says(0, ConnectionTuneOk(0, 0, 0), ConnectionOpen(vhost))
    hears_close(peer, 530, "NOT_ALLOWED - " + text)


def test_methods_out_of_turn(stage: Stage) -> None:
    peer = logged_in(stage)
    peer.says(0, ConnectionOpen("/"))
    hears_close(peer, 504, "CHANNEL_ERROR - unexpected method in connection state tuning")


def test_channel_numbers(stage: Stage) -> None:
    peer = stage.connect()
    peer.opens(2047)
    peer.says(2047, ChannelFlow(True))
    peer.hears(2047, ChannelFlowOk(True))
    peer.says(3, ChannelFlow(True))
    hears_close(peer, 504, "CHANNEL_ERROR - expected 'channel.open'")
    assert isinstance(peer.refusal, AmqpWireError) and (peer.refusal.class_id, peer.refusal.method_id) == (
        20,
        20,
    )


def test_a_second_open(stage: Stage) -> None:
    peer = stage.connect()
    peer.opens(1)
    peer.says(1, ChannelOpen())
    hears_close(peer, 504, "CHANNEL_ERROR - second 'channel.open' seen")


def test_too_many_channels(stage: Stage) -> None:
    peer = logged_in(stage)
    peer.says(0, ConnectionTuneOk(2, 0, 0), ConnectionOpen("/"))
    peer.heard()
    for number in (1, 2):
        peer.opens(number)
    peer.says(3, ChannelOpen())
    hears_close(
        peer, 530, "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)"
    )


def test_a_content_frame_out_of_turn(stage: Stage) -> None:
    peer = stage.connect()
    peer.opens(1)
    peer.sends(b"\x03\x00\x01\x00\x00\x00\x02hi\xce")
    hears_close(peer, 505, "UNEXPECTED_FRAME - expected method frame, got non method frame instead")


def test_the_peer_closes(stage: Stage) -> None:
    peer = stage.connect()
    peer.opens(1)
    peer.says(1, QueueDeclare("mine", exclusive=True))
    peer.hears(1, QueueDeclareOk("mine", 0, 0))
    peer.says(0, ConnectionClose(200, "bye"))
    peer.hears(0, ConnectionCloseOk())
    assert peer.link.closed
    # The exclusive queue went before the answer, not when the socket closes.
    other = stage.connect()
    other.opens(1)
    other.says(1, QueueDeclare("mine", passive=True))
    close = other.hears_one(1)
    assert "NOT_FOUND - no queue 'mine'" in getattr(close, "reply_text", "")


def test_update_secret(stage: Stage) -> None:
    peer = stage.connect()
    peer.says(0, ConnectionUpdateSecret(b"new", "rotation"))
    peer.hears(0, ConnectionUpdateSecretOk())


def test_alarms_are_told_to_those_who_asked(stage: Stage) -> None:
    peer, plain = stage.connect(), stage.connect(properties={})
    for each in (peer, plain):
        each.conversation.blocked("low on memory")
        each.conversation.unblocked()
    peer.hears(0, ConnectionBlocked("low on memory"), ConnectionUnblocked())
    plain.hears_nothing()


def test_an_internal_error_is_541(stage: Stage) -> None:
    peer = stage.connect()
    peer.conversation.refused(ValueError("a bug"))
    close = peer.hears_one(0)
    assert isinstance(close, ConnectionClose) and close.reply_code == 541


def test_draining_confirms_first_and_takes_nothing_more(stage: Stage) -> None:
    peer = stage.connect()
    peer.opens(1)
    peer.says(1, QueueDeclare("q", durable=True), ConfirmSelect())
    peer.heard()
    peer.feeds(published("", "q", b"m", properties=BasicProperties(delivery_mode=2)))
    peer.conversation.drain("shutdown")
    peer.feeds(published("", "q", b"late"))
    stage.turn()
    first, second = [heard.what for heard in peer.heard()]
    assert first == BasicAck(1, False)
    assert isinstance(second, ConnectionClose) and second.reply_code == 320
    other = stage.connect()
    other.opens(1)
    other.says(1, QueueDeclare("q", passive=True))
    other.hears(1, QueueDeclareOk("q", 1, 0))


def test_a_lost_connection_is_given_up_once(stage: Stage) -> None:
    peer = stage.connect()
    peer.opens(1)
    peer.says(0, ConnectionClose(200, "bye"))
    peer.leaves()
    peer.hears(0, ConnectionCloseOk())


def test_after_our_channel_close_only_its_answer_counts(stage: Stage) -> None:
    peer = stage.connect()
    peer.opens(1)
    peer.says(1, QueueDeclare("nothing", passive=True))
    assert getattr(peer.hears_one(1), "reply_code", 0) == 404
    peer.says(1, QueueDeclare("ignored"), ChannelFlow(True))
    peer.hears_nothing()
    peer.says(1, ChannelCloseOk())
    peer.opens(1)
    peer.says(1, QueueDeclare("ignored", passive=True))
    assert getattr(peer.hears_one(1), "reply_code", 0) == 404
