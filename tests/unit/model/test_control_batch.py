"""Control batches, field by field as Kafka's documentation has them, and read again."""

import struct

import pytest

from onemq.model.control_batch import control_batch, is_commit_marker
from onemq.model.record_batch import check_batch


@pytest.mark.parametrize("commit", [False, True])
def test_a_marker_to_the_byte(commit: bool) -> None:
    data = control_batch(7, 1234, 42, 3, commit, 9)
    check_batch(data)
    fields = struct.unpack(">qiibIhiqqqhii", data[:61])
    assert fields[:4] == (7, len(data) - 12, 0, 2)
    assert fields[5:] == (0x30, 0, 1234, 1234, 42, 3, -1, 1)
    # length 16, attributes 0, deltas 0, key: version 0 and type; value: version 0 and coordinator epoch; no headers
    assert data[61:] == b"\x20\x00\x00\x00\x08\x00\x00\x00%c\x0c\x00\x00\x00\x00\x00\x09\x00" % int(commit)
    assert is_commit_marker(data) == commit
