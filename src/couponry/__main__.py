"""The command ``couponry``, also as python -m couponry: takes care of Ctrl-C before anything is imported."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder

from .utils.process.signals import end_at_once


def main() -> None:
    """Run the command line and leave with its exit status."""
    end_at_once()
    _command_line()()


def _command_line() -> Callable[[], None]:
    """Import the command line; where that fails, as with too little memory, leave with status 1 and one line."""
    gc.disable()  # what modules make stays: to look through it time and again takes a tenth of the imports
    try:
        from .cli import main as command_line
    except (ImportError, MemoryError, OSError, RuntimeError, SystemError) as error:
        if os.environ.get("COUPONRY_DEBUG"):
            raise
        said = " ".join(f"{type(error).__name__}: {error}".split())[:220]
        sys.exit(f"couponry: internal error: cannot be loaded, too little memory? {said}")
    finally:
        gc.freeze()
        gc.enable()
    _do_without_pandas()
    return command_line


class _WithoutPandas(MetaPathFinder):
    """Finds no pandas."""

    def find_spec(self, fullname: str, *about: object) -> None:
        """Refuse pandas, and leave all others to who comes next."""
        if fullname == "pandas":
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)


def _do_without_pandas() -> None:
    """Have PyArrow look for pandas now, and not find it: for its first array it would import it, for half a second.

    It looks twice: in Cython, and in C++, when it first makes an array of a list or one of NumPy. Whatever needs pandas
    later on, PyArrow included, imports it all the same.
    """
    from pyarrow import array

    finder = _WithoutPandas()
    sys.meta_path.insert(0, finder)
    try:
        array([0], "int8").to_numpy()
    finally:
        sys.meta_path.remove(finder)


if __name__ == "__main__":
    main()
