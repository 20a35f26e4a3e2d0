"""Compiles the hot packages with mypyc where a C compiler is there; ONEMQ_COMPILE=0 leaves it out.

Which modules are compiled is derived from the folders, minus the list of exclusions below.
"""

import os
import shutil
import sys
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from setuptools import Distribution, Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = Path("src")
OPT_LEVEL = os.environ.get("ONEMQ_OPT_LEVEL", "2")
GATHERED_BYTES = 1_000_000
COMPILED_FOLDERS = ("model", "engine", "storage", "wire", "auth", "heads", "net")
INTERPRETED_FOLDERS = (
    # Kafka's messages of administration: many, large, and seldom used.
    "heads/kafka/messages/cold/",
    # For operators: large, and seldom asked.
    "heads/management/",
)
INTERPRETED = {
    # Called by the event loop; has to be a point where the interpreter can switch threads.
    "net/socket_protocol.py",
    # Coroutines and set-up, run once.
    "net/listener.py",
    "net/startup.py",
    "net/drain.py",
    "net/tls.py",
    "net/caller.py",
    # Tests only.
    "net/faults.py",
    "net/faulty_socket.py",
    # Exceptions only: one inherits from AssertionError, which compiled classes cannot.
    "storage/errors.py",
}


def compiled_modules() -> list[str]:
    package = SOURCE / "onemq"
    found = []
    for folder in COMPILED_FOLDERS:
        for path in sorted((package / folder).rglob("*.py")):
            if path.name == "__init__.py":
                # Compiled packages must stay importable as packages; there is nothing to gain in an empty file.
                continue
            name = path.relative_to(package).as_posix()
            if name not in INTERPRETED and not name.startswith(INTERPRETED_FOLDERS):
                found.append(str(path))
    return found


def has_compiler() -> bool:
    command = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    return shutil.which(command.split()[0]) is not None


def compiles() -> bool:
    """Whether to compile; says on standard error why not."""
    if os.environ.get("ONEMQ_COMPILE", "1") == "0":
        print("onemq: ONEMQ_COMPILE=0, installing without compiling", file=sys.stderr)
        return False
    if not has_compiler():
        print(
            "onemq: WARNING: no C compiler was found; onemq will run interpreted, several times slower",
            file=sys.stderr,
        )
        return False
    return True


def extensions() -> list[Extension]:
    from mypyc.build import mypycify

    options = ["--strict", "--no-warn-unused-ignores", *compiled_modules()]
    # C files that can be compiled side by side; one shared library all the same.
    found: list[Extension] = list(mypycify(options, opt_level=OPT_LEVEL, debug_level="0", multi_file=True))
    for extension in found:
        extension.sources = gathered(extension.sources)
    return found


def gathered(sources: list[str]) -> list[str]:
    """Modules' C files, a few in one: each includes the declarations of all modules, and to read them takes the compiler a fifth
    of its time. mypyc names things so that all could be in one file; but that would occupy one processor."""
    of_modules = [Path(source) for source in sources if Path(source).name.startswith("__native_onemq_")]
    parts: list[list[Path]] = []
    size = GATHERED_BYTES
    for source in of_modules:
        if size >= GATHERED_BYTES:
            parts.append([])
            size = 0
        parts[-1].append(source)
        size += source.stat().st_size
    files = []
    for number, part in enumerate(parts):
        file = part[0].with_name(f"__gathered_{number}.c")
        file.write_text("".join(f'#include "{source.name}"\n' for source in part), encoding="utf-8")
        files.append(str(file))
    return [*files, *(source for source in sources if Path(source) not in of_modules)]


class OnemqDistribution(Distribution):
    """Known to hold compiled modules before it is known which: an installer asks for the metadata first, in a run of
    its own, and mypyc takes as long as a tenth of the compilation."""

    def has_ext_modules(self) -> bool:
        return COMPILED


class ParallelBuild(build_ext):
    """Runs mypyc when something is built, not sooner, and compiles the C files of an extension, and the extensions, on
    all processors: setuptools does one file at a time."""

    def run(self) -> None:
        if COMPILED:
            self.distribution.ext_modules = extensions()
            self.swig_opts = None  # the only option that cannot be made final twice
            self.finalize_options()
        super().run()

    def build_extensions(self) -> None:
        processors = os.cpu_count() or 1
        self.parallel = processors
        compile_in_turn = self.compiler.compile

        def compile_side_by_side(sources: list[str], **options: Any) -> list[str]:
            with ThreadPoolExecutor(processors) as pool:
                found = pool.map(lambda source: compile_in_turn([source], **options), sources)
                return [name for names in found for name in names]

        self.compiler.compile = compile_side_by_side
        super().build_extensions()


COMPILED = compiles()
setup(distclass=OnemqDistribution, cmdclass={"build_ext": ParallelBuild})
