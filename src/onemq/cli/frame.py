"""The frame of every command: its common options, where it finds the broker, how it fails.

Exit status: 0 done, 1 it failed or was refused, 2 the command line was wrong.
Must stay quick to import: no rich, no HTTP.
"""

import functools
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn

import click

if TYPE_CHECKING:
    from onemq.cli.client import Client
    from onemq.cli.output import Output

DEFAULT_URL: Final = "http://localhost:15672"
FAILED: Final = 1
BAD_USAGE: Final = 2


class CliError(click.ClickException):
    """One line: what is wrong, and what to do."""

    exit_code = FAILED

    def show(self, file: Any = None) -> None:
        # What the broker says may have several lines.
        click.echo(f"onemq: {' '.join(self.message.split())}", err=True)


class BadUsage(CliError):
    """The command line asks for what cannot be."""

    exit_code = BAD_USAGE


def fail(text: str) -> NoReturn:
    """Says what is wrong and exits with status 2."""
    click.echo(f"onemq: {text}", err=True)
    sys.exit(BAD_USAGE)


def example(*lines: str) -> str:
    """What stands under a command's help."""
    return "\b\nExample:\n" + "\n".join(f"  {line}" for line in lines)


class Frame:
    """What the common options say. `namespace`: where names are looked up."""

    def __init__(self, url: str, user: str, password: str, namespace: str, as_json: bool) -> None:
        self.url = url
        self.user = user
        self.password = password
        self.namespace = namespace
        self.as_json = as_json
        self._client: Client | None = None
        self._output: Output | None = None

    @property
    def client(self) -> "Client":
        if self._client is None:
            from onemq.cli.client import Client

            self._client = Client(self.url, self.user, self.password)
        return self._client

    @property
    def out(self) -> "Output":
        if self._output is None:
            from onemq.cli.output import Output

            self._output = Output(self.as_json)
        return self._output


def talks(command: Callable[..., None]) -> Callable[..., None]:
    """A command that talks to a broker: it gets a Frame first, and the options that every one of them has."""

    @click.option(
        "--url",
        envvar="ONEMQ_URL",
        default=DEFAULT_URL,
        show_default=True,
        help="Of the broker's HTTP port [ONEMQ_URL].",
    )
    @click.option("--user", envvar="ONEMQ_USER", default="guest", show_default=True, help="[ONEMQ_USER]")
    @click.option("--password", envvar="ONEMQ_PASSWORD", default="guest", help="[ONEMQ_PASSWORD]")
    @click.option(
        "-n",
        "--namespace",
        envvar="ONEMQ_NAMESPACE",
        default="/",
        show_default=True,
        help="RabbitMQ's virtual host [ONEMQ_NAMESPACE].",
    )
    @click.option("--json", "as_json", is_flag=True, help="JSON instead of text; streams: one object a line.")
    @functools.wraps(command)
    def wrapped(url: str, user: str, password: str, namespace: str, as_json: bool, **others: Any) -> None:
        command(Frame(url, user, password, namespace, as_json), **others)

    return wrapped


def confirm(text: str, yes: bool) -> None:
    """Asks before what cannot be undone; who is not at a terminal has to say --yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise BadUsage(f"{text}: say --yes, nobody can be asked here")
    click.confirm(f"{text}?", abort=True, err=True)


yes_option = click.option("-y", "--yes", is_flag=True, help="Do not ask.")


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called. commands: name to (module:attribute, one line of help)."""

    def __init__(
        self, *args: Any, lazy: dict[str, dict[str, tuple[str, str]]] | None = None, **others: Any
    ) -> None:
        super().__init__(*args, **others)
        self._sections = lazy or {}

    def main(self, *args: Any, **others: Any) -> Any:
        """As click's, with errors on one line."""
        if not others.pop("standalone_mode", True):
            return super().main(*args, standalone_mode=False, **others)  # type: ignore[call-overload]
        try:
            result = super().main(*args, standalone_mode=False, **others)  # type: ignore[call-overload]
        except CliError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx is not None else "onemq"
            click.echo(f"onemq: {error.format_message()} See `{path} --help`", err=True)
            sys.exit(error.exit_code)
        except click.ClickException as error:
            click.echo(f"onemq: {error.format_message()}", err=True)
            sys.exit(error.exit_code)
        except click.Abort:
            click.echo("onemq: stopped", err=True)
            sys.exit(FAILED)
        except BrokenPipeError:
            # Whoever read has seen enough.
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115
            sys.exit(FAILED)
        sys.exit(result if isinstance(result, int) else 0)

    def _found(self, name: str) -> tuple[str, str] | None:
        for section in self._sections.values():
            if name in section:
                return section[name]
        return None

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in self._sections.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        found = self._found(cmd_name)
        if found is None:
            return None
        from importlib import import_module

        module, _, attribute = found[0].partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, section in self._sections.items():
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in section.items()])
