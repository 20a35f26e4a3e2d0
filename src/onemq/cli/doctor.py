"""`onemq doctor`: looks at this machine and the settings, and says what to do. Works without a broker; changes nothing."""

import os
import sys
from collections.abc import Iterator
from typing import Final

import click

from onemq.cli.checks.check import BAD, GOOD, NOTE, WARNING, Finding
from onemq.cli.frame import FAILED, example
from onemq.cli.output import Output
from onemq.cli.serve import DEFAULT_CONFIG, Flag, read_config

_COLOURS: Final = {GOOD: "green", NOTE: "cyan", WARNING: "yellow", BAD: "red"}


@click.command(
    epilog=example(
        "onemq doctor", "onemq doctor --config /etc/onemq.toml --data /var/lib/onemq", "onemq doctor --json"
    )
)
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    help=f"Settings file; {DEFAULT_CONFIG} is read if it is here.",
)
@click.option("--data", metavar="DIR", help="Directory of the data [storage.data].")
@click.option("--set", "assignments", metavar="NAME=VALUE", multiple=True, help="Any other setting.")
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def doctor(config: str | None, data: str | None, assignments: tuple[str, ...], as_json: bool) -> None:
    """Check settings, ports, limits, disk, memory and clock as `onemq serve` would find them, and say what to do.

    Exit status: 0 nothing is bad, 1 something is. Run it as the user that runs the broker.
    """
    output = Output(as_json)
    findings: list[Finding] = []
    for finding in _findings(config, data, assignments):
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        output.json([finding.plain() for finding in findings])
    bad = sum(1 for finding in findings if finding.state == BAD)
    warnings = sum(1 for finding in findings if finding.state == WARNING)
    if not as_json:
        click.echo(f"\n{len(findings)} checks: {bad} bad, {warnings} warnings")
    if bad:
        sys.exit(FAILED)


def _findings(config: str | None, data: str | None, assignments: tuple[str, ...]) -> Iterator[Finding]:
    from onemq.config_sources import BadSettings, load

    flags: list[Flag] = []
    if data is not None:
        flags += [("storage.data", data, "the flag --data"), ("storage.memory", "false", "the flag --data")]
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        flags.append((name.strip(), value, f"the flag --set {name.strip()}"))
    path, text = read_config(config)
    try:
        settings = load(file_name=path, file_text=text, environment=os.environ, flags=flags)
    except BadSettings as error:
        for problem in error.problems:
            yield Finding("settings", BAD, problem, "see docs/configuration.md")
        return
    yield Finding(
        "settings", GOOD, f"{path} is fine" if path else "no file; defaults, variables and flags are fine"
    )
    from onemq.cli.checks.disk import check_disk
    from onemq.cli.checks.machine import check_machine
    from onemq.cli.checks.ports import check_ports

    yield from check_ports(settings)
    yield from check_machine(settings)
    yield from check_disk(settings)


def _print(finding: Finding) -> None:
    mark = click.style(finding.state.ljust(7), fg=_COLOURS[finding.state])
    click.echo(f"{mark}  {finding.name}: {finding.said}")
    if finding.advice:
        click.echo(f"         {finding.advice}")
