"""Says in a run of the tests under a sanitizer what runs, and ends it where that is not what was built for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import couponry
from couponry.kernels import available, load


def pytest_report_header() -> str:
    sanitizer = os.environ["COUPONRY_SANITIZED"]
    package = Path(couponry.__file__).parent
    if package.parent.parent.name != sanitizer or available()["native"] != "yes":
        pytest.exit(f"expected couponry as built for {sanitizer}, got {package}: {available()}", 3)
    native = load("native").kernels
    return (
        f"couponry under {sanitizer}: {native.compiler()}, {', '.join(native.instruction_sets())}"
    )
