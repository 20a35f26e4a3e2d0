"""Matches per second of the routing part, for whatever build of onemq is installed (it says which).

Run it with the interpreter of the build to measure: python bench/micro/routing.py
"""

import time
from collections.abc import Callable

from onemq.engine.routing import kinds
from onemq.engine.routing.destination import Destination
from onemq.engine.routing.kinds import matcher_for
from onemq.engine.routing.matcher import Matcher
from onemq.model.record import HeaderValue

ROUNDS = 5
ROUND_SECONDS = 0.2


def direct() -> tuple[Matcher, str, dict[str, HeaderValue]]:
    matcher = matcher_for("direct")
    for number in range(1_000):
        matcher.add(Destination(f"q{number}"), f"key.{number}", {})
    return matcher, "key.500", {}


def fanout() -> tuple[Matcher, str, dict[str, HeaderValue]]:
    matcher = matcher_for("fanout")
    for number in range(10):
        matcher.add(Destination(f"q{number}"), "", {})
    return matcher, "", {}


def topic() -> tuple[Matcher, str, dict[str, HeaderValue]]:
    """A thousand patterns of four words, three of ten with wildcards; eleven match."""
    matcher = matcher_for("topic")
    for number in range(1_000):
        region, kind = number % 10, number // 10
        patterns = [f"shop.{region}.{kind}.*", f"shop.*.{kind}.new", f"shop.{region}.{kind}.#"]
        pattern = patterns[region] if region < 3 else f"shop.{region}.{kind}.new"
        matcher.add(Destination(f"q{number}"), pattern, {})
    for number in range(9):
        matcher.add(Destination(f"all{number}"), "shop.#" if number % 2 else "#.new", {})
    return matcher, "shop.5.50.new", {}


def hashes_in_patterns() -> tuple[Matcher, str, dict[str, HeaderValue]]:
    """A thousand patterns #.word.#: the worst there is for a trie."""
    matcher = matcher_for("topic")
    for number in range(1_000):
        matcher.add(Destination(f"q{number}"), f"#.{number}.#", {})
    return matcher, "a.b.500.c.d.e", {}


def headers() -> tuple[Matcher, str, dict[str, HeaderValue]]:
    """A hundred bindings that ask for two headers each, of a record with four; ten match."""
    matcher = matcher_for("headers")
    for number in range(100):
        arguments: dict[str, object] = {"x-match": "all", "format": "pdf", "size": number % 10}
        matcher.add(Destination(f"q{number}"), str(number), arguments)
    return matcher, "", {"format": "pdf", "size": 5, "type": "report", "x-trace": "0123456789abcdef"}


def consistent_hash() -> tuple[Matcher, str, dict[str, HeaderValue]]:
    matcher = matcher_for("consistent-hash")
    for number in range(10):
        matcher.add(Destination(f"q{number}"), "1", {})
    return matcher, "customer.12345678", {}


def measure(matcher: Matcher, key: str, values: dict[str, HeaderValue]) -> float:
    """Matches per second: the best of ROUNDS."""
    best = 0.0
    for _ in range(ROUNDS):
        count = 0
        start = time.perf_counter()
        elapsed = 0.0
        while elapsed < ROUND_SECONDS:
            for _ in range(1_000):
                matcher.match(key, values, [])
            count += 1_000
            elapsed = time.perf_counter() - start
        best = max(best, count / elapsed)
    return best


def main() -> None:
    print("build:", "interpreted" if (kinds.__file__ or "").endswith(".py") else "compiled")
    cases: list[Callable[[], tuple[Matcher, str, dict[str, HeaderValue]]]] = [
        direct,
        fanout,
        topic,
        hashes_in_patterns,
        headers,
        consistent_hash,
    ]
    for case in cases:
        matcher, key, values = case()
        out: list[Destination] = []
        matcher.match(key, values, out)
        rate = measure(matcher, key, values)
        print(f"{case.__name__:20}{len(matcher):6} bindings{len(out):4} matched{rate:12,.0f} matches/s")


if __name__ == "__main__":
    main()
