"""The kernel fuzzer finds nothing in a few cases, and would find a bit that differs or a read beyond an array."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from tests.fuzz import kernels
from tests.fuzz.cases import run_cases
from tests.support.guard_pages import AVAILABLE, at_the_end
from tests.support.kernel_cases import native

from couponry.kernels import available

pytestmark = pytest.mark.skipif(available()["native"] != "yes", reason="needs the native kernels")


def test_a_few_cases() -> None:
    tally = run_cases("tests.fuzz.kernels", [*range(8), 9, 10, 11])
    assert tally.cases == 11 and not tally.failures
    assert tally.kinds["affinity"] == 1
    assert tally.kinds["cardinality constraints"] > 2 and tally.kinds["against reference"] > 5


def test_another_bit_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate = native().evaluate

    def wrong(*given: object) -> None:
        evaluate(*given)
        usage = given[6]
        assert isinstance(usage, np.ndarray)
        usage.flat[usage.size - 1] ^= 1

    monkeypatch.setattr(native(), "evaluate", wrong)
    outcome = kernels.run_case(0)
    assert any("another usage" in text for text in outcome.wrong)


@pytest.mark.skipif(not AVAILABLE, reason="needs mprotect")
def test_a_read_beyond_an_array_is_found() -> None:
    array = np.arange(7, dtype=np.int32)
    assert (at_the_end(array) == array).all()
    code = (
        "import ctypes, numpy as np; from tests.support.guard_pages import at_the_end\n"
        "array = at_the_end(np.arange(7, dtype=np.int32))\n"
        "ctypes.c_int32.from_address(array.ctypes.data + {}).value; print('read')"
    )
    inside, beyond = (
        subprocess.run([sys.executable, "-c", code.format(at)], capture_output=True, text=True, check=False)
        for at in (24, 28)
    )  # fmt: skip
    assert inside.stdout == "read\n" and beyond.returncode < 0
