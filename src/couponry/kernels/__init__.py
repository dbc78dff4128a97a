"""Which backend runs: native, numba or reference; one contract, the same bits from each.

contract.py    the arrays that every kernel is given
reference.py   plain Python, the specification
sets.py        a part of it: the exact search under rules that overlap, conflict or ask for minimums
mixing.py      numbers whose bits look drawn, for samples and keys
tangle.py      a part of it: for whom rules do that, and what they come to for each of them
numba.py       the same text, compiled at first use
_native        C++ (sources in ext/), compiled when the package is built
"""

from __future__ import annotations

import importlib
import os
import warnings
from types import ModuleType
from typing import NamedTuple

from .contract import FILL, MUST, REPAIR, SHORT, Agreed, Rows, Rules, Shard

__all__ = [
    "BACKENDS",
    "FILL",
    "MUST",
    "REPAIR",
    "SHORT",
    "Agreed",
    "Backend",
    "Rows",
    "Rules",
    "Shard",
    "available",
    "load",
]

BACKENDS = ("native", "numba", "reference")
_MODULES = {"native": "._native", "numba": ".numba", "reference": ".reference"}


class Backend(NamedTuple):
    """A backend's name and its module of kernels."""

    name: str
    kernels: ModuleType


def available() -> dict[str, str]:
    """Each backend's name with "yes", or the reason why it cannot run here."""
    found = {}
    for name in BACKENDS:
        try:
            importlib.import_module(_MODULES[name], __name__)
            found[name] = "yes"
        except (ImportError, ValueError) as error:
            found[name] = str(error)
    return found


def load(name: str | None = None) -> Backend:
    """The backend to run.

    `name`, else the environment variable COUPONRY_BACKEND, else native. Where the native backend was not built,
    Numba takes its place and a warning says so. Raises ValueError for a name that is none of `BACKENDS` and
    ImportError for a backend that was asked for and cannot run here.
    """
    name = name or os.environ.get("COUPONRY_BACKEND") or None
    if name is not None and name not in BACKENDS:
        raise ValueError(f"backend: expected one of {', '.join(BACKENDS)}, got {name!r}")
    if name is not None:
        return Backend(name, importlib.import_module(_MODULES[name], __name__))
    try:
        return Backend("native", importlib.import_module(_MODULES["native"], __name__))
    except ModuleNotFoundError:
        warnings.warn(
            "couponry was installed without its native kernels (no C++ compiler when it was built): "
            "using the Numba backend, which compiles for some seconds at first use",
            RuntimeWarning,
            stacklevel=2,
        )
        return Backend("numba", importlib.import_module(_MODULES["numba"], __name__))
