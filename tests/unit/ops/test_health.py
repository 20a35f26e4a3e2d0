"""What probes are answered, while recovery goes on and after it."""

from __future__ import annotations

from onemq.ops.health import Health, Progress


def test_a_broker_that_has_recovered() -> None:
    reasons = [""]
    health = Health(lambda: reasons[0])

    def said(path: str) -> tuple[int, str]:
        answer = health.answer(path)
        assert answer is not None
        return answer.status, answer.body

    assert said("/health/live") == (200, "live\n")
    assert said("/health/startup") == (200, "started\n")
    assert said("/health/ready") == (200, "ready\n")
    reasons[0] = "low on disk: make space"
    assert said("/health/ready") == (503, "not ready: low on disk: make space\n")
    assert said("/health/live") == (200, "live\n") and said("/health/startup")[0] == 200
    assert health.answer("/health") is None


def test_a_broker_that_recovers_is_alive_and_nothing_else() -> None:
    progress = Progress()
    assert progress.answer("/health/live") == (200, "live\n")
    assert progress.answer("/health/startup") == (503, "starting: reading the last checkpoint; wait\n")
    progress.replayed(30 << 20, 120 << 20)
    text = "starting: 25 % of the journal is read (30 of at most 120 MiB); wait\n"
    for path in ("/health/startup", "/health/ready", "/metrics", "/api/overview"):
        assert progress.answer(path) == (503, text)
