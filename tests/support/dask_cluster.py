"""A Dask cluster on this machine: a scheduler and workers as processes of their own, all on the loopback."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .processes import Started, end, start, wait_for
from .spark_cluster import HOST, REPOSITORY, SOURCES, found_in

DASHBOARD = "--dashboard-address", f"{HOST}:0"
"""Without a dashboard, too, schedulers and workers serve HTTP: on all interfaces, unless they are told."""


class DaskCluster:
    """A scheduler, and workers of one thread each, which a nanny starts again when they are killed.

    Parameters
    ----------
    folder : Path
        For logs and the workers' files.
    workers : int
    """

    def __init__(self, folder: Path, workers: int = 2):
        self.folder = folder
        paths = os.pathsep.join([str(SOURCES), str(REPOSITORY)])
        self.environment = os.environ | {"PYTHONPATH": paths, "COUPONRY_ASSERTIONS": "1"}
        self.started: list[Started] = []
        try:
            options = ["--host", HOST, "--port", "0", *DASHBOARD]
            log, scheduler = self._daemon("scheduler", *options)
            self.address = str(wait_for(lambda: found_in(r"tcp://[\d.]+:\d+", log), scheduler, log))
            options = ["--host", HOST, "--nworkers", str(workers), "--nthreads", "1", *DASHBOARD]
            options += ["--memory-limit", "0", "--local-directory", str(folder), self.address]
            log, worker = self._daemon("worker", *options)
            wait_for(lambda: found_in("Registered to", log), worker, log)
        except BaseException:
            self.close()
            raise

    def _daemon(self, kind: str, *options: str) -> tuple[Path, Started]:
        log = self.folder / f"{kind}.log"
        command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *options]
        started = start(command, self.environment, log)
        self.started.append(started)
        return log, started

    @property
    def where(self) -> dict[str, Any]:
        """What `cluster_driver` is told."""
        return {"dask": self.address}

    @contextmanager
    def client(self) -> Iterator[Any]:
        """A client of its own, closed afterwards."""
        from distributed import Client

        with Client(self.address) as client:
            yield client

    def close(self) -> None:
        """End scheduler and workers."""
        end(self.started)
