"""The kernels compiled by Numba, from the very text of the reference and of what it is made of."""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path

try:
    import numba
except ImportError as error:
    raise ImportError(
        'the Numba backend needs the package numba: pip install "couponry[numba]"'
    ) from error


def compiled(name: str, parts: dict[str, types.ModuleType]) -> types.ModuleType:
    """A second copy of a module of the reference in which every function is compiled on first use.

    parts: such copies of other modules, by name, whose functions it uses.
    """
    full_name = f"{__package__}._{name}_for_numba"
    path = Path(__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(full_name, path)
    if spec is None or spec.loader is None:  # pragma: no cover - the file lies beside this one
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    spec.loader.exec_module(module)
    for key, function in list(vars(module).items()):
        if not isinstance(function, types.FunctionType):
            continue
        part = function.__module__.rpartition(".")[2]
        if part in parts:
            setattr(module, key, getattr(parts[part], key))
        else:
            # error_model="numpy": a division by zero gives an infinity, as in NumPy and in C
            setattr(module, key, numba.njit(nogil=True, error_model="numpy")(function))
    return module


_sets = compiled("sets", {})
_tangle = compiled("tangle", {"sets": _sets})
_module = compiled("reference", {"sets": _sets, "tangle": _tangle})
span = _module.span
quantise = _module.quantise
noise = _module.noise
tangle = _module.tangle
evaluate = _module.evaluate
choose_exactly = _module.choose_exactly
mark = _module.mark
alternatives = _module.alternatives
fine_usage = _module.fine_usage
regret = _module.regret
propose = _module.propose
improve = _module.improve
