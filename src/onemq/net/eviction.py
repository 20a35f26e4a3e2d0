"""Closes the connections of users and namespaces that were deleted, as RabbitMQ does.

Must not: decide that somebody has to go (the directory does), or know a protocol: each says goodbye in its own words.
"""

from onemq.engine.directory.directory import DirectoryListener
from onemq.heads.contract import Peers


class Eviction(DirectoryListener):
    """See the module."""

    def __init__(self, peers: Peers) -> None:
        super().__init__()
        self._peers = peers

    def user_removed(self, name: str) -> None:
        for view in self._peers.views():
            # An operator's own connection logs in with each request.
            if view.profile.user == name and not view.profile.operates:
                self._peers.close(int(view.number), f"user '{name}' is deleted")

    def namespace_removed(self, name: str) -> None:
        for view in self._peers.views():
            if view.profile.namespace == name and view.profile.user and not view.profile.operates:
                self._peers.close(int(view.number), f"vhost '{name}' is deleted")
