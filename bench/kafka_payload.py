"""What the records of the Kafka load hold: lines of text like an application's events, the same for all load programs.

Must not be random bytes, which lz4 could not shrink, nor one line again and again, of which nothing would be left.
"""

import random
from pathlib import Path
from typing import Final

LINES: Final = 2000
SEED: Final = 20_090_201
KINDS: Final = ("order.created", "order.paid", "order.shipped", "cart.changed", "user.signed-in", "stock.low")
PLACES: Final = ("Aarhus", "Bergen", "Cardiff", "Dresden", "Eindhoven", "Firenze", "Gdansk", "Helsinki")


def payloads(record_bytes: int) -> list[bytes]:
    """LINES different values of exactly `record_bytes` ASCII bytes without a line break; always the same."""
    source = random.Random(SEED)
    return [_event(source, record_bytes) for _ in range(LINES)]


def _event(source: random.Random, record_bytes: int) -> bytes:
    text = ""
    while len(text) < record_bytes:
        text += (
            f'{{"id":{source.randrange(10**9)},"kind":"{source.choice(KINDS)}","place":"{source.choice(PLACES)}",'
            f'"customer":"{source.randrange(16**8):08x}","amount":{source.randrange(10**5) / 100}}}'
        )
    return text[:record_bytes].encode()


def write_payload_file(path: Path, record_bytes: int) -> Path:
    """One value a line, as ProducerPerformance's --payload-file wants it."""
    path.write_bytes(b"\n".join(payloads(record_bytes)))
    return path
