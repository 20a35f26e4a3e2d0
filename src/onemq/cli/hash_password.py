"""`onemq hash-password`: works without a broker."""

import os
import sys

import click

from onemq.cli.frame import example, fail


@click.command(
    "hash-password", epilog=example("onemq hash-password", "echo secret | onemq hash-password --stdin --json")
)
@click.option(
    "--stdin", "from_stdin", is_flag=True, help="Read the password from standard input, without asking."
)
@click.option("--json", "as_json", is_flag=True, help="JSON instead of text.")
def hash_password_command(from_stdin: bool, as_json: bool) -> None:
    """Ask for a password and print its salted hash, for `password_hash` in the settings."""
    from onemq.model.passwords import SALT_BYTES, hash_password

    if from_stdin:
        password = sys.stdin.readline().rstrip("\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    if not password:
        fail("an empty password can never log in")
    encoded = hash_password(password, os.urandom(SALT_BYTES)).encoded()
    click.echo(f'{{"password_hash": "{encoded}"}}' if as_json else encoded)
