"""The least violation of limits that some candidates can be decided to, all others staying as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...kernels import LimitRows
from ...utils.lazy_imports import sparse as sp
from ..highs import OPTIMAL, solve_programme
from ..linear_terms import usage_by_candidate
from ..programme import Programme
from ..row_tables.customer_rows import CustomerRowTable
from .core_milp import Core
from .rule_rows import rule_rows


class ElasticCore:
    """The mixed-integer programme of a core in which hard rows may be violated, and that is all that counts.

    Its variables are the free candidates, those of customer rules, and for each hard row that has free candidates what
    it is violated by below and above, in typical coupons.

    Parameters
    ----------
    core : Core
    rows : LimitRows
        The limits' rows: bounds to be kept, and what a unit of violation counts for, 0 where nobody asks.
    """

    def __init__(self, core: Core, rows: LimitRows):
        problem = core.problem
        self._core = core
        self._variables = np.flatnonzero(core.free)
        is_fixed = core.chosen.astype(bool) & ~core.free
        activity = problem.rows @ problem.usage(np.flatnonzero(is_fixed)).ravel()
        rules = rule_rows(problem, is_fixed, self._variables, core.least_shortfall)
        weights = sp.csr_array(problem.rows @ usage_by_candidate(problem, self._variables))
        weights.eliminate_zeros()
        asked = np.flatnonzero((rows.weight > 0) & (np.diff(weights.indptr) > 0))
        count, binary = len(asked), len(self._variables)
        violation = sp.diags_array(1.0 / rows.weight[asked])
        of_rules = rules.group_variables + rules.shortfall_variables
        limits = sp.hstack([weights[asked], sp.csr_array((count, of_rules)), violation, -violation])
        others = sp.csr_array((rules.matrix.shape[0], 2 * count))
        matrix = sp.vstack([limits, sp.hstack([rules.matrix, others])], format="csr")
        free = np.full(of_rules + 2 * count, np.inf)
        self._programme = Programme(
            np.concatenate([np.zeros(binary + of_rules), np.ones(2 * count)]),
            sp.csr_array(matrix),
            np.concatenate([(rows.lower - activity)[asked], rules.lower]),
            np.concatenate([(rows.upper - activity)[asked], rules.upper]),
            np.concatenate([np.ones(binary), free]),
            integrality=np.concatenate([np.ones(binary), np.zeros(len(free))]),
        )

    def solve(self, time_limit: float, nodes: int) -> tuple[NDArray[np.uint8] | None, bool]:
        """Ask HiGHS.

        Parameters
        ----------
        time_limit : float
            Seconds.
        nodes : int
            Of its search, at most.

        Returns
        -------
        chosen : ndarray of uint8, shape (n_candidates,), or None
            None where it found nothing that keeps the customer rules.
        is_least : bool
            Whether it searched to the end.
        """
        found = solve_programme(self._programme, time_limit, node_limit=nodes, presolve=True)
        if found.x is None:
            return None, False
        problem, chosen = self._core.problem, self._core.chosen.copy()
        chosen[self._variables] = found.x[: len(self._variables)] > 0.5
        sums = CustomerRowTable.of(problem.rules, problem.shard.indptr)
        is_kept = sums.kept_by(chosen.astype(bool)).all()
        return chosen if is_kept else None, found.status == OPTIMAL
