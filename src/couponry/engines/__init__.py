"""Engines: where passes over candidates run. One protocol, prices in and usage out, and its implementations.

`Cluster` solves a campaign over shards, `Spark` and `Dask` on clusters of these: `campaign.solve(engine=...)`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cluster.cluster import Cluster
    from .cluster.runner import Runner
    from .cluster.runners.dask import Dask
    from .cluster.runners.in_process import InProcessRunner, ProcessPoolRunner
    from .cluster.runners.spark import Spark
    from .cluster.work import work

__all__ = ["Cluster", "Dask", "InProcessRunner", "ProcessPoolRunner", "Runner", "Spark", "work"]

_WHERE = {
    "Cluster": ".cluster.cluster",
    "Dask": ".cluster.runners.dask",
    "InProcessRunner": ".cluster.runners.in_process",
    "ProcessPoolRunner": ".cluster.runners.in_process",
    "Runner": ".cluster.runner",
    "Spark": ".cluster.runners.spark",
    "work": ".cluster.work",
}


def __getattr__(name: str) -> Any:
    """A name of the room at its first use."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name], __name__), name)
