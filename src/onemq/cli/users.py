"""`onemq users`: list, show, create, set, delete, permissions, grant, revoke, access keys."""

import sys
from typing import Any

import click

from onemq.cli.frame import Frame, confirm, example, fail, talks, yes_option
from onemq.cli.output import yes as yes_text

_NEW_PASSWORD = "--new-password"


@click.group(
    epilog=example("onemq users create anna --tag monitoring", "onemq users grant anna --read '^orders'")
)
def users() -> None:
    """Users, and what they may do. Those in the settings are shown, and cannot be changed here."""


@users.command("list", epilog=example("onemq users list"))
@talks
def list_users(frame: Frame) -> None:
    """All users."""
    frame.out.table(
        frame.client.get("users"),
        [
            ("name", lambda each: each["name"]),
            ("tags", lambda each: " ".join(each["tags"])),
            ("password", lambda each: yes_text(each["has_password"])),
            ("access keys", lambda each: " ".join(each["access_keys"])),
            ("in the settings", lambda each: yes_text(each["configured"])),
        ],
        "there are no users",
    )


@users.command("show", epilog=example("onemq users show anna"))
@click.argument("name")
@talks
def show(frame: Frame, name: str) -> None:
    """One user and the permissions."""
    found = frame.client.get("users", name)
    granted = frame.client.get("permissions", query={"user": name})
    if frame.as_json:
        frame.out.json({"user": found, "permissions": granted})
        return
    frame.out.fields(
        found,
        [
            ("name", found["name"]),
            ("tags", " ".join(found["tags"])),
            ("password", "yes" if found["has_password"] else "none fits"),
            ("access keys", " ".join(found["access_keys"])),
            ("in the settings", yes_text(found["configured"])),
        ],
    )
    _permissions_table(frame, granted)


def _password(password_stdin: bool, new_password: str | None) -> str | None:
    if password_stdin:
        return sys.stdin.readline().rstrip("\n")
    if new_password is not None:
        return new_password
    return None


@users.command(
    "create",
    epilog=example(
        "onemq users create anna --tag monitoring", "echo secret | onemq users create bob --password-stdin"
    ),
)
@click.argument("name")
@click.option("--tag", "tags", multiple=True, help="administrator, monitoring, policymaker, management.")
@click.option(_NEW_PASSWORD, "new_password", help="Others on this machine may see it; asked for without.")
@click.option("--password-stdin", is_flag=True, help="A line of standard input is the password.")
@click.option("--no-password", is_flag=True, help="No password fits; for certificates and access keys.")
@talks
def create(
    frame: Frame,
    name: str,
    tags: tuple[str, ...],
    new_password: str | None,
    password_stdin: bool,
    no_password: bool,
) -> None:
    """Make a user. Asks for the password."""
    password = _password(password_stdin, new_password)
    if password is None and not no_password:
        if not sys.stdin.isatty():
            fail(f"no password: give --password-stdin, {_NEW_PASSWORD} or --no-password")
        password = click.prompt(
            "Password of the new user", hide_input=True, confirmation_prompt=True, err=True
        )
    done = frame.client.put("users", name, body={"tags": list(tags), "password": password})
    frame.out.show(done, f"user {name} is {'made' if done['made'] else 'changed'}")


@users.command(
    "set",
    epilog=example(
        "onemq users set anna --tag administrator", "onemq users set anna --password-stdin < secret"
    ),
)
@click.argument("name")
@click.option("--tag", "tags", multiple=True, help="These from now on.")
@click.option("--no-tags", is_flag=True)
@click.option(_NEW_PASSWORD, "new_password")
@click.option("--password-stdin", is_flag=True)
@talks
def set_user(
    frame: Frame,
    name: str,
    tags: tuple[str, ...],
    no_tags: bool,
    new_password: str | None,
    password_stdin: bool,
) -> None:
    """Change a user's tags or password."""
    body: dict[str, Any] = {}
    if tags or no_tags:
        body["tags"] = list(tags)
    password = _password(password_stdin, new_password)
    if password is not None:
        body["password"] = password
    if not body:
        fail(f"nothing to change: give --tag, --no-tags, {_NEW_PASSWORD} or --password-stdin")
    frame.client.get("users", name)
    done = frame.client.put("users", name, body=body)
    frame.out.show(done, f"user {name} is changed")


@users.command("delete", epilog=example("onemq users delete anna --yes"))
@click.argument("name")
@yes_option
@talks
def delete(frame: Frame, name: str, yes: bool) -> None:
    """Delete a user; the connections are closed."""
    confirm(f"delete user {name}", yes)
    done = frame.client.delete("users", name)
    frame.out.show(done, f"user {name} is gone")


@users.command("permissions", epilog=example("onemq users permissions", "onemq users permissions anna"))
@click.argument("name", required=False)
@talks
def permissions(frame: Frame, name: str | None) -> None:
    """Who may do what where: patterns of names, as in RabbitMQ."""
    _permissions_table(frame, frame.client.get("permissions", query={"user": name}))


def _permissions_table(frame: Frame, found: list[dict[str, Any]]) -> None:
    frame.out.table(
        found,
        [
            ("namespace", lambda each: each["namespace"]),
            ("user", lambda each: each["user"]),
            ("configure", lambda each: each["configure"]),
            ("write", lambda each: each["write"]),
            ("read", lambda each: each["read"]),
            ("in the settings", lambda each: yes_text(each["configured"])),
        ],
        "nothing is granted",
    )


@users.command(
    "grant", epilog=example("onemq users grant anna --configure '' --write '^orders' --read '^orders'")
)
@click.argument("name")
@click.option("--configure", default=".*", show_default=True, metavar="REGEX")
@click.option("--write", default=".*", show_default=True, metavar="REGEX")
@click.option("--read", default=".*", show_default=True, metavar="REGEX")
@talks
def grant(frame: Frame, name: str, configure: str, write: str, read: str) -> None:
    """Let a user into the namespace, with these rights."""
    body = {"configure": configure, "write": write, "read": read}
    done = frame.client.put("permissions", frame.namespace, name, body=body)
    frame.out.show(done, f"user {name} may enter {frame.namespace}")


@users.command("revoke", epilog=example("onemq users revoke anna --namespace team"))
@click.argument("name")
@talks
def revoke(frame: Frame, name: str) -> None:
    """Take all rights in the namespace away."""
    done = frame.client.delete("permissions", frame.namespace, name)
    frame.out.show(done, f"user {name} may not enter {frame.namespace} any more")


@users.command("add-key", epilog=example("echo SECRET | onemq users add-key anna AKIAEXAMPLE"))
@click.argument("name")
@click.argument("key")
@talks
def add_key(frame: Frame, name: str, key: str) -> None:
    """Give a user an AWS access key; its secret is asked for, or a line of standard input."""
    if sys.stdin.isatty():
        secret = click.prompt("Secret of the access key", hide_input=True, err=True)
    else:
        secret = sys.stdin.readline().rstrip("\n")
    done = frame.client.put("users", name, "access-keys", key, body={"secret": secret})
    frame.out.show(done, f"access key {key} is user {name}'s")


@users.command("remove-key", epilog=example("onemq users remove-key anna AKIAEXAMPLE"))
@click.argument("name")
@click.argument("key")
@talks
def remove_key(frame: Frame, name: str, key: str) -> None:
    """Take an AWS access key away."""
    done = frame.client.delete("users", name, "access-keys", key)
    frame.out.show(done, f"access key {key} is gone")
