"""What `onemq bench` shows: while it runs, and at the end. Must not: start anything; talk to a broker."""

from typing import TYPE_CHECKING, Any, Final

import click

from onemq.cli.bench.histogram import Histogram
from onemq.cli.bench.run import Run, Side
from onemq.cli.output import Column, Output, number, plain_table, rich_table, size

if TYPE_CHECKING:
    from rich.console import RenderableType

BARS: Final = 12
BAR_WIDTH: Final = 40


def milliseconds(value: float | None) -> str:
    """Of a latency: as many digits as say something."""
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}" if value < 1000 else f"{value:,.0f}"


def _latency(title: str, name: str) -> Column:
    return title + ">", lambda row: milliseconds(row["latency_ms"][name])


_COLUMNS: Final[list[Column]] = [
    ("", lambda row: str(row["what"])),
    ("messages>", lambda row: number(row["messages"])),
    ("per second>", lambda row: number(row["per_second"])),
    _latency("p50 ms", "p50"),
    _latency("p90", "p90"),
    _latency("p99", "p99"),
    _latency("p99.9", "p99_9"),
    _latency("max", "max"),
]


def result(protocol: str, run: Run) -> dict[str, Any]:
    """All that was measured. published, consumed: how many, and a second; latencies: from publish to confirm, and to arrival."""
    plan = run.plan
    published, consumed = run.producers.messages(), run.consumers.messages()
    return {
        "protocol": protocol,
        "target": plan.target,
        "size": plan.size,
        "producers": len(run.producers.workers),
        "consumers": len(run.consumers.workers),
        "confirm": plan.confirm,
        "rate": plan.per_second * max(len(run.producers.workers), 1) or None,
        "interrupted": run.interrupted,
        "seconds": round(run.published_seconds, 3),
        "published": published,
        "consumed": consumed,
        "published_per_second": _per_second(published, run.published_seconds),
        "consumed_per_second": _per_second(consumed, run.consumed_seconds),
        "bytes_per_second": _per_second(published * plan.size, run.published_seconds),
        "publish_ms": run.producers.latencies.summary(),
        "delivery_ms": run.consumers.latencies.summary(),
    }


def _per_second(count: int, seconds: float) -> float:
    return round(count / max(seconds, 0.001), 1)


def live(protocol: str, run: Run) -> "RenderableType":
    """While it runs: rates of the last seconds, latencies so far."""
    from rich.console import Group
    from rich.text import Text

    plan = run.plan
    rows = [
        _row(what, side, side.rate())
        for what, side in (("publish to confirm", run.producers), ("publish to delivery", run.consumers))
        if side.workers
    ]
    title = f"{protocol}: {plan.size} bytes a message, {plan.target}, {run.seconds():.0f} s"
    return Group(Text(title, style="bold"), rich_table(rows, _COLUMNS), Text("ctrl-C ends", style="dim"))


def _row(what: str, side: Side, per_second: float) -> dict[str, Any]:
    return {
        "what": what,
        "messages": side.messages(),
        "per_second": per_second,
        "latency_ms": side.latencies.summary(),
    }


def tell(output: Output, protocol: str, run: Run) -> None:
    """The end: JSON, or a table and a picture of the latencies."""
    found = result(protocol, run)
    if output.as_json:
        output.json(found)
        return
    rows = []
    for what, side, rate in (
        ("publish to confirm", run.producers, found["published_per_second"]),
        ("publish to delivery", run.consumers, found["consumed_per_second"]),
    ):
        if side.workers:
            rows.append(_row(what, side, rate))
    click.echo(f"{protocol}, {found['seconds']:.1f} s, {size(int(found['bytes_per_second']))}/s published")
    if output.terminal:
        output.console().print(rich_table(rows, _COLUMNS))
    else:
        click.echo(plain_table(rows, _COLUMNS))
    for row, side in zip(
        rows, [each for each in (run.producers, run.consumers) if each.workers], strict=True
    ):
        if side.latencies.count:
            click.echo(f"\n{row['what']}, ms")
            for line in bar_lines(side.latencies):
                click.echo(line)


def bar_lines(histogram: Histogram) -> list[str]:
    """A picture of it."""
    bars = histogram.bars(BARS)
    most = max((count for _, _, count in bars), default=1)
    return [
        f"{milliseconds(low):>8} to {milliseconds(high):>8} {count:>12,} {'#' * round(count / most * BAR_WIDTH)}".rstrip()
        for low, high, count in bars
    ]
