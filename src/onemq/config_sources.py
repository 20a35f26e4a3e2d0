"""Reads the settings from their sources: onemq.toml, environment, flags; and says precisely what is wrong with a bad one.

Knows nothing of what the settings mean: it walks the types of config.Settings. It reads no file and no environment
itself: both are arguments, so a test needs neither.
"""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta, Struct

from onemq.config import Settings, contradictions

PREFIX: Final = "ONEMQ_"
NOT_SETTINGS: Final = ("ONEMQ_CONFIG", "ONEMQ_COMPILE", "ONEMQ_TEST_", "ONEMQ_BENCH_")
"""Variables with our prefix that are no settings: the path of the file itself, and what build, tests and benchmarks read."""
OF_CLIENTS: Final = ("ONEMQ_URL", "ONEMQ_USER", "ONEMQ_PASSWORD", "ONEMQ_NAMESPACE")
"""The same, with their whole names: read by commands that talk to a broker."""

_SECRETS: Final = ("password", "password_hash")
_UNITS: Final = {
    "KIB": 1024, "MIB": 1024**2, "GIB": 1024**3, "TIB": 1024**4,
    "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4, "B": 1,
}  # fmt: skip
_WORDS: Final = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}

Path = tuple[str, ...]


class BadSettings(Exception):
    """One or more settings are wrong. `problems`: for each, a few lines for the operator."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Assignment(Struct):
    """One value from one source. `is_text`: it came as text, whatever it should become."""

    path: Path
    value: object
    origin: str
    is_text: bool


def load(
    *,
    file_name: str = "",
    file_text: str = "",
    environment: Mapping[str, str] | None = None,
    flags: Iterable[tuple[str, str, str]] = (),
    values: Mapping[str, object] | None = None,
) -> Settings:
    """The settings from all sources, the later ones winning. Raises BadSettings.

    flags: (dotted name, value as text, how the flag was spelled). values: by dotted name, from a program.
    """
    problems: list[str] = []
    assignments = _from_file(file_name, file_text, problems)
    for name, value in (values or {}).items():
        _flatten((), _nested(name.split("."), value), Settings, "the program", assignments, problems)
    assignments += _from_environment(environment or {}, problems)
    for name, text, origin in flags:
        _assign_dotted(name, text, origin, assignments, problems)
    chosen: dict[Path, Assignment] = {}
    for assignment in assignments:
        chosen[assignment.path] = assignment
    tree: dict[str, Any] = {}
    for assignment in chosen.values():
        _check_and_put(assignment, tree, problems)
    if problems:
        raise BadSettings(problems)
    settings = msgspec.convert(tree, Settings)
    for found in contradictions(settings):
        origin = chosen[found.path].origin if found.path in chosen else "the default"
        problems.append(problem(found.path, found.got, origin, found.takes))
    if problems:
        raise BadSettings(problems)
    return settings


def problem(path: Path, got: str, origin: str, takes: str) -> str:
    """What is wrong with one setting, and how else it is spelled."""
    return (
        f"bad setting {dotted(path)}: got {got} from {origin}\n"
        f"  it takes {takes}\n"
        f"  also known as: {_spellings(path)}"
    )


def dotted(path: Path) -> str:
    """`users.alice.permissions."/".read`: the name as TOML spells it."""
    return ".".join(
        part if part.replace("_", "").replace("-", "").isalnum() else f'"{part}"' for part in path
    )


def setting_paths() -> dict[Path, Any]:
    """Every setting that has a fixed name, with its type; a table with free keys (users) counts as one."""
    found: dict[Path, Any] = {}
    for section, section_type in Settings.__annotations__.items():
        if _is_struct(section_type):
            for name, kind in section_type.__annotations__.items():
                found[(section, name)] = kind
        else:
            found[(section,)] = section_type
    return found


def environment_name(path: Path) -> str:
    return PREFIX + "_".join(path).upper()


def _spellings(path: Path) -> str:
    section = f"[{dotted(path[:-1])}] " if len(path) > 1 else ""
    spellings = [f"{section}{dotted(path[-1:])} in onemq.toml"]
    if path in setting_paths():
        spellings.append(environment_name(path))
    spellings.append(f"--set {dotted(path)}=...")
    return ", ".join(spellings)


def _from_file(name: str, text: str, problems: list[str]) -> list[Assignment]:
    found: list[Assignment] = []
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{name} is not TOML: {error}")
        return found
    _flatten((), table, Settings, f"the file {name}", found, problems)
    return found


def _nested(path: list[str], value: object) -> dict[str, object]:
    return {path[0]: value if len(path) == 1 else _nested(path[1:], value)}


def _flatten(
    path: Path, value: object, kind: Any, origin: str, found: list[Assignment], problems: list[str]
) -> None:
    """Takes a table apart into single settings, along the types."""
    if _is_struct(kind):
        fields = kind.__annotations__
    elif _is_table(kind):
        fields = None
    else:
        found.append(Assignment(path, value, origin, False))
        return
    if not isinstance(value, dict):
        problems.append(problem(path, _shown(path, value), origin, "a table"))
        return
    for key, inner in value.items():
        if fields is None:
            inner_kind = get_args(kind)[1]
        elif key in fields:
            inner_kind = fields[key]
        else:
            problems.append(
                _unknown(dotted((*path, key)), origin, [dotted((*path, name)) for name in fields])
            )
            continue
        _flatten((*path, key), inner, inner_kind, origin, found, problems)
    if fields is not None and not value and path and path[0] == "users":
        # An empty table creates the user all the same.
        found.append(Assignment((*path, "tags"), [], origin, False))


def _from_environment(environment: Mapping[str, str], problems: list[str]) -> list[Assignment]:
    found: list[Assignment] = []
    names = {environment_name(path): path for path in setting_paths()}
    for name, text in sorted(environment.items()):
        if not name.startswith(PREFIX) or name.startswith(NOT_SETTINGS) or name in OF_CLIENTS:
            continue
        origin = f"the environment variable {name}"
        if name in names:
            _assign(names[name], text, origin, found, problems)
        else:
            problems.append(_unknown(name, "the environment", list(names)))
    return found


def _assign_dotted(name: str, text: str, origin: str, found: list[Assignment], problems: list[str]) -> None:
    path: Path = ()
    try:
        at: object = tomllib.loads(f"{name} = 0") if "\n" not in name else {}
        while isinstance(at, dict) and len(at) == 1:
            key, at = next(iter(at.items()))
            path = (*path, key)
    except tomllib.TOMLDecodeError:
        path = ()
    if not path or _kind_at(path) is None:
        problems.append(_unknown(name, origin, [dotted(known) for known in setting_paths()]))
    else:
        _assign(path, text, origin, found, problems)


def _assign(path: Path, text: str, origin: str, found: list[Assignment], problems: list[str]) -> None:
    kind = _kind_at(path)
    if _is_struct(kind) or _is_table(kind):
        try:
            table = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            problems.append(
                problem(
                    path, "(not shown)", origin, "a table in TOML's inline spelling: { name = value, ... }"
                )
            )
            return
        _flatten(path, table, kind, origin, found, problems)
    else:
        found.append(Assignment(path, text, origin, True))


def _check_and_put(assignment: Assignment, tree: dict[str, Any], problems: list[str]) -> None:
    path = assignment.path
    kind = _kind_at(path)
    value = assignment.value
    try:
        if isinstance(value, str):
            value = _from_text(value, kind, path[-1], assignment.is_text)
        elif isinstance(value, bool) and kind is not bool:
            raise msgspec.ValidationError("a truth value is no number")
        msgspec.convert(value, kind)
    except (msgspec.ValidationError, ValueError):
        shown = _shown(path, assignment.value)
        problems.append(problem(path, shown, assignment.origin, takes(kind, path[-1])))
        return
    at = tree
    for part in path[:-1]:
        at = at.setdefault(part, {})
    at[path[-1]] = value


def _from_text(text: str, kind: Any, name: str, is_text: bool) -> object:
    """Text as the setting's type; raises ValueError. Sizes and `off` are spelled as text in onemq.toml too."""
    number = _plain_type(kind)
    if number is int:
        if text.lower() == "off" and name.endswith("port"):
            return -1
        if _is_size(name):
            return _size(text)
    if not is_text or number is str:
        return text
    if number is int:
        return int(text)
    if number is float:
        return float(text)
    if number is bool:
        if text.lower() not in _WORDS:
            raise ValueError(text)
        return _WORDS[text.lower()]
    if get_origin(number) is list:
        if text.lstrip().startswith("["):
            return tomllib.loads(f"value = {text}")["value"]
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _size(text: str) -> int:
    cleaned = text.strip().upper().replace("_", "").replace(" ", "")
    for unit, factor in _UNITS.items():
        if cleaned.endswith(unit):
            return int(cleaned[: -len(unit)]) * factor
    return int(cleaned)


def takes(kind: Any, name: str) -> str:
    """What a setting takes, in words, from its type."""
    meta = next((extra for extra in getattr(kind, "__metadata__", ()) if isinstance(extra, Meta)), None)
    if meta is not None and meta.description:
        return meta.description
    plain = _plain_type(kind)
    if get_origin(plain) is Literal:
        return "one of " + ", ".join(str(choice) for choice in get_args(plain))
    if plain is bool:
        return "true or false"
    if plain in (int, float) and meta is not None:
        what = "a whole number" if plain is int else "a number"
        size = " (bytes), or a text such as 64MiB" if _is_size(name) else ""
        return f"{what} from {meta.ge} to {meta.le}{size}"
    if get_origin(plain) is list:
        return "a list of texts"
    return "a text"


def _unknown(name: str, origin: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else "known here: " + ", ".join(sorted(known))
    return f"unknown setting {name} from {origin}\n  {hint}"


def _kind_at(path: Path) -> Any:
    """The type of the setting with that name, None when there is none."""
    kind: Any = Settings
    for part in path:
        if _is_struct(kind):
            kind = kind.__annotations__.get(part)
        elif _is_table(kind):
            kind = get_args(kind)[1]
        else:
            return None
    return kind


def _shown(path: Path, value: object) -> str:
    secret = bool(path) and (path[-1] in _SECRETS or "access_keys" in path)
    return "(not shown)" if secret else repr(value)


def _is_size(name: str) -> bool:
    return "bytes" in name


def _plain_type(kind: Any) -> Any:
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _is_table(kind: Any) -> bool:
    return get_origin(kind) is dict
