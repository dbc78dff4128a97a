"""The kernels compiled by Numba, from the very text of the reference and of what it is made of.

What was compiled once is kept in the user's cache folder, beside copies of the text and under its digest, so that it
serves until a line of it changes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import types
from pathlib import Path

try:
    import numba
except ImportError as error:
    raise ImportError(
        'the Numba backend needs the package numba: pip install "couponry[numba]"'
    ) from error


def _kept() -> Path | None:
    """The folder of copies of this folder's modules, made if it is not there; None where nothing can be written."""
    texts = {path.name: path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))}
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name} {len(text)}\n".encode() + text)
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "couponry" / f"numba-{digest.hexdigest()[:16]}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            if not (folder / name).exists():
                part = folder / f"{name}.{os.getpid()}"
                part.write_bytes(text)
                part.replace(folder / name)
    except OSError:
        return None
    return folder


_folder = _kept()


def compiled(name: str, parts: dict[str, types.ModuleType]) -> types.ModuleType:
    """A second copy of a module of the reference in which every function is compiled on first use.

    parts: such copies of other modules, by name, whose functions it uses.
    """
    full_name = f"{__package__}._{name}_for_numba"
    path = (_folder or Path(__file__).parent) / f"{name}.py"
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
            compile_it = numba.njit(nogil=True, error_model="numpy", cache=_folder is not None)
            setattr(module, key, compile_it(function))
    return module


_sets = compiled("set_search", {})
_tangle = compiled("customer_sets", {"set_search": _sets})
_module = compiled("reference", {"set_search": _sets, "customer_sets": _tangle})
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
