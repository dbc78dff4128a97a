"""What runs here: versions, backends, compiler, instruction set and threads, for bug reports."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any, TextIO

from . import kernels
from .utils.version import __version__


def versions() -> dict[str, Any]:
    """Everything that a bug report should say about the installation.

    Keys: ``couponry``, ``python``, ``numpy``, ``scipy``, ``pyarrow``, ``numba`` (None where it is not installed),
    ``backends`` (name: "yes" or the reason why it cannot run), ``compiler`` and ``instruction_set`` of the native
    kernels (None where they were not built), ``threads`` (used where nobody says how many) and ``platform``.
    """
    from .utils.threads import thread_count

    backends = kernels.available()
    native = kernels.load("native").kernels if backends["native"] == "yes" else None
    return {
        "couponry": __version__,
        "python": platform.python_version(),
        "numpy": _installed("numpy"),
        "scipy": _installed("scipy"),
        "pyarrow": _installed("pyarrow"),
        "numba": _installed("numba"),
        "backends": backends,
        "compiler": native.compiler() if native else None,
        "instruction_set": native.instruction_set() if native else None,
        "threads": thread_count(None),
        "platform": platform.platform(),
    }


def show_versions(file: TextIO | None = None) -> None:
    """Print `versions()`, one line each, to `file` (default: standard output)."""
    for key, value in versions().items():
        if isinstance(value, dict):
            value = ", ".join(f"{name}: {state}" for name, state in value.items())
        print(f"{key.replace('_', ' '):16} {'none' if value is None else value}", file=file)


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
