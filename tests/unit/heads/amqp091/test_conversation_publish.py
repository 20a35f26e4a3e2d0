"""Playbooks of publishing: contents, returns, confirms, transactions, expiry, copies, direct replies."""

import pytest

from onemq.heads.amqp091.methods import (
    BasicAck,
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicDeliver,
    BasicGet,
    BasicGetEmpty,
    BasicGetOk,
    BasicNack,
    BasicPublish,
    BasicReturn,
    ChannelClose,
    ChannelCloseOk,
    ChannelFlow,
    ChannelFlowOk,
    ConfirmSelect,
    ConfirmSelectOk,
    ConnectionBlocked,
    ConnectionClose,
    ConnectionUnblocked,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    TxCommit,
    TxCommitOk,
    TxRollback,
    TxRollbackOk,
    TxSelect,
    TxSelectOk,
)
from onemq.heads.amqp091.properties import BasicProperties
from onemq.heads.amqp091.settings import AmqpSettings
from unit.heads.amqp091.playbook import Content, Peer, SlowDisk, Stage, encoded, published

PERSISTENT = BasicProperties(delivery_mode=2)
REPLY_TO = "amq.rabbitmq.reply-to"


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


def test_under_an_alarm_a_first_publish_waits_however_its_bytes_were_cut(stage: Stage, peer: Peer) -> None:
    peer.says(1, ConfirmSelect())
    peer.hears(1, ConfirmSelectOk())
    peer.link.alarm = "low on disk"
    whole = published("", "q", b"one", properties=PERSISTENT)
    peer.sends(whole + whole[:20])
    peer.sends(whole[20:] + encoded(1, QueueDeclare("q", passive=True)))
    peer.hears(0, ConnectionBlocked("low on disk"))
    peer.conversation.unblocked()
    stage.turn()
    heard = [heard.what for heard in peer.heard()]
    assert heard[0] == ConnectionUnblocked() and QueueDeclareOk("q", 2, 0) in heard
    assert isinstance(heard[-1], BasicAck) and heard[-1].delivery_tag == 2


def fetched(peer: Peer, queue: str = "q") -> Content | None:
    peer.says(1, BasicGet(queue, True))
    what = peer.hears_one(1)
    if what == BasicGetEmpty():
        return None
    assert isinstance(what, Content) and isinstance(what.method, BasicGetOk)
    return what


def bodies(peer: Peer, queue: str = "q") -> list[bytes]:
    found = []
    while (content := fetched(peer, queue)) is not None:
        found.append(content.body)
    return found


def channel_close(peer: Peer) -> tuple[int, str]:
    close = peer.heard()[-1].what
    assert isinstance(close, ChannelClose)
    return close.reply_code, close.reply_text


# Contents.


@pytest.mark.parametrize("size", [0, 1, 4088, 4089, 20_000])
def test_bodies_in_frames_of_4096(stage: Stage, size: int) -> None:
    peer = stage.connect(frame_max=4096)
    peer.opens(1)
    peer.says(1, QueueDeclare("q"))
    peer.heard()
    body = bytes(number % 251 for number in range(size))
    peer.sends(published("", "q", body, frame_max=4096))
    content = fetched(peer)
    assert content is not None and content.body == body


def test_properties_come_back_as_they_were(peer: Peer) -> None:
    properties = BasicProperties(
        content_type="text/plain", headers={"a": [1, {"b": None}]}, priority=3, message_id="id", timestamp=5
    )
    peer.publishes(1, "", "q", b"m", properties=properties)
    content = fetched(peer)
    assert content is not None
    assert content.properties.headers == {"a": [1, {"b": None}]}
    assert (content.properties.content_type, content.properties.priority) == ("text/plain", 3)
    assert (content.properties.message_id, content.properties.timestamp) == ("id", 5)


def test_equal_properties_are_kept_once(stage: Stage, peer: Peer) -> None:
    peer.publishes(1, "", "q", b"1", b"2", properties=BasicProperties(content_type="text/plain"))
    peer.says(1, BasicConsume("q", "t", no_ack=False))
    peer.heard()
    first, second = stage.broker.catalog.namespaces["/"].queues["q"].consumers[0].sink.unacked.values()  # type: ignore[attr-defined]
    assert first.record.native is second.record.native


def test_a_message_above_the_limit(stage: Stage) -> None:
    peer = Stage(AmqpSettings(message_bytes_max=10)).connect()
    peer.opens(1)
    peer.sends(published("", "q", b"x" * 11))
    assert channel_close(peer) == (
        406,
        "PRECONDITION_FAILED - message size 11 is larger than configured max size 10",
    )
    assert peer.link.log[-1] == (
        "too_large: channel 1 is closed: PRECONDITION_FAILED - message size 11 is larger than configured max size 10; "
        "send less at once, or raise the limit"
    )


def test_a_body_longer_than_announced(peer: Peer) -> None:
    frames = published("", "q", b"12345678")
    peer.sends(frames + b"")  # whole
    whole = published("", "q", b"12345678")
    # The header announces 8 octets; two body frames of 5 bring 10.
    body_frame = b"\x03\x00\x01\x00\x00\x00\x05abcde\xce"
    cut = whole[: whole.index(b"\x03\x00\x01\x00\x00\x00\x08")]
    peer.sends(cut + body_frame + body_frame)
    close = peer.heard()[-1].what
    assert isinstance(close, ConnectionClose) and close.reply_code == 501


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        # A body, a header for another class, a header with a weight, all instead of a header.
        (b"\x03\x00\x01\x00\x00\x00\x01x\xce", "content header for class 60, got non content header frame"),
        (
            b"\x02\x00\x01\x00\x00\x00\x0e\x00\x32" + bytes(12) + b"\xce",
            "content header for class 60, got one",
        ),
        (
            b"\x02\x00\x01\x00\x00\x00\x0e\x00\x3c\x00\x01" + bytes(10) + b"\xce",
            "content header for class 60, got non content header frame",
        ),
    ],
)
def test_what_interrupts_a_content_is_its_methods_fault(peer: Peer, frames: bytes, expected: str) -> None:
    peer.says(1, BasicPublish("", "q", False, False))
    peer.sends(frames)
    close = peer.hears_one(0)
    assert isinstance(close, ConnectionClose)
    assert close.reply_text.startswith(f"UNEXPECTED_FRAME - expected {expected}")
    assert (close.reply_code, close.class_id, close.method_id) == (505, 60, 40)


def test_malformed_properties_end_the_connection(peer: Peer) -> None:
    peer.says(1, BasicPublish("", "q", False, False))
    peer.sends(b"\x02\x00\x01\x00\x00\x00\x10\x00\x3c" + bytes(12) + b"xx\xce")
    close = peer.hears_one(0)
    assert isinstance(close, ConnectionClose) and close.reply_code == 502


def test_a_needless_close_ok_is_passed_over(peer: Peer) -> None:
    peer.says(9, ChannelCloseOk())
    assert peer.heard() == []
    peer.says(1, ChannelFlow(True))
    peer.hears(1, ChannelFlowOk(True))


def test_immediate_is_not_implemented(peer: Peer) -> None:
    peer.says(1, BasicPublish("", "q", False, True))
    close = peer.hears_one(0)
    assert isinstance(close, ConnectionClose)
    assert (close.reply_code, close.reply_text) == (540, "NOT_IMPLEMENTED - immediate=true")


def test_publishing_to_a_missing_exchange_closes_the_channel_and_eats_the_content(peer: Peer) -> None:
    peer.publishes(1, "nowhere", "k", b"m")
    assert channel_close(peer) == (404, "NOT_FOUND - no exchange 'nowhere' in vhost '/'")


def test_an_exchange_that_goes_is_noticed_though_its_address_is_remembered(peer: Peer) -> None:
    peer.says(1, ExchangeDeclare("x", "fanout"))
    peer.hears(1, ExchangeDeclareOk())
    peer.publishes(1, "x", "k", b"dropped")
    peer.hears_nothing()
    peer.says(1, ExchangeDelete("x"))
    peer.hears(1, ExchangeDeleteOk())
    peer.publishes(1, "x", "k", b"m")
    assert channel_close(peer)[0] == 404


def test_publishing_without_the_right(stage: Stage) -> None:
    peer = stage.connect("reader")
    peer.opens(1)
    peer.publishes(1, "amq.direct", "k", b"m")
    code, text = channel_close(peer)
    assert code == 403 and "access to exchange 'amq.direct' in vhost '/' refused for user 'reader'" in text


def test_the_net_learns_who_publishes(peer: Peer) -> None:
    assert not peer.link.publishing
    peer.publishes(1, "", "q", b"m")
    assert peer.link.publishing


# Mandatory, confirms.


def test_an_unroutable_mandatory_message_comes_back_before_its_confirm(peer: Peer) -> None:
    peer.says(1, ConfirmSelect())
    peer.hears(1, ConfirmSelectOk())
    peer.publishes(1, "", "nowhere", b"m", mandatory=True, properties=PERSISTENT)
    returned, ack = [heard.what for heard in peer.heard()]
    assert isinstance(returned, Content)
    assert returned.method == BasicReturn(312, "NO_ROUTE", "", "nowhere")
    assert returned.body == b"m" and returned.properties.delivery_mode == 2
    assert ack == BasicAck(1, False)


def test_one_acknowledgement_for_a_whole_read(peer: Peer) -> None:
    peer.says(1, ConfirmSelect())
    peer.hears(1, ConfirmSelectOk())
    peer.publishes(1, "", "q", b"1", b"2", b"3", properties=PERSISTENT)
    peer.hears(1, BasicAck(3, True))
    peer.publishes(1, "", "q", b"4")
    peer.hears(1, BasicAck(4, False))


def test_a_confirm_waits_for_the_disk_and_holds_back_no_delivery() -> None:
    disk = SlowDisk()
    peer = Stage(store=disk).connect()
    peer.opens(1)
    peer.says(1, QueueDeclare("durable", durable=True), QueueDeclare("fast"), ConfirmSelect())
    peer.says(1, BasicConsume("fast", "t", no_ack=True))
    peer.heard()
    disk.syncs = False
    peer.sends(published("", "durable", b"1", properties=PERSISTENT))
    peer.hears_nothing()
    peer.sends(published("", "fast", b"2"))
    # The delivery overtakes; the second confirm does not, for it would confirm the first as well.
    assert [content.body for content in peer.hears_contents(1)] == [b"2"]
    disk.syncs = True
    peer.stage.turn()
    peer.hears(1, BasicAck(1, False), BasicAck(2, False))


def test_answers_of_durable_changes_wait_and_what_follows_them_waits_too() -> None:
    disk = SlowDisk()
    peer = Stage(store=disk).connect()
    peer.opens(1)
    peer.opens(2)
    disk.syncs = False
    peer.says(1, QueueDeclare("q", durable=True), BasicConsume("q", "t", no_ack=True))
    peer.publishes(1, "", "q", b"m")
    peer.hears_nothing()
    peer.says(2, ConfirmSelect())  # another channel does not wait
    peer.hears(2, ConfirmSelectOk())
    disk.syncs = True
    peer.stage.turn()
    declared, consuming, delivered = [heard.what for heard in peer.heard()]
    assert declared == QueueDeclareOk("q", 0, 0) and consuming == BasicConsumeOk("t")
    assert isinstance(delivered, Content) and delivered.body == b"m"


def test_a_commit_is_answered_when_it_is_durable() -> None:
    disk = SlowDisk()
    peer = Stage(store=disk).connect()
    peer.opens(1)
    peer.says(1, QueueDeclare("q", durable=True), TxSelect())
    peer.heard()
    peer.publishes(1, "", "q", b"m", properties=PERSISTENT)
    disk.syncs = False
    peer.says(1, TxCommit())
    peer.hears_nothing()
    disk.syncs = True
    peer.stage.turn()
    peer.hears(1, TxCommitOk())


def test_what_follows_a_get_that_waits_keeps_its_place() -> None:
    disk = SlowDisk()
    peer = Stage(store=disk).connect()
    peer.opens(1)
    peer.says(1, QueueDeclare("q", durable=True))
    peer.heard()
    disk.syncs = False
    peer.sends(published("", "q", b"m", properties=PERSISTENT) + encoded(1, BasicGet("q", True)))
    peer.says(1, ConfirmSelect())
    peer.hears_nothing()
    disk.syncs = True
    peer.stage.turn()
    got, selected = [heard.what for heard in peer.heard()]
    assert isinstance(got, Content) and got.body == b"m" and selected == ConfirmSelectOk()


def test_a_refused_publish_is_nacked_in_its_place(peer: Peer) -> None:
    peer.says(
        1,
        QueueDeclare("full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"}),
        ConfirmSelect(),
    )
    peer.hears(1, QueueDeclareOk("full", 0, 0), ConfirmSelectOk())
    peer.sends(
        published("", "q", b"1", properties=PERSISTENT)
        + published("", "full", b"2")
        + published("", "full", b"3")
        + published("", "q", b"4", properties=PERSISTENT)
    )
    peer.hears(1, BasicAck(2, True), BasicNack(3, False, True), BasicAck(4, False))


# Transactions.


def test_a_commit_does_it_all_and_a_rollback_nothing(peer: Peer) -> None:
    peer.publishes(1, "", "q", b"old")
    peer.says(1, TxSelect(), BasicGet("q"))
    assert peer.heard()[0].what == TxSelectOk()
    peer.publishes(1, "", "q", b"new", properties=PERSISTENT)
    peer.says(1, BasicAck(1, False))
    peer.hears_nothing()
    peer.says(1, TxRollback())
    peer.hears(1, TxRollbackOk())
    assert bodies(peer) == []  # old is still unacknowledged, new was never there
    peer.publishes(1, "", "q", b"newer", properties=PERSISTENT)
    peer.says(1, BasicAck(1, False), TxCommit())
    peer.hears(1, TxCommitOk())
    assert bodies(peer) == [b"newer"]
    peer.says(1, BasicAck(1, False))
    assert channel_close(peer) == (406, "PRECONDITION_FAILED - unknown delivery tag 1")


def test_a_transaction_is_checked_when_it_is_sent(peer: Peer) -> None:
    peer.says(1, TxSelect())
    peer.hears(1, TxSelectOk())
    peer.publishes(1, "nowhere", "k", b"m")
    assert channel_close(peer)[0] == 404


def test_modes_exclude_each_other(peer: Peer) -> None:
    peer.opens(2)
    peer.says(1, TxSelect(), ConfirmSelect())
    assert channel_close(peer) == (406, "PRECONDITION_FAILED - cannot switch from tx to confirm mode")
    peer.says(2, ConfirmSelect(), TxSelect())
    assert channel_close(peer) == (406, "PRECONDITION_FAILED - cannot switch from confirm to tx mode")


@pytest.mark.parametrize("method", [TxCommit(), TxRollback()])
def test_without_select(peer: Peer, method: TxCommit | TxRollback) -> None:
    peer.says(1, method)
    assert channel_close(peer) == (406, "PRECONDITION_FAILED - channel is not transactional")


# Properties that mean something.


def test_expiration(stage: Stage, peer: Peer) -> None:
    peer.publishes(1, "", "q", b"short", properties=BasicProperties(expiration="100"))
    peer.publishes(1, "", "q", b"long", properties=BasicProperties(expiration="100000"))
    stage.wait(101)
    assert bodies(peer) == [b"long"]


def test_expiration_zero_reaches_a_waiting_consumer_only(peer: Peer) -> None:
    zero = BasicProperties(expiration="0")
    peer.publishes(1, "", "q", b"lost", properties=zero)
    peer.says(1, BasicConsume("q", "t", no_ack=True))
    peer.hears(1, BasicConsumeOk("t"))
    peer.publishes(1, "", "q", b"taken", properties=zero)
    assert [content.body for content in peer.hears_contents(1)] == [b"taken"]


def test_a_bad_expiration_and_a_wrong_user(peer: Peer) -> None:
    peer.opens(2)
    peer.publishes(1, "", "q", b"m", properties=BasicProperties(expiration="soon"))
    assert channel_close(peer) == (406, "PRECONDITION_FAILED - invalid expiration 'soon': no_integer")
    peer.publishes(2, "", "q", b"m", properties=BasicProperties(user_id="somebody"))
    assert channel_close(peer) == (
        406,
        "PRECONDITION_FAILED - user_id property set to 'somebody' but authenticated user was 'guest'",
    )


def test_the_own_user_id_is_fine(peer: Peer) -> None:
    peer.publishes(1, "", "q", b"m", properties=BasicProperties(user_id="guest"))
    assert bodies(peer) == [b"m"]


def test_copies_go_to_their_queues_and_blind_ones_are_hidden(peer: Peer) -> None:
    peer.says(1, QueueDeclare("c"), QueueDeclare("b"))
    peer.heard()
    peer.publishes(1, "", "q", b"m", properties=BasicProperties(headers={"CC": ["c", "q"], "BCC": ["b"]}))
    for queue in ("q", "c", "b"):
        content = fetched(peer, queue)
        assert content is not None and content.properties.headers == {"CC": ["c", "q"]}
    assert bodies(peer) == []  # q is named twice, and gets it once


def test_a_delayed_message(stage: Stage, peer: Peer) -> None:
    arguments = {"x-delayed-type": "direct"}
    peer.says(1, ExchangeDeclare("later", "x-delayed-message", arguments=dict(arguments)))
    peer.says(1, QueueBind("q", "later", "k"))
    peer.hears(1, ExchangeDeclareOk(), QueueBindOk())
    peer.publishes(1, "later", "k", b"m", properties=BasicProperties(headers={"x-delay": 500}))
    stage.wait(499)
    assert fetched(peer) is None
    stage.wait(1)
    content = fetched(peer)
    assert content is not None and content.properties.headers == {"x-delay": -500}


def test_a_headers_exchange_sees_types(peer: Peer) -> None:
    peer.says(1, QueueBind("q", "amq.headers", "", arguments={"x-match": "all", "n": 1}))
    peer.hears(1, QueueBindOk())
    for value in (1, 2, "1"):
        peer.publishes(
            1, "amq.headers", "", str(value).encode(), properties=BasicProperties(headers={"n": value})
        )
    assert bodies(peer) == [b"1"]


# Direct reply-to.


def test_a_reply_finds_its_caller(stage: Stage, peer: Peer) -> None:
    caller = stage.connect()
    caller.opens(5)
    caller.says(5, BasicConsume(REPLY_TO, "replies", no_ack=True))
    caller.hears(5, BasicConsumeOk("replies"))
    caller.publishes(5, "", "q", b"question", properties=BasicProperties(reply_to=REPLY_TO))
    question = fetched(peer)
    assert question is not None and question.properties.reply_to is not None
    address = question.properties.reply_to
    assert address.startswith(REPLY_TO + ".")
    peer.says(1, QueueDeclare(address, passive=True))
    peer.hears(1, QueueDeclareOk(address, 0, 1))
    peer.publishes(1, "", address, b"answer", properties=BasicProperties(correlation_id="7"))
    (answer,) = caller.hears_contents(5)
    assert answer.method == BasicDeliver("replies", 1, False, "", address)
    assert (answer.body, answer.properties.correlation_id) == (b"answer", "7")
    caller.says(5, BasicCancel("replies"))
    caller.hears(5, BasicCancelOk("replies"))
    peer.says(1, QueueDeclare(address, passive=True))
    assert channel_close(peer)[0] == 404


def test_a_reply_to_somebody_who_left_is_unroutable(stage: Stage, peer: Peer) -> None:
    caller = stage.connect()
    caller.opens(1)
    caller.says(1, BasicConsume(REPLY_TO, "replies", no_ack=True))
    caller.publishes(1, "", "q", b"question", properties=BasicProperties(reply_to=REPLY_TO))
    question = fetched(peer)
    assert question is not None and question.properties.reply_to is not None
    caller.leaves()
    peer.publishes(1, "", question.properties.reply_to, b"answer", mandatory=True)
    returned = peer.hears_one(1)
    assert isinstance(returned, Content) and isinstance(returned.method, BasicReturn)


def test_the_pseudo_queue_is_always_there(peer: Peer) -> None:
    peer.says(1, QueueDeclare(REPLY_TO, passive=True))
    peer.hears(1, QueueDeclareOk(REPLY_TO, 0, 1))


def test_what_direct_replies_ask_for(peer: Peer) -> None:
    for channel in (2, 3):
        peer.opens(channel)
    peer.says(1, BasicConsume(REPLY_TO, "t"))
    assert channel_close(peer) == (406, "PRECONDITION_FAILED - reply consumer cannot acknowledge")
    peer.publishes(2, "", "q", b"m", properties=BasicProperties(reply_to=REPLY_TO))
    assert channel_close(peer) == (406, "PRECONDITION_FAILED - fast reply consumer does not exist")
    peer.sends(
        encoded(3, BasicConsume(REPLY_TO, "a", no_ack=True))
        + encoded(3, BasicConsume(REPLY_TO, "b", no_ack=True))
    )
    assert channel_close(peer) == (406, "PRECONDITION_FAILED - reply consumer already set")


def test_tags_ascend_on_the_wire_when_a_get_waits_beside_a_consumer() -> None:
    disk = SlowDisk()
    peer = Stage(store=disk).connect()
    peer.opens(1)
    peer.says(1, QueueDeclare("q", durable=True), QueueDeclare("fast"), BasicConsume("fast", "t"))
    peer.heard()
    disk.syncs = False
    peer.sends(published("", "q", b"got", properties=PERSISTENT) + encoded(1, BasicGet("q")))
    peer.sends(published("", "fast", b"delivered"))
    peer.hears_nothing()
    disk.syncs = True
    peer.stage.turn()
    first, second = peer.hears_contents(1)
    assert (first.body, second.body) == (b"got", b"delivered")
    assert isinstance(first.method, BasicGetOk) and first.method.delivery_tag == 1
    assert isinstance(second.method, BasicDeliver) and second.method.delivery_tag == 2
    peer.says(1, BasicAck(2, True))
    assert not stage_has_unsettled(peer)


def stage_has_unsettled(peer: Peer) -> bool:
    queues = peer.stage.broker.catalog.namespaces["/"].queues
    return any(queue.live_ranges() for queue in queues.values())
