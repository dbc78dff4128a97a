"""Third-party modules that take long to import and are seldom needed at once: imported at their first use."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__all__ = ["LazyModule", "is_imported", "sparse"]


class LazyModule(ModuleType):
    """Stands for a module, and imports it when something of it is first asked for."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what is asked of any module, by tools, without need of this one
            raise AttributeError(name)
        found = getattr(importlib.import_module(self.__name__), name)
        self.__dict__[name] = found  # not asked for again
        return found


def is_imported(module: ModuleType) -> bool:
    """Tell whether anybody has imported a lazy module: before, nobody has an object of one of its classes.

    Parameters
    ----------
    module : module
        A lazy module.

    Returns
    -------
    bool
        Whether it is in `sys.modules`.
    """
    return module.__name__ in sys.modules


if TYPE_CHECKING:
    import scipy.sparse as sparse
else:
    sparse = LazyModule("scipy.sparse")
