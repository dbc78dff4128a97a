"""HiGHS through SciPy against HiGHS through highspy, on the programmes that small campaigns ask of it.

    python benchmarks/cases/highs_interfaces.py --seeds 40 [--largest 1000]

The random campaigns of `random_campaigns.py` are solved, and whatever HiGHS is asked meanwhile is kept: linear
programmes of columns and cutting planes, mixed-integer programmes of cores and of proofs. Each is then solved by
both, in turn, on one thread, with the same options, and once more by highspy from the best solution that it found,
which is the most that a start can be worth. The two bring different versions of HiGHS. Prints JSON: processor
seconds, and where values differ of programmes that both solve to the end.
"""

from __future__ import annotations

import argparse
import json
import math
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import _paths  # noqa: F401
import highspy
import numpy as np
import scipy
from benchmarks.support.hardware import describe
from benchmarks.support.standard_output import for_figures_alone
from numpy.typing import NDArray
from tests.support.random_campaigns import draw

from couponry.solver import highs
from couponry.solver.programme import Programme
from couponry.utils.lazy_imports import sparse as sp

HIGHS_NAMES = {"node_limit": "mip_max_nodes"}
"""Options that SciPy has its own names for."""

OPTIMAL, INFEASIBLE = "optimal", "infeasible"


@dataclass
class Answer:
    """What HiGHS said of a programme, and what it took."""

    status: str
    value: float | None
    bound: float | None
    nodes: int
    seconds: float
    x: NDArray[np.float64] | None = None


def by_scipy(programme: Programme, options: dict[str, Any]) -> Answer:
    """Ask as couponry does."""
    began = time.thread_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = highs._by_scipy(programme, options)
    seconds = time.thread_time() - began
    status = {0: OPTIMAL, 1: "limit", 2: INFEASIBLE}.get(found.status, "other")
    return Answer(status, found.fun, found.mip_dual_bound, int(found.mip_node_count or 0), seconds)


def by_highspy(
    programme: Programme, options: dict[str, Any], start: NDArray[np.float64] | None = None
) -> Answer:
    """Ask through HiGHS's own interface. start: a solution that it begins with."""
    began = time.thread_time()
    solver, infinite = highspy.Highs(), highspy.kHighsInf
    solver.setOptionValue("output_flag", False)
    for name, value in options.items():
        value = ("on" if value else "off") if name == "presolve" else value
        solver.setOptionValue(HIGHS_NAMES.get(name, name), value)
    matrix, count = sp.csr_array(programme.matrix), len(programme.cost)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = count, matrix.shape[0]
    model.col_cost_ = programme.cost
    model.col_lower_, model.col_upper_ = programme.lower_bounds.copy(), programme.upper
    model.row_lower_ = np.maximum(programme.row_lower, -infinite)
    model.row_upper_ = np.minimum(programme.row_upper, infinite)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
    model.a_matrix_.value_ = matrix.data
    whole = highspy.HighsVarType.kInteger
    if programme.is_integer.any():
        kinds = (highspy.HighsVarType.kContinuous, whole)
        model.integrality_ = [kinds[k] for k in programme.is_integer.astype(int).tolist()]
    solver.passModel(model)
    if start is not None:
        known = highspy.HighsSolution()
        known.col_value, known.value_valid = start.tolist(), True
        solver.setSolution(known)
    solver.run()
    info, said = solver.getInfo(), solver.modelStatusToString(solver.getModelStatus())
    seconds = time.thread_time() - began
    status = {"Optimal": OPTIMAL, "Infeasible": INFEASIBLE}.get(said, said)
    status = "limit" if "limit" in said.lower() else status
    found = math.isfinite(info.objective_function_value) and status != INFEASIBLE
    value = info.objective_function_value if found else None
    x = np.array(solver.getSolution().col_value) if found else None
    return Answer(status, value, info.mip_dual_bound, info.mip_node_count, seconds, x)


def asked(seeds: int, largest: int) -> list[tuple[Programme, dict[str, Any]]]:
    """Whatever HiGHS is asked while these campaigns are solved."""
    kept: list[tuple[Programme, dict[str, Any]]] = []
    ask = highs._by_scipy

    def keep(programme: Programme, options: dict[str, Any]) -> Any:
        kept.append((programme, dict(options)))
        return ask(programme, options)

    highs._by_scipy = keep
    try:
        for seed in range(seeds):
            draw(seed, largest).campaign().solve(threads=1, gap=1e-6, time_limit=10)
    finally:
        highs._by_scipy = ask
    return kept


def compared(programmes: list[tuple[Programme, dict[str, Any]]]) -> dict[str, Any]:
    """Figures of both, and where they differ."""
    ways: dict[str, Callable[[Programme, dict[str, Any]], Answer]] = {
        "scipy": by_scipy,
        "highspy": by_highspy,
    }
    seconds = {name: np.zeros(len(programmes)) for name in (*ways, "highspy, started")}
    said: Counter[str] = Counter()
    apart = []
    for k, (programme, options) in enumerate(programmes):
        order = list(ways) if k % 2 else list(reversed(ways))
        found = {name: ways[name](programme, options) for name in order}
        for name, answer in found.items():
            seconds[name][k] = answer.seconds
        one, other = found["scipy"], found["highspy"]
        started = by_highspy(programme, options, other.x) if other.x is not None else other
        seconds["highspy, started"][k] = started.seconds
        said[one.status if one.status == other.status else f"{one.status}/{other.status}"] += 1
        if one.status == other.status == OPTIMAL and one.value is not None:
            assert other.value is not None
            allowed = options.get("mip_rel_gap", 1e-6) * max(abs(one.value), 1.0) + 1e-6
            if abs(one.value - other.value) > allowed:
                apart.append([k, one.value, other.value])
    is_whole = np.array([bool(p.is_integer.any()) for p, _ in programmes])
    return {
        "programmes": len(programmes),
        "mixed_integer": int(is_whole.sum()),
        "statuses_scipy/highspy": dict(said),
        "values_apart": apart,
        "processor_seconds": {
            kind: {name: round(float(each[of].sum()), 2) for name, each in seconds.items()}
            for kind, of in (("linear", ~is_whole), ("mixed_integer", is_whole))
        },
        "median_ratio_to_scipy": {
            kind: {
                name: round(float(np.median(each[of] / seconds["scipy"][of])), 2)
                for name, each in seconds.items()
                if name != "scipy" and of.any()
            }
            for kind, of in (("linear", ~is_whole), ("mixed_integer", is_whole))
        },
    }


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=40)
    parser.add_argument("--largest", type=int, default=1000)
    given = parser.parse_args()
    output = for_figures_alone()
    said = {
        "benchmark": "interfaces of HiGHS",
        "scipy": scipy.__version__,
        "highspy": highspy.Highs().version(),
        **compared(asked(given.seeds, given.largest)),
        **describe(1),
    }
    print(json.dumps(said, indent=1), file=output)


if __name__ == "__main__":
    main()
