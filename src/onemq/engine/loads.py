"""Those who wait for the store: for batches on their way from it, or for its answer to a search by time."""

from mypy_extensions import i64, mypyc_attr


@mypyc_attr(allow_interpreted_subclasses=True)
class LoadWaiter:
    """Waits for batches on their way from the store."""

    def loaded(self, ticket: int, batches: list[bytes], next_offset: i64) -> None:
        """The store's answer, as `ports.Loaded`."""
        raise NotImplementedError


@mypyc_attr(allow_interpreted_subclasses=True)
class FindWaiter:
    """Waits for the store's answer to a search by time."""

    def found(self, ticket: int, offset: i64) -> None:
        """As `ports.Found`."""
        raise NotImplementedError
