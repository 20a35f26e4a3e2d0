"""What notices need of a head: records made of notices, and somebody who takes them to where no queue is.

The composition root hands the head's objects to `Notices`. Part of the engine's public face.
"""

from abc import abstractmethod

from mypy_extensions import mypyc_attr

from onemq.engine.notices.notice import Notice
from onemq.engine.notices.topic import NoticeTopic, Subscription
from onemq.model.entities import QueueSettings
from onemq.model.record import Record


@mypyc_attr(allow_interpreted_subclasses=True)
class Renderer:
    """Makes records. Called within publishing and replays: must not call the engine."""

    @abstractmethod
    def render(
        self,
        topic: NoticeTopic,
        subscription: Subscription,
        notice: Notice,
        target: QueueSettings | None,
        replayed: bool,
    ) -> Record:
        """What this subscriber gets. `target`: settings of the queue it goes to; None for what a courier takes."""

    @abstractmethod
    def deduplication(self, target: QueueSettings, notice: Notice) -> tuple[str, str]:
        """Scope and id under which the queue remembers what it has accepted; id "" = it does not."""

    @abstractmethod
    def dead(self, subscription: Subscription, record: Record, reason: str, target: QueueSettings) -> Record:
        """What the queue for dead letters gets instead of a record that could not be delivered."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Parcel:
    """One record on its way to a subscriber. Exactly one of the three ends it, in a turn; later ones do nothing."""

    def __init__(self, subscription: Subscription, record: Record, attempts: int) -> None:
        self.subscription = subscription
        self.record = record
        self.attempts = attempts
        """This one included."""

    @abstractmethod
    def delivered(self) -> None: ...

    @abstractmethod
    def again(self, wait_ms: int) -> None:
        """It is to be taken there once more, so much later."""

    @abstractmethod
    def lost(self, reason: str) -> None:
        """It cannot be delivered: it goes to the subscription's dead letters."""


@mypyc_attr(allow_interpreted_subclasses=True)
class Courier:
    """Takes parcels away."""

    @abstractmethod
    def take(self, parcel: Parcel) -> None:
        """Starts; must not end the parcel before it returns, and ends it some time."""


class LosesParcels:
    """Who takes what cannot be delivered."""

    @abstractmethod
    def bury_parcel(self, subscription: Subscription, parcel: Parcel, reason: str) -> None: ...
