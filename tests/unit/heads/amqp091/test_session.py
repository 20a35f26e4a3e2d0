"""What one connection may hold before the engine takes it: unfinished bodies and open transactions."""

from onemq.heads.amqp091.methods import ConnectionClose, TxCommit, TxRollback, TxSelect
from onemq.heads.amqp091.settings import AmqpSettings
from unit.heads.amqp091.playbook import Peer, Stage, published

LIMIT = 100


def peer_with_limit() -> Peer:
    peer = Stage(AmqpSettings(held_bytes_max=LIMIT)).connect()
    peer.opens(1)
    return peer


def closed_for_resources(peer: Peer) -> bool:
    last = peer.heard()[-1].what
    return isinstance(last, ConnectionClose) and last.reply_code == 506


def test_bodies_that_never_end_are_bounded_over_all_channels() -> None:
    peer = peer_with_limit()
    whole = published("", "q", b"x" * 80)
    begun = whole[: whole.index(b"\x03\x00\x01")] + b"\x03\x00\x01\x00\x00\x00\x3c" + b"x" * 60 + b"\xce"
    peer.sends(begun)
    peer.heard()
    peer.opens(2)
    peer.sends(begun.replace(b"\x00\x01\x00\x00", b"\x00\x02\x00\x00"))
    assert closed_for_resources(peer)


def test_a_transaction_is_bounded_and_a_commit_or_rollback_frees_it() -> None:
    peer = peer_with_limit()
    peer.says(1, TxSelect())
    for end in (TxCommit(), TxRollback(), TxCommit()):
        peer.publishes(1, "", "q", b"x" * 90)
        peer.says(1, end)
    assert not closed_for_resources(peer)
    peer.publishes(1, "", "q", b"x" * 90, b"x" * 11)
    assert closed_for_resources(peer)
