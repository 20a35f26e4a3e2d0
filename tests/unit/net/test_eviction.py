"""Who is closed when a user or a namespace is deleted."""

from __future__ import annotations

from onemq.heads.contract import Peers, PeerView, Profile
from onemq.model.principal import Peer
from onemq.net.eviction import Eviction


class Known(Peers):
    def __init__(self) -> None:
        self.closed: list[tuple[int, str]] = []
        self.known: list[PeerView] = []

    def add(self, user: str, namespace: str, operates: bool = False) -> None:
        profile = Profile("AMQP 0-9-1", user, namespace)
        profile.operates = operates
        peer = Peer("127.0.0.1", 5)
        self.known.append(PeerView(len(self.known) + 1, "amqp", peer, profile, 0, 0, 0, 0))

    def views(self) -> list[PeerView]:
        return self.known

    def close(self, number: int, reason: str) -> bool:
        self.closed.append((number, reason))
        return True


def test_evictions() -> None:
    peers = Known()
    peers.add("ann", "/")
    peers.add("bob", "/")
    peers.add("ann", "shop")
    peers.add("", "")
    peers.add("ann", "/", operates=True)
    eviction = Eviction(peers)
    eviction.user_removed("ann")
    assert peers.closed == [(1, "user 'ann' is deleted"), (3, "user 'ann' is deleted")]
    peers.closed.clear()
    eviction.namespace_removed("/")
    assert [number for number, _ in peers.closed] == [1, 2]
    assert peers.closed[0][1] == "vhost '/' is deleted"
