"""`onemq doctor`: looks at this machine, the settings and a broker that runs, and says what to do.

Works without a broker; changes nothing.
"""

import os
import signal
import sys
from collections.abc import Iterator
from typing import Final

import click

from onemq.cli.checks.check import OK, PROBLEM, WARNING, Finding
from onemq.cli.frame import FAILED, BadUsage, example
from onemq.cli.output import Output
from onemq.cli.serve import DEFAULT_CONFIG, Flag, read_config

_COLOURS: Final = {OK: "green", WARNING: "yellow", PROBLEM: "red"}


@click.command(
    epilog=example(
        "onemq doctor",
        "onemq doctor --config /etc/onemq.toml --data /var/lib/onemq",
        "onemq doctor --url http://broker:15672 --json",
    )
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    help=f"Settings file; {DEFAULT_CONFIG} is read if it is here.",
)
@click.option("--data", metavar="DIR", help="Directory of the data [storage.data].")
@click.option("--memory", is_flag=True, help="As a broker that stores nothing [storage.memory].")
@click.option(
    "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="Any other setting, by its dotted name."
)
@click.option(
    "--url",
    envvar="ONEMQ_URL",
    help="A broker that has to run; without: the settings' http.port. [ONEMQ_URL]",
)
@click.option("--user", envvar="ONEMQ_USER", default="guest", show_default=True, help="[ONEMQ_USER]")
@click.option("--password", envvar="ONEMQ_PASSWORD", default="guest", help="[ONEMQ_PASSWORD]")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def doctor(
    config: str | None,
    data: str | None,
    memory: bool,
    assignments: tuple[str, ...],
    url: str | None,
    user: str,
    password: str,
    as_json: bool,
) -> None:
    """Check settings, ports, limits, disk, memory, clock and a running broker, and say what to do.

    Settings are read as `onemq serve` reads them. Run it as the user that runs the broker.
    Exit status: 1 when there is a problem, 0 otherwise.
    """
    if data is not None and memory:
        raise BadUsage("--data and --memory exclude each other: with --memory nothing is stored")
    flags: list[Flag] = []
    if data is not None:
        flags += [("storage.data", data, "the flag --data"), ("storage.memory", "false", "the flag --data")]
    if memory:
        flags.append(("storage.memory", "true", "the flag --memory"))
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            raise BadUsage(f"--set takes NAME=VALUE, got {assignment!r}")
        flags.append((name.strip(), value, f"the flag --set {name.strip()}"))
    # So that files made for a measurement go, as they do on ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))
    output = Output(as_json)
    findings: list[Finding] = []
    for finding in _findings(config, flags, url, user, password):
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        output.json([finding.plain() for finding in findings])
    problems = sum(1 for finding in findings if finding.state == PROBLEM)
    warnings = sum(1 for finding in findings if finding.state == WARNING)
    if not as_json:
        click.echo(f"\n{len(findings)} checks: {_count(problems, 'problem')}, {_count(warnings, 'warning')}")
    if problems:
        sys.exit(FAILED)


def _findings(
    config: str | None, flags: list[Flag], url: str | None, user: str, password: str
) -> Iterator[Finding]:
    from onemq.config_sources import BadSettings, load

    path, text = read_config(config)
    try:
        settings = load(file_name=path, file_text=text, environment=os.environ, flags=flags)
    except BadSettings as error:
        for problem in error.problems:
            yield Finding("settings", PROBLEM, problem, "docs/configuration.md has every setting")
        return
    variables = sorted(name for name in os.environ if name.startswith("ONEMQ_"))
    sources = [path or "no file", *variables, *sorted({flag for _, _, flag in flags})]
    yield Finding("settings", OK, ", ".join(sources))
    from onemq.app.construction import CannotStart, tls_context
    from onemq.cli.checks.broker import check_broker
    from onemq.cli.checks.disk import check_disk
    from onemq.cli.checks.machine import check_machine
    from onemq.cli.checks.ports import check_ports
    from onemq.config import OFF

    if settings.tls_configured():
        try:
            tls_context(settings)
            yield Finding("certificate", OK, settings.tls.certificate)
        except CannotStart as error:
            yield Finding("certificate", PROBLEM, str(error), "name files that belong together")
    yield from check_ports(settings)
    yield from check_disk(settings)
    yield from check_machine(settings)
    if url is not None:
        yield from check_broker(url, True, user, password)
    elif settings.http.port not in (OFF, 0):
        yield from check_broker(local_url(settings.server.host, settings.http.port), False, user, password)


def local_url(host: str, port: int) -> str:
    """Where a broker with these settings answers on this machine."""
    if host in ("0.0.0.0", "::", ""):
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _print(finding: Finding) -> None:
    click.echo(
        f"{click.style(finding.state.ljust(7), fg=_COLOURS[finding.state])}  {finding.name}: {finding.found}"
    )
    if finding.advice:
        click.echo(f"         {finding.advice}")


def _count(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
