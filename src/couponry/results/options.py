"""`SolveOptions`: what a solve is asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .. import kernels
from ..engines.cluster.cluster import Cluster
from ..kernels import Backend
from ..solver.options import SolverOptions
from ..utils.checks import as_float, is_number, is_whole, shown
from ..utils.errors import InvalidInput
from ..utils.progress.cancel import CancelToken
from ..utils.progress.watch import Progress
from ..utils.suggestions import did_you_mean
from ..utils.threads import thread_count

DEFAULT_GAP = 5e-4
"""Relative gap that a solve stops at unless another is asked for."""


@dataclass(frozen=True)
class SolveOptions:
    """Options of a solve, as `couponry.Campaign.solve` takes them.

    Attributes
    ----------
    gap : float
        Stop at this relative distance between objective and bound.
    time_limit : float, optional
        Seconds.
    threads : int, optional
        Default: COUPONRY_THREADS, else the cores that this process may use.
    seed : int
        From 0 to 2^32 - 1; breaks ties.
    backend : {"native", "numba", "reference"}, optional
        Default: the fastest that is installed.
    progress : bool or callable
        Show progress, or tell the callable of each event.
    cancel : CancelToken, optional
        Ends the solve.
    checkpoint : str or Path, optional
        File that progress is kept in.
    start : CampaignSolution, pyarrow.Table, str or Path, optional
        Warm start: a result, whose prices to start from.
    solver : SolverOptions
        What tunes the solver.
    engine : Cluster, optional
        Where passes are made; default: on this machine.
    """

    gap: float = DEFAULT_GAP
    time_limit: float | None = None
    threads: int | None = None
    seed: int = 0
    backend: str | None = None
    progress: Progress = False
    cancel: CancelToken | None = None
    checkpoint: str | Path | None = None
    start: Any = None
    solver: SolverOptions = field(default_factory=SolverOptions)
    engine: Cluster | None = None

    def check(self) -> None:
        """Refuse options that make no sense.

        Raises
        ------
        InvalidInput
            With one line that names the option.
        """
        gap, limit, seed = self.gap, self.time_limit, self.seed
        if not is_number(gap) or not 0 <= as_float(gap) < math.inf:
            raise InvalidInput(f"gap: expected a number from 0 up, got {shown(gap)}")
        if limit is not None and (not is_number(limit) or not as_float(limit) > 0):
            raise InvalidInput(f"time_limit: expected seconds above 0, got {shown(limit)}")
        if not is_whole(seed) or not 0 <= seed < 2**32:
            raise InvalidInput(
                f"seed: expected a whole number from 0 to 4294967295, got {shown(seed)}"
            )
        if not isinstance(self.solver, SolverOptions):
            raise InvalidInput(f"solver_options: expected SolverOptions, got {shown(self.solver)}")
        if self.engine is not None and not isinstance(self.engine, Cluster):
            raise InvalidInput(
                f"engine: expected a cluster of couponry.engines, or None for this machine, got {shown(self.engine)}"
            )

    @property
    def thread_count(self) -> int:
        """How many threads to use."""
        return thread_count(self.threads)

    def load_backend(self) -> Backend:
        """Load the backend to use.

        Returns
        -------
        Backend

        Raises
        ------
        InvalidInput
            If there is none of that name.
        """
        if self.backend is not None and not isinstance(self.backend, str):
            raise InvalidInput(
                f"backend: expected one of {', '.join(kernels.BACKENDS)}, got {shown(self.backend)}"
            )
        try:
            return kernels.load(self.backend)
        except ValueError as error:
            near = did_you_mean(self.backend, kernels.BACKENDS)
            raise InvalidInput(f"{error}{near}") from None
