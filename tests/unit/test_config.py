"""Settings: what is there by default, which source wins, and what is said about a bad one."""

from __future__ import annotations

from pathlib import Path

import pytest

from onemq.config import OFF, Settings, is_loopback
from onemq.config_sources import BadSettings, dotted, environment_name, load, setting_paths, takes

DOCUMENT = Path(__file__).parents[2] / "docs" / "configuration.md"


def problems_of(
    text: str = "", environment: dict[str, str] | None = None, flags: list[tuple[str, str, str]] | None = None
) -> str:
    with pytest.raises(BadSettings) as caught:
        load(file_name="test.toml", file_text=text, environment=environment, flags=flags or [])
    return str(caught.value)


def flag(name: str, value: str) -> tuple[str, str, str]:
    return name, value, f"the flag --set {name}"


def test_defaults_are_safe() -> None:
    settings = load()
    assert settings.server.host == "127.0.0.1"
    assert settings.storage.sync == "always"
    assert not settings.storage.memory
    assert not settings.users
    assert settings == Settings()


def test_later_sources_win() -> None:
    text = "[amqp]\nport = 1\nchannels_max = 11\nheartbeat_seconds = 21\n"
    environment = {"ONEMQ_AMQP_PORT": "2", "ONEMQ_AMQP_CHANNELS_MAX": "12"}
    settings = load(file_name="f", file_text=text, environment=environment, flags=[flag("amqp.port", "3")])
    assert (settings.amqp.port, settings.amqp.channels_max, settings.amqp.heartbeat_seconds) == (3, 12, 21)


def test_every_setting_has_a_variable_of_its_own() -> None:
    names = [environment_name(path) for path in setting_paths()]
    assert len(names) == len(set(names))
    assert "ONEMQ_AMQP_FRAME_BYTES_MAX" in names


@pytest.mark.parametrize(
    ("text", "expected"),
    [("65536", 65536), ("64KiB", 65536), ("64 kib", 65536), ("1MB", 1_000_000), ("16_384", 16_384)],
)
def test_sizes_may_have_units(text: str, expected: int) -> None:
    assert load(environment={"ONEMQ_AMQP_FRAME_BYTES_MAX": text}).amqp.frame_bytes_max == expected
    assert load(file_text=f'[amqp]\nframe_bytes_max = "{text}"').amqp.frame_bytes_max == expected


def test_texts_become_what_the_setting_is() -> None:
    environment = {
        "ONEMQ_STORAGE_MEMORY": "yes",
        "ONEMQ_SERVER_DRAIN_SECONDS": "2.5",
        "ONEMQ_NAMESPACES": "/, orders",
        "ONEMQ_HTTP_PORT": "off",
        "ONEMQ_USERS": '{ alice = { password = "x", permissions = { "/" = { read = ".*" } } } }',
    }
    settings = load(environment=environment)
    assert settings.storage.memory is True
    assert settings.server.drain_seconds == 2.5
    assert settings.namespaces == ["/", "orders"]
    assert settings.http.port == OFF
    assert settings.users["alice"].permissions["/"].read == ".*"


def test_a_bad_value_names_itself_its_source_and_what_it_takes() -> None:
    said = problems_of(environment={"ONEMQ_AMQP_FRAME_BYTES_MAX": "12"})
    assert "amqp.frame_bytes_max" in said
    assert "got '12'" in said
    assert "the environment variable ONEMQ_AMQP_FRAME_BYTES_MAX" in said
    assert "from 4096 to 16777216 (bytes)" in said
    assert "--set amqp.frame_bytes_max=" in said


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[amqp]\nport = 70000", "a port number"),
        ('[amqp]\nport = "x"', "a port number"),
        ("[amqp]\nport = true", "got True"),
        ("[storage]\nmemory = 1", "true or false"),
        ('[storage]\nsync = "sometimes"', "one of always, interval, never"),
        ("[server]\nhost = 5", "a text"),
        ("namespaces = 3", "a list of texts"),
        ("namespaces = []", "at least one namespace"),
        ("amqp = 3", "a table"),
        ("[amqp]\nprot = 3", "did you mean amqp.port?"),
        ("[ampq]\nport = 3", "did you mean amqp?"),
        ("[amqp\nport = 3", "test.toml is not TOML"),
        ('[tls]\ncertificate = "c.pem"', "tls.key"),
        ('[tls]\nkey = "c.pem"', "tls.certificate"),
        ('[users.a]\npassword = "p"\npassword_hash = "h"', "not both"),
        ('[users.a]\npassword_hash = "h"', "onemq hash-password"),
        ('[users.a.permissions."/nope"]\nread = ""', "'/nope'"),
        ('[users.a.permissions."/"]\nread = "("', "regular expression"),
    ],
)
def test_bad_files(text: str, expected: str) -> None:
    assert expected in problems_of(text)


def test_all_problems_are_told_at_once() -> None:
    said = problems_of(
        "[amqp]\nport = 70000\nfoo = 1\n", {"ONEMQ_STORAGE_SYNC": "x"}, [flag("server.hots", "h")]
    )
    for expected in ("amqp.port", "amqp.foo", "storage.sync", "did you mean server.host?"):
        assert expected in said


def test_unknown_variables_are_refused_but_not_those_of_build_and_tests() -> None:
    assert "did you mean ONEMQ_AMQP_PORT?" in problems_of(environment={"ONEMQ_AMQP_PROT": "1"})
    load(environment={"ONEMQ_COMPILE": "0", "ONEMQ_TEST_AMQP_URL": "x", "ONEMQ_CONFIG": "y", "PATH": "z"})


def test_passwords_are_never_shown() -> None:
    said = problems_of('[users.a]\npassword = ["secret-word"]\npassword_hash = "other-secret"')
    assert "secret" not in said


def test_users_by_dotted_name() -> None:
    settings = load(
        flags=[flag("users.Alice.password", "p"), flag('users.Alice.permissions."/".read', "^a")],
        environment={},
    )
    assert settings.users["Alice"].permissions["/"].read == "^a"


def test_other_hosts_need_a_user_who_is_not_guest() -> None:
    said = problems_of('[server]\nhost = "0.0.0.0"')
    assert "server.host" in said and "[users.NAME]" in said
    assert "server.host" in problems_of('[server]\nhost = "::"\n[users.guest]\npassword = "better"')
    assert load(file_text='[server]\nhost = "0.0.0.0"\n[users.a]\npassword = "p"').server.host == "0.0.0.0"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("::", False), ("10.0.0.1", False), ("example.org", False), ("", False)],
)  # fmt: skip
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_the_document_has_every_setting_with_what_it_takes_and_its_default() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    defaults = Settings()
    for path, kind in setting_paths().items():
        if path[0] in ("users", "namespaces"):
            assert f"`{path[0]}" in text
            continue
        rows = [line for line in text.splitlines() if line.startswith(f"| `{dotted(path)}` |")]
        assert len(rows) == 1, f"docs/configuration.md has {len(rows)} rows for {dotted(path)}"
        default = getattr(getattr(defaults, path[0]), path[1])
        shown = str(default).lower() if isinstance(default, bool) else f"{default}"
        assert rows[0].split("|")[2].strip() == (f"`{shown}`" if shown else "none"), rows[0]
        assert takes(kind, path[1]), path
