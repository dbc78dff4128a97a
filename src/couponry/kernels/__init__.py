"""Inner loops: one contract, three backends that give the same bits, and which of them runs.

contract.py, affinity_contract.py,
exchanges_contract.py,
rules_contract.py,
purchases_contract.py,
undecided_contract.py                the arrays that every kernel is given
row_layout.py  set_layout.py         how rows and cardinality constraints are laid out in words
reference/                           plain Python, the specification
numba.py                             the same text, compiled at first use
_native/                             C++ (sources in ext/), compiled when the package is built
unchecked.py                         the same for callers that have checked what arrays hold
hashing.py                           numbers whose bits look drawn, for samples and keys
"""

from __future__ import annotations

import importlib
import os
import warnings
from types import ModuleType
from typing import Any, Literal, NamedTuple

from .contract import (
    FILL,
    LOSS_BITS_DROPPED,
    MAX_QUANTITY,
    PARTS,
    REPAIR,
    Changes,
    ChangesByRow,
    LimitRows,
    LocalSearch,
    LossWeights,
    Moves,
    NearChanges,
    Packing,
    Rules,
    Shard,
)
from .exchanges_contract import ListedMoves, OpenRows, Rooms, RowMoves
from .rules_contract import MeasureSpec, RequirementSpec, RuleSpec
from .steps_contract import PriceSteps, StepModel, StepSearch
from .undecided_contract import Undecided

__all__ = [
    "BACKENDS",
    "FILL",
    "LOSS_BITS_DROPPED",
    "MAX_QUANTITY",
    "PARTS",
    "REPAIR",
    "Backend",
    "BackendName",
    "Changes",
    "ChangesByRow",
    "LimitRows",
    "ListedMoves",
    "LocalSearch",
    "LossWeights",
    "MeasureSpec",
    "Moves",
    "NearChanges",
    "OpenRows",
    "Packing",
    "PriceSteps",
    "RequirementSpec",
    "Rooms",
    "RowMoves",
    "RuleSpec",
    "Rules",
    "Shard",
    "StepModel",
    "StepSearch",
    "Undecided",
    "available",
    "load",
]

BackendName = Literal["native", "numba", "reference"]

BACKENDS = ("native", "numba", "reference")
_MODULES = {"native": "._native", "numba": ".numba", "reference": ".reference"}
_loaded: dict[str, ModuleType] = {}


class Backend(NamedTuple):
    """A backend.

    Attributes
    ----------
    name : str
        native, numba or reference.
    kernels : module
        Its kernels, by the names that `couponry.kernels.reference` lists. The native ones look at all that they are
        given and raise ValueError where it leads out of an array.
    """

    name: str
    kernels: ModuleType

    @property
    def unchecked(self) -> ModuleType:
        """The same kernels for callers that have checked what arrays hold; native ones do not look at it again."""
        if self.name != "native":
            return self.kernels
        return _module(".unchecked")

    def __reduce__(self) -> tuple[Any, ...]:
        """Loaded again by its name: modules cannot be pickled."""
        return load, (self.name,)


def available() -> dict[str, str]:
    """Say which backends can run here.

    Returns
    -------
    dict of str to str
        Each backend's name with "yes", or the reason why it cannot run.
    """
    found = {}
    for name in BACKENDS:
        try:
            importlib.import_module(_MODULES[name], __name__)
            found[name] = "yes"
        except (ImportError, ValueError) as error:
            found[name] = str(error)
    return found


def load(name: str | None = None) -> Backend:
    """Load the backend to run.

    Where no backend is named and the native one was not built, Numba takes its place and a warning says so.

    Parameters
    ----------
    name : str, optional
        native, numba or reference. Else the environment variable COUPONRY_BACKEND, else native.

    Returns
    -------
    Backend

    Raises
    ------
    ValueError
        For a name that is none of `BACKENDS`.
    ImportError
        For a backend that was asked for and cannot run here.
    """
    name = name or os.environ.get("COUPONRY_BACKEND") or None
    if name is not None and name not in BACKENDS:
        raise ValueError(f"backend: expected one of {', '.join(BACKENDS)}, got {name!r}")
    if name is not None:
        return Backend(name, _module(_MODULES[name]))
    try:
        return Backend("native", _module(_MODULES["native"]))
    except ModuleNotFoundError:
        warnings.warn(
            "couponry was installed without its native kernels (no C++ compiler when it was built): "
            "using the Numba backend, which compiles for some seconds at first use",
            RuntimeWarning,
            stacklevel=2,
        )
        return Backend("numba", _module(_MODULES["numba"]))


def _module(name: str) -> ModuleType:
    """Return a module of this room; blocks of customers ask thousands of times, which an import is too slow for."""
    found = _loaded.get(name)
    if found is None:
        found = _loaded[name] = importlib.import_module(name, __name__)
    return found
