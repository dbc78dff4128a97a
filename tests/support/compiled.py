"""What the solver's parts are given, of a campaign: its problem over an engine, how to round, choices at prices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from couponry import Campaign, kernels
from couponry.engines.local import LocalEngine
from couponry.solver.dual.lagrangian import Lagrangian
from couponry.solver.dual.scaling import Scales
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.primal.repair import Repair
from couponry.solver.problem import Problem


def compiled(campaign: Campaign, threads: int = 1) -> tuple[Problem, LocalEngine, Repair]:
    backend = kernels.load(None)
    problem = campaign.compile(backend).problem
    engine = LocalEngine(problem.shard, problem.rules, backend, threads, 0)
    return (
        problem,
        engine,
        Repair(problem, engine, Scales.measure(problem, engine), DEFAULT_OPTIONS.repair),
    )


def best_choice(
    problem: Problem, engine: LocalEngine, repair: Repair, prices: NDArray[np.float64]
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Everybody's best choice at these prices, uint8 (e), and what usage is worth there, (1 + C, S, K)."""
    lagrangian = Lagrangian(problem, engine)
    reduced = lagrangian.reduced(prices)
    chosen, _ = lagrangian.choose(prices)
    return repair.exact_choice(chosen, reduced)[0], reduced
