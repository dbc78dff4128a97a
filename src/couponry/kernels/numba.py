"""The kernels compiled by Numba, from the very text of the reference."""

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


def compiled(reference: str) -> types.ModuleType:
    """A second copy of a reference module in which every function is compiled on first use."""
    name = f"{__package__}._{reference}_for_numba"
    path = Path(__file__).with_name(f"{reference}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:  # pragma: no cover - the file lies beside this one
        raise ImportError(f"cannot load {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    for key, function in list(vars(module).items()):
        if isinstance(function, types.FunctionType):
            # error_model="numpy": a division by zero gives an infinity, as in NumPy and in C
            setattr(module, key, numba.njit(nogil=True, error_model="numpy")(function))
    return module


_module = compiled("reference")
span = _module.span
quantise = _module.quantise
noise = _module.noise
evaluate = _module.evaluate
mark = _module.mark
alternatives = _module.alternatives
fine_usage = _module.fine_usage
regret = _module.regret
propose = _module.propose
improve = _module.improve
