"""The kernels compiled by Numba at first use, from the very text of the reference.

What was compiled once is kept in the user's cache folder, beside copies of the text and under its digest, so that it
serves until a line of it changes.
"""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
from pathlib import Path
from types import FunctionType, ModuleType

from .reference import __all__ as KERNELS

try:
    import numba
except ImportError as error:
    raise ImportError(
        'the Numba backend needs the package numba: pip install "couponry[numba]"'
    ) from error

TEXTS = ("contract.py", "*_contract.py", "set_layout.py", "row_layout.py", "reference/**/*.py")
"""What the kernels are made of, within this folder."""


INLINED = frozenset(
    {
        "add_fine",
        "alternatives_of",
        "best_entry",
        "choose_by_search",
        "choose_greedily",
        "close_full",
        "comes_before",
        "count",
        "count_both",
        "departure_of",
        "dot",
        "end_after",
        "enter",
        "first_set",
        "fix",
        "held_of_group",
        "is_close",
        "keeps",
        "leave",
        "mark_close",
        "may_help",
        "move_rows",
        "number_of",
        "open_slots",
        "pack",
        "parts_of",
        "priority_of",
        "promise_of",
        "put_into_tile",
        "record",
        "shortfall_of",
        "size_of_group",
        "start_tile",
        "take",
        "take_off",
        "times_model",
        "too_full",
        "weight_of",
        "when_comes",
        "when_leaves",
        "within",
    }
)
"""Steps of a kernel that Numba compiles into it. A call would count references to every array of a tuple it passes."""


def cache_folder() -> Path | None:
    """The folder of copies of the kernels' text, made if it is not there; None where nothing can be written."""
    here = Path(__file__).parent
    texts = {
        str(path.relative_to(here)): path.read_bytes()
        for pattern in TEXTS
        for path in sorted(here.glob(pattern))
    }
    digest = hashlib.sha256()
    for name, text in texts.items():
        digest.update(f"{name} {len(text)}\n".encode() + text)
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = caches / "couponry" / f"numba-{digest.hexdigest()[:16]}"
    try:
        for name, text in texts.items():
            if not (folder / name).exists():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                part = folder / f"{name}.{os.getpid()}"
                part.write_bytes(text)
                part.replace(folder / name)
    except OSError:
        return None
    return folder


def compiled_copy(folder: Path | None) -> ModuleType:
    """A second copy of the reference in which every function is compiled on first use.

    The copy is a package of its own, so that its modules import each other and not the reference itself.
    """
    name = f"{__package__}._reference_for_numba"
    package = ModuleType(name)
    package.__path__ = [str(folder or Path(__file__).parent)]
    sys.modules[name] = package
    reference = importlib.import_module(f"{name}.reference")
    modules = [module for key, module in sys.modules.items() if key.startswith(f"{name}.")]
    # error_model="numpy": a division by zero gives an infinity, as in NumPy and in C
    compiled = {
        function: numba.njit(
            nogil=True,
            error_model="numpy",
            cache=folder is not None,
            inline="always" if function.__name__ in INLINED else "never",
        )(function)
        for module in modules
        for function in vars(module).values()
        if isinstance(function, FunctionType) and function.__module__ == module.__name__
    }
    # Numba looks names up when it compiles, which is at first use: by then all of them stand for compiled functions
    for module in modules:
        for key, value in list(vars(module).items()):
            if isinstance(value, FunctionType) and value in compiled:
                setattr(module, key, compiled[value])
    return reference


_kernels = compiled_copy(cache_folder())
globals().update({name: getattr(_kernels, name) for name in KERNELS})
__all__ = KERNELS
