"""What is installed and runs here: versions, backends, compiler, instruction set and threads, for bug reports."""

from __future__ import annotations

import sys
from typing import Any, TextIO


def versions() -> dict[str, Any]:
    """Return what a bug report should say about the installation.

    Returns
    -------
    dict
        `couponry`, `python`, `numpy`, `scipy`, `pyarrow` and `numba`: versions, None where it is not installed.
        `backends`: by name, "yes" or the reason why it cannot run. `compiler` and `instruction_set`: of the native
        kernels, None where they were not built. `gil`: on, or off in a free-threaded CPython. `threads`: used where
        nobody says how many. `platform`.
    """
    import platform  # here, because the package imports this module at once

    from . import kernels
    from .utils.threads import thread_count
    from .utils.version import __version__

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
        "gil": "on" if getattr(sys, "_is_gil_enabled", lambda: True)() else "off",
        "threads": thread_count(None),
        "platform": platform.platform(),
    }


def show_versions(file: TextIO | None = None) -> None:
    """Print what is installed and runs here, for bug reports.

    Parameters
    ----------
    file : file, optional
        Text file to print to; default: standard output.
    """
    for key, value in versions().items():
        if isinstance(value, dict):
            value = ", ".join(f"{name}: {state}" for name, state in value.items())
        print(f"{key.replace('_', ' '):16} {'none' if value is None else value}", file=file)


def _installed(package: str) -> str | None:
    """Version of a package, None where it is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
