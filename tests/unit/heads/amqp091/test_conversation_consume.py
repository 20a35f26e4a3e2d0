"""Playbooks of consuming: deliveries, acknowledgements, prefetch, cancelling, queue types, exchanges and queues."""

import pytest

from onemq.heads.amqp091.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    BasicGet,
    BasicNack,
    BasicQos,
    BasicQosOk,
    BasicRecover,
    BasicRecoverOk,
    BasicReject,
    ChannelClose,
    ChannelCloseOk,
    ConnectionClose,
    ExchangeBind,
    ExchangeBindOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    ExchangeUnbind,
    ExchangeUnbindOk,
    Method,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    QueueUnbind,
    QueueUnbindOk,
)
from onemq.heads.amqp091.properties import BasicProperties
from unit.heads.amqp091.playbook import Content, Peer, Stage, published


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def peer(stage: Stage) -> Peer:
    """Channel 1 is open, durable queue q is there."""
    connected = stage.connect()
    connected.opens(1)
    connected.says(1, QueueDeclare("q", durable=True))
    connected.hears(1, QueueDeclareOk("q", 0, 0))
    return connected


def delivered(peer: Peer, channel: int = 1) -> list[tuple[int, bool, bytes]]:
    """(tag, redelivered, body) of what came, nothing else having come."""
    found = []
    for content in peer.hears_contents(channel):
        assert isinstance(content.method, BasicDeliver)
        found.append((content.method.delivery_tag, content.method.redelivered, content.body))
    return found


def closed_with(peer: Peer, channel: int = 1) -> tuple[int, str]:
    close = peer.heard()[-1]
    assert isinstance(close.what, ChannelClose) and close.channel == channel
    return close.what.reply_code, close.what.reply_text


def consumes(peer: Peer, prefetch: int = 0, no_ack: bool = False, queue: str = "q", tag: str = "t") -> None:
    if prefetch:
        peer.says(1, BasicQos(0, prefetch))
        peer.hears(1, BasicQosOk())
    peer.says(1, BasicConsume(queue, tag, no_ack=no_ack))


# Deliveries and acknowledgements.


def test_a_delivery(peer: Peer) -> None:
    peer.publishes(1, "", "q", b"m")
    consumes(peer)
    answer, content = [heard.what for heard in peer.heard()]
    assert answer == BasicConsumeOk("t")
    assert isinstance(content, Content) and content.method == BasicDeliver("t", 1, False, "", "q")


def test_prefetch_lets_the_next_come_when_one_is_done(peer: Peer) -> None:
    consumes(peer, prefetch=2)
    peer.heard()
    peer.publishes(1, "", "q", b"1", b"2", b"3", b"4")
    assert delivered(peer) == [(1, False, b"1"), (2, False, b"2")]
    peer.says(1, BasicAck(2, False))
    assert delivered(peer) == [(3, False, b"3")]
    peer.says(1, BasicAck(3, True))
    assert delivered(peer) == [(4, False, b"4")]


def test_all_at_once_with_tag_zero(peer: Peer) -> None:
    consumes(peer)
    peer.publishes(1, "", "q", b"1", b"2", b"3")
    peer.heard()
    peer.says(1, BasicAck(0, True))
    peer.says(1, QueueDeclare("q", passive=True))
    peer.hears(1, QueueDeclareOk("q", 0, 1))
    # With nothing to acknowledge that is no error.
    peer.says(1, BasicAck(0, True))
    peer.hears_nothing()


@pytest.mark.parametrize(
    "method",
    [BasicAck(9, False), BasicAck(9, True), BasicNack(9, False, True), BasicReject(9, True), BasicAck(0)],
)
def test_unknown_delivery_tags(peer: Peer, method: Method) -> None:
    consumes(peer)
    peer.publishes(1, "", "q", b"1")
    peer.heard()
    peer.says(1, method)
    tag = method.encode()[11]
    assert closed_with(peer) == (406, f"PRECONDITION_FAILED - unknown delivery tag {tag}")


def test_a_tag_is_good_once_also_with_multiple(peer: Peer) -> None:
    consumes(peer)
    peer.publishes(1, "", "q", b"1", b"2", b"3")
    peer.heard()
    peer.says(1, BasicAck(2, False))
    peer.says(1, BasicAck(2, True))
    assert closed_with(peer)[0] == 406


def test_multiple_steps_over_what_needed_no_acknowledgement(peer: Peer) -> None:
    peer.says(1, QueueDeclare("other"), BasicConsume("other", "u", no_ack=True), BasicConsume("q", "t"))
    peer.heard()
    for round_number in range(3):
        peer.publishes(1, "", "q", b"first")
        peer.publishes(1, "", "other", *[b"passing"] * 200)
        peer.publishes(1, "", "q", b"second")
        tags = [tag for tag, _, body in delivered(peer) if body != b"passing"]
        assert tags == [202 * round_number + 1, 202 * round_number + 202]
        peer.says(1, BasicAck(tags[1], True))
    peer.says(1, QueueDeclare("q", passive=True), BasicRecover(True))
    peer.hears(1, QueueDeclareOk("q", 0, 1), BasicRecoverOk())


def test_requeued_messages_come_again_in_place(peer: Peer) -> None:
    consumes(peer, prefetch=3)
    peer.heard()
    peer.publishes(1, "", "q", b"1", b"2", b"3", b"4")
    assert len(delivered(peer)) == 3
    peer.says(1, BasicNack(2, True, True))
    assert delivered(peer) == [(4, True, b"1"), (5, True, b"2")]
    peer.says(1, BasicReject(3, True))
    assert delivered(peer) == [(6, True, b"3")]


def test_recover_returns_everything(peer: Peer) -> None:
    consumes(peer)
    peer.publishes(1, "", "q", b"1", b"2")
    peer.heard()
    peer.says(1, BasicRecover(True))
    answer, *again = [heard.what for heard in peer.heard()]
    assert answer == BasicRecoverOk()
    assert [content.body for content in again if isinstance(content, Content)] == [b"1", b"2"]
    peer.says(1, BasicRecover(False))
    close = peer.hears_one(0)
    assert isinstance(close, ConnectionClose) and close.reply_text == "NOT_IMPLEMENTED - requeue=false"


def test_closing_a_channel_gives_its_messages_back(stage: Stage, peer: Peer) -> None:
    consumes(peer)
    peer.publishes(1, "", "q", b"1", b"2")
    peer.heard()
    peer.says(1, ChannelClose(200, "done"))
    peer.hears(1, ChannelCloseOk())
    other = stage.connect()
    other.opens(1)
    other.says(1, BasicConsume("q", "t"))
    redelivered = [heard.what for heard in other.heard()[1:]]
    assert [content.method for content in redelivered if isinstance(content, Content)] == [
        BasicDeliver("t", 1, True, "", "q"),
        BasicDeliver("t", 2, True, "", "q"),
    ]


def test_dead_letters_carry_their_history(peer: Peer) -> None:
    peer.says(1, QueueDeclare("dead"))
    arguments = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    peer.says(1, QueueDeclare("work", arguments=dict(arguments)))
    peer.hears(1, QueueDeclareOk("dead", 0, 0), QueueDeclareOk("work", 0, 0))
    consumes(peer, queue="work")
    peer.heard()
    peer.publishes(1, "", "work", b"poison", properties=BasicProperties(headers={"mine": 1}))
    peer.heard()
    peer.says(1, BasicReject(1, False), BasicGet("dead", True))
    content = peer.hears_one(1)
    assert isinstance(content, Content)
    headers = content.properties.headers
    assert headers is not None and headers["mine"] == 1 and headers["x-first-death-reason"] == "rejected"
    assert isinstance(headers["x-death"], list) and isinstance(headers["x-death"][0], dict)
    assert headers["x-death"][0]["queue"] == "work" and headers["x-death"][0]["routing-keys"] == ["work"]


# Prefetch for the whole channel.


def test_global_prefetch_is_shared_and_changes_at_once(peer: Peer) -> None:
    peer.says(1, BasicQos(0, 3, True), BasicConsume("q", "a"), BasicConsume("q", "b"))
    peer.hears(1, BasicQosOk(), BasicConsumeOk("a"), BasicConsumeOk("b"))
    peer.publishes(1, "", "q", *[str(number).encode() for number in range(9)])
    assert len(delivered(peer)) == 3
    peer.says(1, BasicQos(0, 5, True))
    answer, *more = peer.heard()
    assert answer.what == BasicQosOk() and len(more) == 2
    peer.says(1, BasicQos(0, 1, True), BasicAck(3, True))
    peer.hears(1, BasicQosOk())  # 2 are unacknowledged, 1 is allowed
    peer.says(1, BasicQos(0, 0, True))
    assert len(peer.heard()) == 1 + 4


def test_prefetch_without_global_is_for_consumers_to_come(peer: Peer) -> None:
    peer.says(1, BasicQos(0, 1), BasicConsume("q", "a"), BasicQos(0, 2), BasicConsume("q", "b"))
    peer.heard()
    peer.publishes(1, "", "q", *[b"m"] * 6)
    tags = [content.method.consumer_tag for content in peer.hears_contents(1)]  # type: ignore[attr-defined]
    assert sorted(tags) == ["a", "b", "b"]


def test_a_prefetch_size_is_not_implemented(peer: Peer) -> None:
    peer.says(1, BasicQos(100, 0))
    close = peer.hears_one(0)
    assert isinstance(close, ConnectionClose)
    assert (close.reply_code, close.reply_text) == (540, "NOT_IMPLEMENTED - prefetch_size!=0 (100)")


def test_a_reader_that_is_slow_gets_nothing_until_it_reads(peer: Peer) -> None:
    consumes(peer, no_ack=True)
    peer.heard()
    peer.conversation.pressed(True)
    peer.publishes(1, "", "q", b"m")
    peer.hears_nothing()
    peer.conversation.pressed(False)
    peer.stage.turn()
    assert [body for _, _, body in delivered(peer)] == [b"m"]


# Consumers.


def test_consumer_tags(peer: Peer) -> None:
    peer.says(1, BasicConsume("q", ""))
    answer = peer.hears_one(1)
    assert isinstance(answer, BasicConsumeOk) and answer.consumer_tag.startswith("amq.ctag-")
    peer.says(1, BasicConsume("q", answer.consumer_tag))
    close = peer.hears_one(0)
    assert isinstance(close, ConnectionClose) and close.reply_code == 530
    assert close.reply_text == f"NOT_ALLOWED - attempt to reuse consumer tag '{answer.consumer_tag}'"


def test_cancelling(peer: Peer) -> None:
    consumes(peer)
    peer.heard()
    peer.publishes(1, "", "q", b"1")
    peer.heard()
    peer.says(1, BasicCancel("t"), BasicCancel("never-there"))
    peer.hears(1, BasicCancelOk("t"), BasicCancelOk("never-there"))
    peer.publishes(1, "", "q", b"2")
    peer.hears_nothing()
    peer.says(1, BasicAck(1, False))  # what was delivered before may still be settled
    peer.hears_nothing()


def test_a_deleted_queue_cancels_its_consumers(stage: Stage, peer: Peer) -> None:
    consumes(peer)
    peer.heard()
    plain = stage.connect(properties={})
    plain.opens(1)
    plain.says(1, BasicConsume("q", "u"))
    plain.heard()
    other = stage.connect()
    other.opens(1)
    other.says(1, QueueDelete("q"))
    other.hears(1, QueueDeleteOk(0))
    peer.hears(1, BasicCancel("t", True))
    plain.hears_nothing()


def test_a_consumer_that_takes_too_long(stage: Stage, peer: Peer) -> None:
    peer.says(1, QueueDeclare("slow", arguments={"x-consumer-timeout": 1000}))
    peer.hears(1, QueueDeclareOk("slow", 0, 0))
    consumes(peer, queue="slow")
    peer.heard()
    peer.publishes(1, "", "slow", b"m")
    peer.heard()
    stage.wait(120_000)
    peer.hears(1, BasicCancel("t", True))
    assert any("x-consumer-timeout" in line for line in peer.link.log)
    peer.says(1, BasicAck(1, False), BasicGet("slow", True))
    again = peer.hears_one(1)
    assert isinstance(again, Content) and again.body == b"m"


def test_an_exclusive_consumer(peer: Peer) -> None:
    peer.opens(2)
    peer.says(1, BasicConsume("q", "t", exclusive=True))
    peer.hears(1, BasicConsumeOk("t"))
    peer.says(2, BasicConsume("q", "u"))
    assert closed_with(peer, 2) == (403, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use")


def test_no_wait_says_nothing(peer: Peer) -> None:
    peer.says(
        1,
        QueueDeclare("w", no_wait=True),
        ExchangeDeclare("e", "direct", no_wait=True),
        QueueBind("w", "e", "k", no_wait=True),
        BasicConsume("w", "t", no_ack=True, no_wait=True),
    )
    peer.hears_nothing()
    peer.publishes(1, "e", "k", b"m")
    assert delivered(peer) == [(1, False, b"m")]
    peer.says(1, BasicCancel("t", True), QueuePurge("w", True), QueueDelete("w", no_wait=True))
    peer.hears_nothing()


# Streams, quorum queues.


def test_a_stream_is_read_from_where_one_likes(peer: Peer) -> None:
    peer.says(1, QueueDeclare("s", durable=True, arguments={"x-queue-type": "stream"}), BasicQos(0, 10))
    peer.hears(1, QueueDeclareOk("s", 0, 0), BasicQosOk())
    peer.publishes(1, "", "s", b"0", b"1", b"2", properties=BasicProperties(app_id="a"))
    for tag, offset, expected in (("f", "first", [0, 1, 2]), ("n", 1, [1, 2]), ("x", "next", [])):
        peer.says(1, BasicConsume("s", tag, arguments={"x-stream-offset": offset}))
        answer, *contents = [heard.what for heard in peer.heard()]
        assert answer == BasicConsumeOk(tag)
        seen = [content.properties for content in contents if isinstance(content, Content)]
        assert [(properties.headers or {})["x-stream-offset"] for properties in seen] == expected
        assert {properties.app_id for properties in seen} <= {"a"}


def test_what_streams_ask_for(peer: Peer) -> None:
    for channel in (2, 3):
        peer.opens(channel)
    peer.says(1, QueueDeclare("s", durable=True, arguments={"x-queue-type": "stream"}))
    peer.heard()
    peer.says(1, BasicConsume("s", "t"))
    code, text = closed_with(peer)
    assert code == 406 and "consumer prefetch count is not set for stream queue 's' in vhost '/'" in text
    peer.says(2, BasicConsume("s", "t", arguments={"x-stream-offset": "yesterday"}))
    code, text = closed_with(peer, 2)
    assert code == 406 and "invalid arg 'x-stream-offset' for queue 's'" in text
    peer.says(3, BasicQos(0, 1), BasicConsume("s", "t", no_ack=True))
    close = peer.heard()[-1].what
    assert isinstance(close, ConnectionClose) and close.reply_code == 540


def test_a_quorum_queue_counts_failures_apart_from_returns(peer: Peer) -> None:
    peer.says(1, QueueDeclare("r", durable=True, arguments={"x-queue-type": "quorum"}))
    peer.hears(1, QueueDeclareOk("r", 0, 0))
    consumes(peer, queue="r")
    peer.heard()
    peer.publishes(1, "", "r", b"m")
    (first,) = peer.hears_contents(1)
    assert first.properties.headers is None
    peer.says(1, BasicNack(1, False, True))
    (second,) = peer.hears_contents(1)
    assert second.properties.headers == {"x-acquired-count": 1}
    peer.says(1, BasicReject(2, True))
    (third,) = peer.hears_contents(1)
    assert third.properties.headers == {"x-acquired-count": 2, "x-delivery-count": 1}


# Entities.


def test_queues_from_declare_to_delete(peer: Peer) -> None:
    peer.says(1, QueueBind("q", "amq.topic", "a.*"))
    peer.hears(1, QueueBindOk())
    peer.publishes(1, "amq.topic", "a.b", b"1")
    peer.publishes(1, "amq.topic", "b.a", b"2")
    peer.says(1, QueueUnbind("q", "amq.topic", "a.*"), QueueUnbind("gone", "amq.topic", "a.*"))
    peer.hears(1, QueueUnbindOk(), QueueUnbindOk())
    peer.publishes(1, "amq.topic", "a.b", b"3")
    peer.says(1, QueuePurge("q"), QueueDelete("q"), QueueDelete("q"))
    peer.hears(1, QueuePurgeOk(1), QueueDeleteOk(0), QueueDeleteOk(0))


def test_an_empty_name_is_the_queue_declared_last(peer: Peer) -> None:
    peer.says(1, QueueBind("", "amq.direct", ""), QueuePurge(""))
    peer.hears(1, QueueBindOk(), QueuePurgeOk(0))
    peer.publishes(1, "amq.direct", "q", b"m")
    peer.says(1, BasicConsume("", "t", no_ack=True))
    assert len(peer.heard()) == 2
    peer.opens(2)
    peer.says(2, QueuePurge(""))
    assert closed_with(peer, 2) == (404, "NOT_FOUND - no previously declared queue")


def test_exchanges_from_declare_to_delete(peer: Peer) -> None:
    peer.says(
        1,
        ExchangeDeclare("outer", "fanout"),
        ExchangeDeclare("inner", "direct", internal=True),
        ExchangeBind("inner", "outer", ""),
        QueueBind("q", "inner", "k"),
    )
    peer.hears(1, ExchangeDeclareOk(), ExchangeDeclareOk(), ExchangeBindOk(), QueueBindOk())
    peer.publishes(1, "outer", "k", b"m")
    peer.says(1, ExchangeUnbind("inner", "outer", ""), ExchangeDelete("outer"), ExchangeDelete("inner"))
    peer.hears(1, ExchangeUnbindOk(), ExchangeDeleteOk(), ExchangeDeleteOk())
    peer.says(1, QueuePurge("q"))
    peer.hears(1, QueuePurgeOk(1))


@pytest.mark.parametrize(
    ("method", "code", "text"),
    [
        (
            QueueDeclare("amq.mine"),
            403,
            "ACCESS_REFUSED - queue name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (
            ExchangeDeclare("amq.mine", "direct"),
            403,
            "ACCESS_REFUSED - exchange name 'amq.mine' contains reserved prefix 'amq.*'",
        ),
        (
            ExchangeDelete("amq.direct"),
            403,
            "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed",
        ),
        (QueueBind("q", "", "k"), 403, "ACCESS_REFUSED - operation not permitted on the default exchange"),
        (
            ExchangeDeclare("", "direct"),
            403,
            "ACCESS_REFUSED - operation not permitted on the default exchange",
        ),
        (ExchangeDeclare("e", "odd"), 406, "PRECONDITION_FAILED - unknown exchange type 'odd'"),
        (
            QueueDeclare("q"),
            406,
            "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': "
            "received 'false' but current is 'true'",
        ),
        (QueueDeclare("q", durable=True, arguments={"x-max-length": -1}), 406, None),
        (BasicConsume("none", "t"), 404, "NOT_FOUND - no queue 'none' in vhost '/'"),
        (QueueBind("q", "none", "k"), 404, "NOT_FOUND - no exchange 'none' in vhost '/'"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Method) else None,
)
def test_refusals(peer: Peer, method: Method, code: int, text: str | None) -> None:
    peer.says(1, method)
    close = peer.hears_one(1)
    assert isinstance(close, ChannelClose) and close.reply_code == code
    assert text is None or close.reply_text == text
    assert (close.class_id << 16 | close.method_id).to_bytes(4, "big") == method.encode()[:4]


def test_redeclaring_a_predeclared_exchange(peer: Peer) -> None:
    peer.says(1, ExchangeDeclare("amq.direct", "direct", durable=True))
    peer.hears(1, ExchangeDeclareOk())


def test_whatever_bytes_come_the_end_is_a_close_or_nothing(stage: Stage) -> None:
    script = published("", "q", b"m") + published(
        "", "q", b"n", properties=BasicProperties(headers={"a": [1]})
    )
    for place in range(len(script)):
        peer = stage.connect()
        peer.opens(1)
        peer.sends(script[:place] + bytes([script[place] ^ 0x5A]) + script[place + 1 :])
        for heard in peer.heard():
            assert isinstance(heard.what, (ConnectionClose, ChannelClose)), heard
        peer.leaves()
