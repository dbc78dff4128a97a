"""Memory that is freed is kept for as long as anybody asks for it, and things are as they were afterwards."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from couponry.utils.process import freed_memory
from couponry.utils.process.freed_memory import freed_memory_is_kept

linux = pytest.mark.skipif(sys.platform != "linux", reason="glibc")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the C library and NumPy are told."""
    found: list[Any] = []
    pages = [True]

    def set_huge_pages(wanted: bool) -> bool:
        before, pages[0] = pages[0], wanted
        found.append(wanted)
        return before

    monkeypatch.setattr(freed_memory, "_keep", found.append)
    monkeypatch.setattr(freed_memory, "_set_huge_pages", set_huge_pages)
    return found


@linux
def test_whoever_ends_last_puts_things_back(told: list[Any]) -> None:
    first, second = freed_memory_is_kept(True), freed_memory_is_kept(True)
    with first:
        assert told == [False, freed_memory.KEPT_BYTES]
        second.__enter__()
    assert len(told) == 2
    second.__exit__(None, None, None)
    assert told[2:] == [True, freed_memory.USUAL_BYTES]


@linux
def test_an_error_puts_things_back(told: list[Any]) -> None:
    with pytest.raises(KeyError), freed_memory_is_kept(True):
        raise KeyError
    assert told[2:] == [True, freed_memory.USUAL_BYTES]


def test_nothing_is_told_where_it_is_not_worth_it(told: list[Any]) -> None:
    with freed_memory_is_kept(False):
        assert not told
    assert not told


def test_another_c_library_keeps_what_it_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freed_memory, "c_library", object)
    with freed_memory_is_kept(True):
        assert np.ones(1 << 20).sum() == 1 << 20


def test_numpy_is_asked_as_before() -> None:
    before = freed_memory._set_huge_pages(True)
    try:
        with freed_memory_is_kept(True):
            pass
        assert freed_memory._set_huge_pages(True)
    finally:
        freed_memory._set_huge_pages(before)
