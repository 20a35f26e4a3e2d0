"""What the port to the store does by itself."""

from engine_driver import Disk, FakeStore


def test_a_commit_in_parts_is_put_together_for_a_store_that_takes_it_whole() -> None:
    class Keeping(FakeStore):
        def append(self, facts: bytes) -> int:
            taken.append(facts)
            return super().append(facts)

    taken: list[bytes] = []
    assert Keeping(Disk()).append_parts([b"one", b"", b"two"]) == 1
    assert taken == [b"onetwo"]
