"""`onemq serve`: flags become settings, the settings a process.

Exit status: 0 stopped in order, 1 failed, 2 a bad setting or flag. Must stay quick to import: what runs the broker comes last.
"""

import os
import sys

import click

from onemq.cli.frame import example, fail

CONFIG_VARIABLE = "ONEMQ_CONFIG"
DEFAULT_CONFIG = "onemq.toml"

Flag = tuple[str, str, str]
"""Dotted name of the setting, its value as text, the flag as it was spelled."""


@click.command(epilog=example("onemq serve --data /var/lib/onemq", "onemq serve --memory --amqp-port 0"))
@click.option(
    "--config",
    type=click.Path(dir_okay=False),
    help=f"Settings file; {DEFAULT_CONFIG} is read if it is here.",
)
@click.option("--data", metavar="DIR", help="Directory of the data [storage.data].")
@click.option("--memory", is_flag=True, help="Keep everything in memory, store nothing [storage.memory].")
@click.option("--host", help="Address to listen on [server.host].")
@click.option("--amqp-port", metavar="N", help="AMQP 0-9-1; 0 takes a free port, off for none [amqp.port].")
@click.option(
    "--amqp-tls-port", metavar="N", help="AMQP 0-9-1 over TLS; needs tls.certificate [amqp.tls_port]."
)
@click.option("--kafka-port", metavar="N", help="Kafka; 0 takes a free port, off for none [kafka.port].")
@click.option("--kafka-tls-port", metavar="N", help="Kafka over TLS; needs tls.certificate [kafka.tls_port].")
@click.option(
    "--aws-port", metavar="N", help="Amazon SQS and SNS; 0 takes a free port, off for none [aws.port]."
)
@click.option(
    "--aws-tls-port", metavar="N", help="Amazon SQS and SNS over TLS; needs tls.certificate [aws.tls_port]."
)
@click.option(
    "--http-port",
    metavar="N",
    help="RabbitMQ's management API, health and metrics; 0 takes a free port, off for none [http.port].",
)
@click.option(
    "--http-tls-port", metavar="N", help="The same over TLS; needs tls.certificate [http.tls_port]."
)
@click.option(
    "--metrics-port",
    metavar="N",
    help="Metrics for Prometheus; 0 takes a free port, off for none [metrics.port].",
)
@click.option(
    "--port-file",
    metavar="FILE",
    help="Write the ports there as JSON when clients are served [server.port_file].",
)
@click.option("--log-level", metavar="LEVEL", help="debug, info, warning or error [log.level].")
@click.option(
    "--set", "assignments", metavar="NAME=VALUE", multiple=True, help="Any other setting, by its dotted name."
)
def serve(
    config: str | None,
    data: str | None,
    memory: bool,
    host: str | None,
    amqp_port: str | None,
    amqp_tls_port: str | None,
    kafka_port: str | None,
    kafka_tls_port: str | None,
    aws_port: str | None,
    aws_tls_port: str | None,
    http_port: str | None,
    http_tls_port: str | None,
    metrics_port: str | None,
    port_file: str | None,
    log_level: str | None,
    assignments: tuple[str, ...],
) -> None:
    """Run the broker. Settings: defaults, then onemq.toml, then ONEMQ_* variables, then flags."""
    flags: list[Flag] = []
    if data is not None and memory:
        fail("--data and --memory exclude each other: with --memory nothing is stored")
    if data is not None:
        # A data directory asked for on the command line beats storage.memory = true in the file.
        flags += [("storage.data", data, "the flag --data"), ("storage.memory", "false", "the flag --data")]
    if memory:
        flags.append(("storage.memory", "true", "the flag --memory"))
    for name, flag, value in (
        ("server.host", "--host", host),
        ("amqp.port", "--amqp-port", amqp_port),
        ("amqp.tls_port", "--amqp-tls-port", amqp_tls_port),
        ("kafka.port", "--kafka-port", kafka_port),
        ("kafka.tls_port", "--kafka-tls-port", kafka_tls_port),
        ("aws.port", "--aws-port", aws_port),
        ("aws.tls_port", "--aws-tls-port", aws_tls_port),
        ("http.port", "--http-port", http_port),
        ("http.tls_port", "--http-tls-port", http_tls_port),
        ("metrics.port", "--metrics-port", metrics_port),
        ("server.port_file", "--port-file", port_file),
        ("log.level", "--log-level", log_level),
    ):
        if value is not None:
            flags.append((name, value, f"the flag {flag}"))
    for assignment in assignments:
        name, equals, value = assignment.partition("=")
        if not equals:
            fail(f"--set takes NAME=VALUE, got {assignment!r}")
        flags.append((name.strip(), value, f"the flag --set {name.strip()}"))
    _serve(config, flags)


def _serve(config: str | None, flags: list[Flag]) -> None:
    from onemq.config_sources import BadSettings, load

    path, text = read_config(config)
    try:
        settings = load(file_name=path, file_text=text, environment=os.environ, flags=flags)
    except BadSettings as error:
        fail("\n".join(error.problems))
    from onemq.app.process import run

    sys.exit(run(settings))


def read_config(config: str | None) -> tuple[str, str]:
    """Name and text of the settings file; ("", "") when there is none and none was asked for."""
    asked = config if config is not None else os.environ.get(CONFIG_VARIABLE)
    path = asked if asked is not None else DEFAULT_CONFIG
    if asked is None and not os.path.exists(path):
        return "", ""
    try:
        with open(path, encoding="utf-8") as file:
            return path, file.read()
    except (OSError, UnicodeDecodeError) as error:
        origin = "--config" if config is not None else CONFIG_VARIABLE
        fail(
            f"cannot read the settings file {path} (from {origin if asked is not None else 'here'}): {error}"
        )
