"""Memory of the process and the machine, by files of Linux and by psutil."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from couponry.utils import memory
from couponry.utils.process.c_library import c_library

psutil = pytest.importorskip("psutil")

NOWHERE = Path("/nowhere/at/all")


@pytest.fixture
def no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SYSTEM_MEMORY", "PROCESS_MEMORY", "CONTROL_GROUP"):
        monkeypatch.setattr(memory, name, NOWHERE)


def test_files_say_what_psutil_says(no_files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert memory.total_memory() == psutil.virtual_memory().total
    available = memory.available_memory()
    assert available is not None and 0 < available < psutil.virtual_memory().total
    monkeypatch.undo()
    assert memory.total_memory() == psutil.virtual_memory().total


def test_the_peak_grows_by_what_is_held() -> None:
    before = memory.peak_memory()
    held = np.ones(max(before, 1 << 26) // 8)  # as much as was ever held
    assert before < held.nbytes + before // 4 <= memory.peak_memory()


@pytest.mark.skipif(not hasattr(c_library(), "malloc_trim"), reason="of glibc")
def test_memory_between_other_things_goes_back_to_the_system() -> None:
    several = [np.ones(1 << 13) for _ in range(2000)]  # too small to be mapped each by itself
    del several[::2]
    held = psutil.Process().memory_info().rss
    memory.return_freed_memory()
    assert psutil.Process().memory_info().rss < held - 1000 * several[0].nbytes // 2


def test_without_files_and_resource(no_files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform != "win32":
        assert memory.peak_memory() >= psutil.Process().memory_info().rss // 2
    monkeypatch.setitem(sys.modules, "resource", None)
    process = SimpleNamespace(memory_info=lambda: SimpleNamespace(peak_wset=4711))
    monkeypatch.setitem(sys.modules, "psutil", SimpleNamespace(Process=lambda: process))
    assert memory.peak_memory() == 4711
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert memory.peak_memory() == 0
    assert memory.available_memory() is None and memory.total_memory() is None


@pytest.mark.skipif(not memory.PROCESS_MEMORY.exists(), reason="of Linux")
def test_a_limit_of_the_process_counts() -> None:
    code = (
        "import resource; from couponry.utils.memory import available_memory;"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)); print(available_memory())"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < int(said.stdout) < 1 << 30
