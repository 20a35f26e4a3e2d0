"""What was given under an attempt's name: for a while, and within bounds."""

from onemq.engine.receive_attempts import REMEMBERED_MS, ReceiveAttempts
from onemq.engine.receiving import Received
from onemq.model.record import NO_ADDRESS, Record

ATTEMPTS_MAX = 1_000
BYTES_MAX = 16 << 20


def given(size: int = 1) -> list[Received]:
    return [Received(Record(b"x" * size, NO_ADDRESS), 1, 0, 1, 0, 0)]


def test_a_name_is_known_for_a_while() -> None:
    attempts = ReceiveAttempts(ATTEMPTS_MAX, BYTES_MAX)
    found = given()
    attempts.remember("a", found, 0)
    assert attempts.find("a", REMEMBERED_MS - 1) is found
    assert attempts.find("b", 0) == []
    assert attempts.find("a", REMEMBERED_MS) == attempts.find("a", 0) == []


def test_the_oldest_go_first_by_number_and_by_bytes() -> None:
    attempts = ReceiveAttempts(ATTEMPTS_MAX, BYTES_MAX)
    for number in range(ATTEMPTS_MAX + 1):
        attempts.remember(str(number), given(), 0)
    assert attempts.find("0", 0) == [] and attempts.find("1", 0)
    attempts.remember("large", given(BYTES_MAX - 10), 0)
    assert attempts.find("900", 0) == [] and attempts.find(str(ATTEMPTS_MAX), 0)
    attempts.remember("later", given(), REMEMBERED_MS)
    assert attempts.find("large", 0) == [] and attempts.find("later", REMEMBERED_MS)
