"""Other solvers on a programme: HiGHS for whole coupons, OR-Tools PDLP for the linear relaxation."""

from __future__ import annotations

import ctypes
import math
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.optimize
from benchmarks.peers.programme import Programme
from numpy.typing import NDArray


@dataclass(frozen=True)
class Solved:
    """x, or None; and what there is to report."""

    x: NDArray[np.float64] | None
    figures: dict[str, Any]


def highs(programme: Programme, gap: float, time_limit: float) -> Solved:
    """Whole coupons by `scipy.optimize.milp`, which runs HiGHS's branch and bound on one thread."""
    started, worked = time.perf_counter(), time.process_time()
    rows = scipy.optimize.LinearConstraint(programme.matrix, programme.lower, programme.upper)
    with _messages_on_stderr():
        found = scipy.optimize.milp(
            -programme.value,
            constraints=rows,
            bounds=scipy.optimize.Bounds(0.0, 1.0),
            integrality=1,
            options={"mip_rel_gap": gap, "time_limit": time_limit},
        )
    seconds, worked = time.perf_counter() - started, time.process_time() - worked
    x = None if found.x is None else np.round(found.x)
    objective = None if x is None else float(programme.value @ x)
    dual = found.mip_dual_bound
    bound = -dual if dual is not None and math.isfinite(dual) else None
    reached = None
    if bound is not None and objective is not None:
        reached = (bound - objective) / abs(bound)
    figures = {
        "solver": f"HiGHS, SciPy {scipy.__version__}",
        "status": found.message,
        "seconds": seconds,
        "cpu_seconds": worked,
        "objective": objective,
        "bound": bound,
        "gap": reached,
        "max_violation": None if x is None else programme.violation(x),
    }
    return Solved(x, figures)


def pdlp(programme: Programme, tolerance: float, threads: int) -> Solved:
    """The linear relaxation by OR-Tools PDLP, to a relative tolerance of its residuals and of its gap."""
    import ortools
    from ortools.pdlp import solve_log_pb2, solvers_pb2
    from ortools.pdlp.python import pdlp as solver

    problem = solver.QuadraticProgram()
    problem.resize_and_initialize(len(programme.value), len(programme.lower))
    problem.objective_vector = -programme.value  # it minimises
    problem.constraint_matrix = programme.matrix
    problem.constraint_lower_bounds = programme.lower
    problem.constraint_upper_bounds = programme.upper
    problem.variable_lower_bounds = np.zeros(len(programme.value))
    problem.variable_upper_bounds = np.ones(len(programme.value))
    asked = solvers_pb2.PrimalDualHybridGradientParams(num_threads=threads)
    criteria = asked.termination_criteria.simple_optimality_criteria
    criteria.eps_optimal_relative = tolerance
    criteria.eps_optimal_absolute = 0.0

    started = time.perf_counter()
    found = solver.primal_dual_hybrid_gradient(problem, asked)
    seconds = time.perf_counter() - started
    log, x = found.solve_log, np.asarray(found.primal_solution)
    reason = solve_log_pb2.TerminationReason.Name(log.termination_reason)
    figures = {
        "solver": f"PDLP, OR-Tools {ortools.__version__}",
        "status": reason.removeprefix("TERMINATION_REASON_").lower(),
        "tolerance": tolerance,
        "seconds": seconds,
        "iterations": log.iteration_count,
        "objective": float(programme.value @ x),
        "max_violation": programme.violation(x),
    }
    for point in log.solution_stats.convergence_information:
        if point.candidate_type != log.solution_type:
            continue
        figures["primal_objective"] = -point.primal_objective
        figures["dual_objective"] = -point.dual_objective
        figures["corrected_dual_objective"] = -point.corrected_dual_objective
    return Solved(x, figures)


@contextmanager
def _messages_on_stderr() -> Iterator[None]:
    """What native code prints goes to standard error: standard output is for the JSON alone."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        ctypes.CDLL(None).fflush(None)  # C's buffer, while it still leads there
        os.dup2(kept, 1)
        os.close(kept)
