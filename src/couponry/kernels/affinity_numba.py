"""The kernels of affinity compiled by Numba, from the very text of the reference."""

from __future__ import annotations

from .numba import compiled

_module = compiled("affinity_reference", {})
fold = _module.fold
best = _module.best
