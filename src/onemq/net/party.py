"""What the other parts of the net ask of a connection: its turn, its deadline, its pressure, its end.

One class, not four small interfaces: compiled code calls a method of a base class directly. connection.py fills it in.
"""

from mypy_extensions import i64, mypyc_attr

from onemq.heads.contract import Link, PeerView


@mypyc_attr(allow_interpreted_subclasses=True)
class Party(Link):
    """A connection, as turns, timers, pressure and registry know it."""

    # turns.py

    def resume(self) -> None:
        """Go on with what was put off (`again`)."""
        raise NotImplementedError

    def end_turn(self) -> None:
        """The turn's commit is made; last words."""
        raise NotImplementedError

    def flush(self) -> None:
        """Write what there is."""
        raise NotImplementedError

    # timers.py

    def due(self, now_ms: i64) -> i64:
        """The deadline has come: act, and return the next one (0 = none)."""
        raise NotImplementedError

    # pressure.py

    def hold(self, reason: str) -> None:
        """An alarm: tell the peer, and stop reading from it."""
        raise NotImplementedError

    def unhold(self) -> None:
        """The alarm is over."""
        raise NotImplementedError

    def slow_down(self, slow: bool) -> None:
        """Stop reading from the peer for a moment, without a word; or go on."""
        raise NotImplementedError

    # drain.py

    def drain(self, reason: str) -> None:
        """Say goodbye and close once everything is sent."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close now."""
        raise NotImplementedError

    # registry.py

    def view(self, number: i64) -> PeerView | None:
        """What an operator sees of it; None when it is as good as gone."""
        raise NotImplementedError

    def dismiss(self, reason: str) -> None:
        """An operator closes it: say so, and close once everything is sent."""
        raise NotImplementedError
