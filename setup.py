"""Compiles the hot packages with mypyc where a C compiler is there; ONEMQ_COMPILE=0 leaves it out.

Which modules are compiled is derived from the folders, minus the list of exclusions below.
"""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from setuptools import setup

SOURCE = Path("src")
COMPILED_FOLDERS = ("model", "engine", "storage", "wire", "heads", "net")
INTERPRETED = {
    # Called by the event loop; has to be a point where the interpreter can switch threads.
    "net/socket_protocol.py",
    # Coroutines and set-up, run once.
    "net/listener.py",
    "net/drain.py",
    "net/tls.py",
}


def compiled_modules() -> list[str]:
    package = SOURCE / "onemq"
    found = []
    for folder in COMPILED_FOLDERS:
        for path in sorted((package / folder).rglob("*.py")):
            # Compiled packages must stay importable as packages; there is nothing to gain in an empty file.
            if path.name != "__init__.py" and path.relative_to(package).as_posix() not in INTERPRETED:
                found.append(str(path))
    return found


def has_compiler() -> bool:
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return shutil.which(command.split()[0]) is not None


def extensions() -> list[object]:
    if os.environ.get("ONEMQ_COMPILE", "1") == "0":
        print("onemq: ONEMQ_COMPILE=0, installing without compiling", file=sys.stderr)
        return []
    if not has_compiler():
        print(
            "onemq: WARNING: no C compiler was found; onemq will run interpreted, several times slower",
            file=sys.stderr,
        )
        return []
    from mypyc.build import mypycify

    options = ["--strict", "--no-warn-unused-ignores", *compiled_modules()]
    return list(mypycify(options, opt_level=os.environ.get("ONEMQ_OPT_LEVEL", "2"), debug_level="0"))


setup(ext_modules=extensions())
