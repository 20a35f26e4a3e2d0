"""The real file system behind the seam; the simulated one must agree with it where both can be asked."""

from __future__ import annotations

import errno
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from onemq.storage.files import Files, Locked
from simulation.simulated_files import SimulatedFiles


def real(path: Path) -> tuple[Files, str]:
    return Files(), str(path)


def simulated(path: Path) -> tuple[Files, str]:
    files = SimulatedFiles(random.Random(1))
    files.make_directory("/d")
    return files, "/d"


BOTH = pytest.mark.parametrize("make", [real, simulated])
Make = Callable[[Path], tuple[Files, str]]


@BOTH
def test_a_file_from_birth_to_removal(make: Make, tmp_path: Path) -> None:
    files, directory = make(tmp_path)
    path = f"{directory}/a"
    handle = files.open(path, True)
    files.write(handle, 0, [b"one", b"", b"two"])
    files.write(handle, 8, [b"three"])
    files.sync(handle)
    files.sync_directory(directory)
    assert files.read(handle, 0, 100) == b"onetwo\0\0three"
    assert files.read(handle, 3, 3) == b"two"
    assert files.read(handle, 50, 3) == b""
    files.truncate(handle, 4)
    assert files.size(handle) == files.path_size(path) == 4
    assert files.allocate(handle, 4, 6)
    assert files.read(handle, 0, 100) == b"onet" + bytes(6)
    with pytest.raises(FileExistsError):
        files.open(path, True)
    files.rename(path, f"{directory}/b")
    assert files.list(directory) == ["b"]
    reader = files.open_to_read(f"{directory}/b")
    files.remove(f"{directory}/b")
    files.sync_to_read(reader)
    assert files.read(reader, 0, 3) == b"one"
    files.close(reader)
    files.close(handle)
    assert files.list(directory) == files.list(f"{directory}/missing") == []
    for gone in (files.open_to_read, files.remove, files.path_size):
        with pytest.raises(FileNotFoundError):
            gone(path)


@BOTH
def test_directories(make: Make, tmp_path: Path) -> None:
    files, directory = make(tmp_path)
    assert files.make_directory(f"{directory}/x")
    assert not files.make_directory(f"{directory}/x")
    files.close(files.open(f"{directory}/x/f", True))
    with pytest.raises(OSError) as caught:
        files.remove_directory(f"{directory}/x")
    assert caught.value.errno == errno.ENOTEMPTY
    files.remove(f"{directory}/x/f")
    files.remove_directory(f"{directory}/x")
    assert files.list(directory) == []


@BOTH
def test_a_lock_has_one_holder(make: Make, tmp_path: Path) -> None:
    files, directory = make(tmp_path)
    handle = files.lock(f"{directory}/lock")
    with pytest.raises(Locked):
        files.lock(f"{directory}/lock")
    files.close(handle)
    files.close(files.lock(f"{directory}/lock"))


def test_many_parts_in_one_write(tmp_path: Path) -> None:
    files = Files()
    handle = files.open(str(tmp_path / "a"), True)
    parts = [b"%d," % number for number in range(5000)]
    files.write(handle, 0, parts)
    assert files.read(handle, 0, 1 << 20) == b"".join(parts)
    files.close(handle)


def test_what_else_the_machine_gives(tmp_path: Path) -> None:
    files = Files()
    assert files.free_bytes(str(tmp_path)) > 0
    assert len(files.salt()) == 8 and files.salt() != files.salt()
    files.give_way()


def test_the_simulated_crash_keeps_what_was_synced_and_loses_some_of_the_rest() -> None:
    contents: set[bytes] = set()
    names: set[bool] = set()
    for seed in range(200):
        files = SimulatedFiles(random.Random(1))
        handle = files.open("/a", True)
        files.write(handle, 0, [b"synced"])
        files.sync(handle)
        files.sync_directory("/")
        files.write(handle, 6, [b"lost"])
        files.close(files.open("/b", True))
        files.crash(random.Random(seed))
        content = bytes(files.content("/a"))
        assert content.startswith(b"synced")
        contents.add(content)
        names.add("b" in files.list("/"))
    assert {b"synced", b"syncedlost", b"syncedlo"} <= contents
    assert names == {True, False}
