"""LightGBM by its C interface: its Python package loads scikit-learn, pandas and scipy.stats first, a second's work."""

from __future__ import annotations

import ctypes
import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

FLOAT32, FLOAT64 = 0, 1
"""Types of numbers, as the library calls them."""

NAMES = "lib/lib_lightgbm.so", "lib/lib_lightgbm.dylib", "bin/lib_lightgbm.dll"
"""Where the package has its library, by platform."""


class Booster:
    """Trees that are trained one after the other; a context that gives back what the library holds.

    Parameters
    ----------
    features : ndarray of float32, shape (n_rows, n_features)
    outcome : ndarray of bool, shape (n_rows,)
    weight : ndarray of float32, shape (n_rows,)
    start : ndarray of float64, shape (n_rows,)
        Log odds that the trees start from.
    parameters : dict
        Of LightGBM.

    Raises
    ------
    ImportError
        If LightGBM is not installed.
    """

    def __init__(
        self,
        features: NDArray[np.float32],
        outcome: NDArray[np.bool_],
        weight: NDArray[np.float32],
        start: NDArray[np.float64],
        parameters: dict[str, Any],
    ):
        self._library = library()
        self._rows, self._trees = ctypes.c_void_p(), ctypes.c_void_p()
        self._told = _as_text(parameters)
        rows = np.ascontiguousarray(features)
        self._call(
            "LGBM_DatasetCreateFromMat",
            ctypes.c_void_p(rows.ctypes.data),
            ctypes.c_int(FLOAT32),
            ctypes.c_int32(rows.shape[0]),
            ctypes.c_int32(rows.shape[1]),
            ctypes.c_int(1),  # row by row
            self._told,
            None,
            ctypes.byref(self._rows),
        )
        self._set("label", outcome.astype(np.float32))
        if not (weight == 1).all():
            self._set("weight", weight)
        self._set("init_score", start)

    def __enter__(self) -> Self:
        # on the thread that trains: how much is said is told to each thread by itself
        self._call("LGBM_BoosterCreate", self._rows, self._told, ctypes.byref(self._trees))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._call("LGBM_BoosterFree", self._trees)
        self._call("LGBM_DatasetFree", self._rows)

    def add_tree(self) -> None:
        """Train another tree, if any split gains something."""
        finished = ctypes.c_int(0)
        self._call("LGBM_BoosterUpdateOneIter", self._trees, ctypes.byref(finished))

    def dump(self) -> dict[str, Any]:
        """Return all trees, as LightGBM's ``Booster.dump_model`` does."""
        size, needed = 1 << 20, ctypes.c_int64(0)
        while True:
            text = ctypes.create_string_buffer(size)
            self._call(
                "LGBM_BoosterDumpModel",
                self._trees,
                ctypes.c_int(0),  # from the first on
                ctypes.c_int(-1),  # all of them
                ctypes.c_int(0),  # importances by splits
                ctypes.c_int64(size),
                ctypes.byref(needed),
                text,
            )
            if needed.value <= size:
                found: dict[str, Any] = json.loads(text.value)
                return found
            size = needed.value

    def _set(self, name: str, values: NDArray[np.float32] | NDArray[np.float64]) -> None:
        """Set a number of each row."""
        numbers: NDArray[Any] = np.ascontiguousarray(values)
        self._call(
            "LGBM_DatasetSetField",
            self._rows,
            name.encode(),
            ctypes.c_void_p(numbers.ctypes.data),
            ctypes.c_int(len(numbers)),
            ctypes.c_int(FLOAT64 if numbers.dtype == np.float64 else FLOAT32),
        )

    def _call(self, name: str, *arguments: Any) -> None:
        """Call a function of the library; raise what it says went wrong."""
        if getattr(self._library, name)(*arguments):
            raise RuntimeError(f"LightGBM: {self._library.LGBM_GetLastError().decode()}")


def library() -> ctypes.CDLL:
    """Load LightGBM's library, and not its Python package where the library is where it usually is.

    Returns
    -------
    ctypes.CDLL

    Raises
    ------
    ImportError
        If LightGBM is not installed.
    """
    found = None
    if sys.modules.get("lightgbm", ...) is not None:
        found = find_spec("lightgbm")
    if found is None or found.origin is None:
        raise ImportError("No module named 'lightgbm'")
    paths = [Path(found.origin).parent / name for name in NAMES]
    place = next((path for path in paths if path.is_file()), None)
    loaded = import_module("lightgbm.basic")._LIB if place is None else ctypes.CDLL(str(place))
    loaded.LGBM_GetLastError.restype = ctypes.c_char_p
    return cast(ctypes.CDLL, loaded)


def _as_text(parameters: dict[str, Any]) -> bytes:
    """Return parameters as the library reads them."""
    pairs = []
    for name, value in parameters.items():
        text = ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        pairs.append(f"{name}={text}")
    return " ".join(pairs).encode()
