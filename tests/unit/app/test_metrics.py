"""Metrics of a real server, over HTTP, on both ports."""

from __future__ import annotations

import asyncio
import urllib.request
from pathlib import Path

from onemq.app.server import Server
from unit.app.test_server import Failures, on_free_ports
from unit.ops.metrics_stage import samples_of


def test_both_ports_serve_the_same_metrics_without_a_login(tmp_path: Path) -> None:
    async def scrape() -> None:
        loop = asyncio.get_running_loop()
        server = Server(on_free_ports(tmp_path / "data"), loop, Failures())
        await server.start()
        addresses = dict(server.addresses())
        try:
            for name in ("metrics", "http"):
                for path in ("/metrics", "/metrics/per-object"):
                    url = f"http://{addresses[name]}{path}"
                    body, kind = await loop.run_in_executor(None, _get, url)
                    samples = samples_of(body)
                    assert kind == "text/plain; version=0.0.4; charset=utf-8"
                    opened = samples["onemq_connections_opened_total"]
                    assert opened[(("protocol", "amqp"),)] == 0
                    assert opened[(("protocol", "metrics"),)] >= 1
                    assert samples["onemq_commits_total"][()] >= 1
                    assert samples["onemq_disk_free_bytes"][()] > 0
                    assert samples["onemq_turn_seconds_count"][()] >= 1
        finally:
            await server.stop()

    asyncio.run(scrape())


def _get(url: str) -> tuple[str, str]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return answer.read().decode("utf-8"), answer.headers["Content-Type"]
