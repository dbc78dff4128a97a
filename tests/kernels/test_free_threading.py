"""The native modules hold nothing that threads could get at the same time, and say so to a free-threaded CPython."""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from couponry.kernels import available

ROOT = Path(__file__).resolve().parents[2]
TEXTS = sorted(p for p in (ROOT / "ext").rglob("*") if p.suffix in (".cpp", ".hpp"))

VARIABLE = re.compile(  # of a whole file, or of a function and its next calls, and not constant
    r"^(?! )(?!.*\b(?:const|constexpr|using|namespace|return|typedef|struct|class|template)\b)"
    r"(?:static |thread_local |extern )*"
    r"[\w:<>,\*& ]+ \w+(?:\[\w*\])?(?:\{.*\}| = .*)?;$"
)
STATIC = re.compile(r"^\s+(?:static|thread_local) (?!.*(?:const|constexpr|\())")


def test_nothing_outlives_a_call_but_the_instruction_set() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in TEXTS
        for line in path.read_text(encoding="utf-8").splitlines()
        if VARIABLE.match(line) or STATIC.match(line) or line.lstrip().startswith("std::atomic")
    }
    assert found == {
        "ext/couponry/affinity/variants.cpp: std::atomic<const AffinityKernels*> current{&affinity_baseline};",
        "ext/couponry/dispatch/instruction_set.cpp: std::atomic<const KernelTable*> current{&kernels_baseline};",
    }


def test_what_is_looked_for_would_be_found() -> None:
    for line in (
        "int count = 0;",
        "std::vector<int> cache;",
        "static int64_t calls;",
        "thread_local float memory[8];",
    ):
        assert VARIABLE.match(line), line
    for line in "    static int calls = 0;", "    thread_local Scratch scratch;":
        assert STATIC.match(line), line


def test_the_modules_are_declared_safe_without_a_lock() -> None:
    assert '"freethreading_compatible": True' in (ROOT / "setup.py").read_text(encoding="utf-8")


@pytest.mark.skipif(
    not sysconfig.get_config_var("Py_GIL_DISABLED"), reason="needs a free-threaded CPython"
)
@pytest.mark.skipif(available()["native"] != "yes", reason="needs the native kernels")
def test_importing_couponry_leaves_the_lock_off() -> None:
    code = (
        "import sys, couponry; from couponry.kernels import load; load('native')\n"
        "from couponry import Campaign; print(sys._is_gil_enabled())"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "False"
