"""Reads and writes at places of open files, with the calls that do so and without them."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from couponry.utils.files.places import read_at, write_at

SIZE, PARTS = 1 << 16, 64


@pytest.mark.parametrize("lacks", [(), ("pwrite", "preadv")], ids=["with", "without"])
def test_many_threads_write_and_read(
    lacks: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in lacks:
        monkeypatch.delattr(os, name, raising=False)
    written = np.random.default_rng(0).integers(0, 256, SIZE * PARTS, np.uint8)
    read = np.zeros_like(written)
    places = range(0, len(written), SIZE)
    with (tmp_path / "file").open("w+b", buffering=0) as file, ThreadPoolExecutor(8) as pool:
        number = file.fileno()
        list(pool.map(lambda at: write_at(number, written[at : at + SIZE].data, at), places))
        some = list(pool.map(lambda at: read_at(number, read[at : at + SIZE].data, at), places))
        beyond = read_at(number, np.zeros(SIZE, np.uint8).data, len(written) - 10)
    assert np.array_equal(read, written)
    assert set(some) == {SIZE} and beyond == 10
