"""Runs the tests of kernels and engines under sanitizers: python -m tests.sanitizers [address] [undefined] [thread].

Of each sanitizer: the native modules are built with it into build/NAME; small faults that are made on purpose show that
it is awake and that what is suppressed does not hide them; then the tests run, on every instruction set of this
processor. The first finding ends the run, with the sanitizer's report.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
COMPILER = os.environ.get("CXX", "g++")
RUNTIMES = {"address": "libasan.so", "undefined": "libubsan.so", "thread": "libtsan.so"}
OPTIONS = {
    # leaks: CPython keeps what it interned and its types until the process ends, and a leak report of that hides ours
    # stacks that outlive their return: GCC 12 lays them out for 32 bytes, and reads vectors of 64 as if they were
    # aligned (its bug 110027)
    "address": "detect_leaks=0:detect_stack_use_after_return=0:strict_string_checks=1:halt_on_error=1",
    "undefined": "print_stacktrace=1:halt_on_error=1",
    # a child of a process with threads is what the tests of `fork` are about
    "thread": "halt_on_error=1:die_after_fork=0:history_size=4",
}
FAULTS = {
    "address": {
        "read_past_the_end": "heap-buffer-overflow",
        "use_after_free": "heap-use-after-free",
    },
    "undefined": {
        "overflow_a_sum": "signed integer overflow",
        "cast_too_much": "outside the range",
    },
    "thread": {"race": "data race"},
}
TESTS = [
    "tests/kernels",
    "tests/engines",
    "tests/affinity/test_offer_chooser.py",
    "tests/affinity/test_grouping.py",
    "tests/affinity/test_near_items.py",
]


def environment(sanitizer: str, package: Path) -> dict[str, str]:
    """What a process under the sanitizer is started with."""
    # with the C++ library: exceptions that pyarrow and DuckDB throw are found by AddressSanitizer at the start alone
    libraries = [_library(name) for name in (RUNTIMES[sanitizer], "libstdc++.so.6")]
    name = {"address": "ASAN", "undefined": "UBSAN", "thread": "TSAN"}[sanitizer]
    options = OPTIONS[sanitizer]
    if (suppressions := HERE / f"{sanitizer}.supp").exists():
        options += f":suppressions={suppressions}"
    return os.environ | {
        "LD_PRELOAD": " ".join(libraries),
        f"{name}_OPTIONS": options,
        "PYTHONPATH": str(package),
        "PYTHONMALLOC": "malloc",  # Python's own pools would hide where a buffer ends
        "OPENBLAS_NUM_THREADS": "1",
    }


def _library(name: str) -> str:
    """Where the compiler has a library of its own."""
    found = subprocess.run(
        [COMPILER, f"-print-file-name={name}"], check=True, capture_output=True, text=True
    )
    return found.stdout.strip()


def build(sanitizer: str) -> Path:
    """Build couponry with the sanitizer; what has not changed is not compiled again."""
    base = ROOT / "build" / sanitizer
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build", f"--build-base={base}", f"--build-lib={base / 'lib'}"],
        cwd=ROOT, env=os.environ | {"COUPONRY_SANITIZE": sanitizer}, check=True,
    )  # fmt: skip
    return base / "lib"


def check_that_it_is_awake(sanitizer: str, package: Path) -> None:
    """Make some faults, each in a process of its own, and see that each is reported."""
    library = package.parent / "faults.so"
    flags = [
        "-std=c++17",
        "-O1",
        "-g",
        "-fPIC",
        "-shared",
        f"-fsanitize={sanitizer}",
        "-fno-sanitize-recover=all",
    ]
    if sanitizer == "undefined":
        flags.append("-fsanitize=float-cast-overflow")
    subprocess.run([COMPILER, *flags, str(HERE / "faults.cpp"), "-o", str(library)], check=True)
    for fault, report in FAULTS[sanitizer].items():
        code = f"import numpy, ctypes; ctypes.CDLL({str(library)!r}).{fault}()"
        run = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(sanitizer, package), capture_output=True, text=True, check=False,
        )  # fmt: skip
        if run.returncode == 0 or report not in run.stderr:
            raise SystemExit(f"{sanitizer}: {fault} went by unseen:\n{run.stdout}{run.stderr}")


def check(sanitizer: str, arguments: list[str]) -> None:
    """Build, and run everything under one sanitizer."""
    began = time.monotonic()
    package = build(sanitizer)
    check_that_it_is_awake(sanitizer, package)
    built = time.monotonic()
    options = [
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.sanitizers.plugin",
        "--capture=sys",
        *(arguments or TESTS),
    ]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *options],
        cwd=ROOT, env=environment(sanitizer, package) | {"COUPONRY_SANITIZED": sanitizer}, check=False,
    )  # fmt: skip
    ended = time.monotonic()
    print(f"{sanitizer}: {'clean' if run.returncode == 0 else 'NOT CLEAN'}", end="; ")
    print(f"built in {built - began:.0f} s, tests in {ended - built:.0f} s", flush=True)
    if run.returncode:
        raise SystemExit(run.returncode)


def main() -> None:
    """Run the sanitizers that are named, or all; what follows -- goes to pytest in place of the usual tests."""
    names, _, more = " ".join(sys.argv[1:]).partition("--")
    for name in names.split() or RUNTIMES:
        if name not in RUNTIMES:
            raise SystemExit(f"expected {', '.join(RUNTIMES)}, got {name!r}")
        check(name, more.split())


if __name__ == "__main__":
    main()
