"""Array stores, mapped and derived arrays, and blocks."""

import gc
import weakref
from pathlib import Path

import numpy as np
import pytest

from couponry.utils.arrays import array_store, derived_arrays
from couponry.utils.arrays.array_store import FolderStore, MemoryStore, save
from couponry.utils.arrays.blocks import blocks, row_blocks
from couponry.utils.arrays.derived_arrays import SharedArrays
from couponry.utils.arrays.mapped_arrays import (
    copy_to_memory,
    drop_from_page_cache,
    exceeds_page_cache,
    map_array,
    mapped_bytes,
    read_ahead,
    release_pages,
)
from couponry.utils.arrays.working_memory import LARGE_BYTES, WorkingMemory, new_array
from couponry.utils.crew import run_together


@pytest.fixture(params=["memory", "folder"])
def store(request, tmp_path: Path):
    return MemoryStore() if request.param == "memory" else FolderStore(tmp_path)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float32])
def test_parts_become_one_array_that_is_read_only(store, dtype):
    writer = store.writer("x", dtype)
    for part in (np.arange(3), np.zeros(0), np.arange(5)):
        writer.append(part.astype(dtype))
    whole = writer.finish((2, 4))
    assert whole.dtype == dtype and whole.tolist() == [[0, 1, 2, 0], [1, 2, 3, 4]]
    with pytest.raises(ValueError, match="read-only"):
        whole[0, 0] = 7


def test_nothing_written_is_an_empty_array(store):
    assert store.writer("x", np.float64).finish().shape == (0,)


def test_an_array_that_is_replaced_stays_with_whoever_holds_it(store):
    first = save(store, "x", np.arange(4))
    second = save(store, "x", np.arange(4) + 10)
    assert first.tolist() == [0, 1, 2, 3] and second.tolist() == [10, 11, 12, 13]


@pytest.mark.parametrize("expected", [0, 5, 6, 100])
@pytest.mark.parametrize("held", [False, True])
def test_more_or_fewer_values_than_were_expected(expected: int, held: bool) -> None:
    writer = MemoryStore().writer("some", np.int32, expected)
    others = [writer.room(0, expected)] if held else []
    for part in np.arange(3), np.arange(3, 6):
        writer.append(part.astype(np.int32))
    array = writer.finish((2, 3))
    assert array.tolist() == [[0, 1, 2], [3, 4, 5]] and not array.flags.writeable
    assert all(len(other) == expected for other in others)


def test_files_are_numpys(tmp_path: Path):
    array = np.arange(12.0).reshape(3, 4)
    save(FolderStore(tmp_path), "x", array)
    assert np.array_equal(np.load(tmp_path / "x.npy", mmap_mode="r"), array)
    np.save(tmp_path / "y.npy", array)
    assert np.array_equal(map_array(tmp_path / "y.npy"), array)


def test_pages_that_are_released_come_back_from_the_file(tmp_path: Path):
    array = save(FolderStore(tmp_path), "x", np.arange(1 << 16))
    parts = array, array[1000:5000], array[:0], np.arange(3)
    release_pages(*parts, None)
    drop_from_page_cache(*parts)
    read_ahead(*parts)
    assert mapped_bytes(*parts) == array.nbytes + 4000 * 8
    assert np.array_equal(array, np.arange(1 << 16))


def test_parts_of_mapped_files_are_copied_even_when_the_file_has_lost_its_name(tmp_path: Path):
    array = save(FolderStore(tmp_path), "x", np.arange(1 << 16))
    (tmp_path / "x.npy").unlink()
    copied = copy_to_memory(array[123:4567], once=True)
    assert np.array_equal(copied, np.arange(123, 4567)) and copied.flags.writeable
    own = np.arange(3)
    assert copy_to_memory(own, once=False) is own


def test_arrays_in_memory_exceed_no_page_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    array = save(FolderStore(tmp_path), "x", np.arange(1000))
    assert not exceeds_page_cache(array, np.zeros(1000))
    monkeypatch.setattr("couponry.utils.arrays.mapped_arrays.PAGE_CACHE_SHARE", 0.0)
    assert exceeds_page_cache(array) and not exceeds_page_cache(np.zeros(1000))


def test_derived_arrays_are_shared_while_somebody_holds_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(derived_arrays, "KEPT_BYTES", 100)
    shared, made = SharedArrays(), []

    def make(store):
        made.append(1)
        return {
            "small": save(store, "small", np.zeros(2)),
            "large": save(store, "large", np.zeros(99)),
        }

    held = shared.get_or_make("kind", ["a"], make)
    assert shared.get_or_make("kind", ["a"], make)["large"] is held["large"] and len(made) == 1
    assert shared.get_or_make("other", ["a"], make)["large"] is not held["large"]
    del held
    gc.collect()
    shared.get_or_make("kind", ["a"], make)
    assert len(made) == 3
    shared.get_or_make("kind", ["b"], make)  # of each kind the last
    assert len(made) == 4


@pytest.mark.parametrize(("length", "size"), [(0, 3), (1, 3), (6, 3), (7, 3)])
def test_blocks_cover_an_array_once(length, size):
    parts = list(blocks(length, size))
    assert np.concatenate([np.arange(length)[part] for part in parts] or [[]]).tolist() == [
        *range(length)
    ]
    assert all(part.stop - part.start == size for part in parts[:-1])


def test_row_blocks_hold_whole_rows_and_no_more_than_fit():
    indptr = np.array([0, 2, 4, 4, 20, 21, 22, 23])
    found = list(row_blocks(indptr, 4))
    assert found == [(0, 3), (3, 4), (4, 7)]  # a row that is larger than a block is one by itself


def test_parts_of_larger_arrays_do_not_keep_them_in_memory() -> None:
    whole = np.arange(1000)
    kept = weakref.ref(whole)
    writer = MemoryStore().writer("some", np.dtype(np.int64))
    writer.append(whole[:10])
    del whole
    assert kept() is None
    assert writer.finish().tolist() == list(range(10))


def test_working_memory_is_used_again_by_its_thread_alone() -> None:
    memory = WorkingMemory()
    first = memory.array("a", (3, 4), np.float32)
    first[:] = 1.0
    fewer, other = memory.array("a", (2, 3), np.int32), memory.array("b", (0, 5), np.uint8)
    assert np.shares_memory(first, fewer) and other.shape == (0, 5)
    assert fewer.shape == (2, 3) and (fewer.view(np.float32) == 1.0).all()
    assert memory.array("a", (50,), np.float64).shape == (50,)
    held = {}
    run_together(lambda worker: held.update({worker: memory.array("a", (9,), np.int8)}), 3)
    assert not any(np.shares_memory(held[0], held[worker]) for worker in (1, 2))


@pytest.mark.parametrize("rows", [0, 1, 3, LARGE_BYTES // 16])
def test_new_arrays_can_be_written_whatever_their_size(rows: int) -> None:
    made = new_array((rows, 8), np.uint16)
    assert made.shape == (rows, 8) and made.dtype == np.uint16 and made.flags.c_contiguous
    made[:] = 7
    assert made.sum(dtype=np.int64) == 7 * 8 * rows
    assert new_array(rows, np.int64).shape == (rows,)


def test_large_files_begin_to_be_written_out_on_the_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[int, int]] = []
    begin = array_store.begin_to_write_out

    def begin_to_write_out(descriptor: int, start: int, size: int) -> None:
        begun.append((start, size))
        begin(descriptor, start, size)

    monkeypatch.setattr(array_store, "WRITTEN_OUT_BYTES", 1 << 12)
    monkeypatch.setattr(array_store, "begin_to_write_out", begin_to_write_out)
    writer = FolderStore(tmp_path).writer("x", np.int64)
    values = np.arange(5000)
    for part in np.array_split(values, 40):
        writer.append(part)
    assert (writer.finish() == values).all()
    assert begun == [(k << 12, 1 << 12) for k in range(len(begun))] and len(begun) == 9
