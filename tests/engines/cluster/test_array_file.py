"""Arrays in one file: what was written comes back, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from couponry.engines.cluster import array_file
from couponry.engines.cluster.array_file import map_arrays, write_arrays
from couponry.kernels import load
from couponry.utils.arrays.recorded_arrays import DamagedArray

ARRAYS = {
    "one": np.arange(3_000, dtype=np.uint16),
    "two": np.arange(12, dtype=np.float64).reshape(3, 4)[:, ::2],
    "none": np.zeros((2, 0), np.uint8),
}
HASH = load().kernels.hash_blocks


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    name, digest = write_arrays(tmp_path, "part", ARRAYS, HASH, 1)
    assert [path.name for path in tmp_path.iterdir()] == [name] and digest[:32] in name
    found = map_arrays(tmp_path / name, digest, HASH, 1)
    for key, array in ARRAYS.items():
        assert found[key].dtype == array.dtype and np.array_equal(found[key], array)
        assert found[key].shape == array.shape and not found[key].flags.writeable
    assert list(map_arrays(tmp_path / name, digest, HASH, 1, "two".__eq__)) == ["two"]
    assert write_arrays(tmp_path, "part", ARRAYS, HASH, 1) == (name, digest)


# magic, length and header, and the first and last byte of both arrays; what lies between holds nothing
@pytest.mark.parametrize("at", [0, 16, 30, 200, 4_096, 4_096 + 5_999, 12_288, 12_288 + 47])
def test_a_byte_that_is_not_as_it_was_is_found(at: int, tmp_path: Path) -> None:
    name, digest = write_arrays(tmp_path, "part", ARRAYS, HASH, 1)
    content = bytearray((tmp_path / name).read_bytes())
    content[at] ^= 64
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DamagedArray):
        map_arrays(tmp_path / name, digest, HASH, 1)


def test_a_file_that_was_found_whole_is_not_read_again_until_it_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, digest = write_arrays(tmp_path, "part", ARRAYS, HASH, 1)
    monkeypatch.setattr(array_file, "SETTLED_NANOSECONDS", -(1 << 62))
    reads = 0

    def counted(*arguments: object) -> None:
        nonlocal reads
        reads += 1
        HASH(*arguments)  # type: ignore[arg-type]

    map_arrays(tmp_path / name, digest, counted, 1)
    first, reads = reads, 0
    map_arrays(tmp_path / name, digest, counted, 1)
    assert first >= 2 and reads == 0
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes())
    map_arrays(tmp_path / name, digest, counted, 1)
    assert reads == first


def test_a_file_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(array_file.os, "fsync", full)
    with pytest.raises(OSError, match="disk full"):
        write_arrays(tmp_path, "part", ARRAYS, HASH, 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="files that are mapped could not be removed")
def test_files_stay_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last ones, as long as they are what they were."""
    monkeypatch.setattr(array_file, "MOST_KEPT", 2)
    monkeypatch.setattr(array_file, "_kept", {})
    written = [
        write_arrays(tmp_path, f"part-{n}", {"one": np.full(9, n)}, HASH, 1) for n in range(3)
    ]

    def mapped(n: int) -> np.ndarray:
        name, digest = written[n]
        return map_arrays(tmp_path / name, digest, HASH, 1)["one"]

    first = mapped(0)
    assert np.shares_memory(first, mapped(0))
    for n in (1, 2, 0):
        assert mapped(n).tolist() == [n] * 9
    assert not np.shares_memory(first, mapped(0)) and len(array_file._kept) == 2
    before, path = mapped(0), tmp_path / written[0][0]
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content)
    assert not np.shares_memory(before, mapped(0)) and mapped(0).tolist() == [0] * 9
