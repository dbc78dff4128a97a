"""What customers must miss of their minimums and mandatory offers at least, by integer programs of a few at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, milp

from .rounding import Floats, Integers, sum_by

TOGETHER = 200  # customers in one program


@dataclass(frozen=True)
class Asked:
    """What rules ask of sets of a customer's candidates: at most `most` of each set, and at least `least`.

    row, set: int64 (p), candidates (rows) and the sets that they are in. customer, most, least: (sets).
    """

    row: Integers
    set: Integers
    customer: Integers
    most: Floats
    least: Floats

    def of(self, customers: Integers) -> Asked:
        """The sets of these customers (ascending)."""
        kept = np.isin(self.customer, customers)
        number = np.cumsum(kept) - 1
        inside = kept[self.set]
        return Asked(
            self.row[inside],
            number[self.set[inside]],
            self.customer[kept],
            self.most[kept],
            self.least[kept],
        )


def joined(parts: list[Asked]) -> Asked:
    """Several of them as one."""
    first = np.cumsum([0, *(len(part.customer) for part in parts)])
    return Asked(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.set + at for part, at in zip(parts, first[:-1], strict=True)]),
        np.concatenate([part.customer for part in parts]),
        np.concatenate([part.most for part in parts]),
        np.concatenate([part.least for part in parts]),
    )


def score(asked: Asked, given: Integers, mandatory: Integers, customer: Integers, n: int) -> Floats:
    """What each customer misses (n), a mandatory candidate weighing more than all of its minimums.

    given, mandatory: rows of candidates. customer: of each candidate.
    """
    weight = _weight(asked, n)
    held = np.bincount(asked.set[np.isin(asked.row, given)], minlength=len(asked.customer))
    short = sum_by(asked.customer, np.maximum(0.0, asked.least - held), n)
    missed = np.bincount(customer[np.setdiff1d(mandatory, given)], minlength=n)
    return short + weight * missed


def _weight(asked: Asked, n: int) -> Floats:
    return 1.0 + sum_by(asked.customer, asked.least, n)


def least_score(
    asked: Asked, mandatory: Integers, customers: Integers, customer: Integers, n: int
) -> Floats:
    """The least that each of these customers (ascending) can miss (n), 0 for the others; see `score`."""
    least = np.zeros(n)
    weight = _weight(asked, n)
    for at in range(0, len(customers), TOGETHER):
        some = customers[at : at + TOGETHER]
        part = asked.of(some)
        musts = mandatory[np.isin(customer[mandatory], some)]
        rows, column = np.unique(np.concatenate([part.row, musts]), return_inverse=True)
        if len(rows) == 0:
            continue
        member = column[: len(part.row)]
        must = np.zeros(len(rows))
        must[column[len(part.row) :]] = 1.0
        sets = len(part.customer)
        inside = sp.csr_array((np.ones(len(member)), (part.set, member)), shape=(sets, len(rows)))
        # of each set: at most, and at least but for what is missing
        matrix = sp.vstack(
            [
                sp.hstack([inside, sp.csr_array((sets, sets))]),
                sp.hstack([inside, sp.eye_array(sets)]),
            ]
        )
        low = np.concatenate([np.full(sets, -np.inf), part.least])
        high = np.concatenate([part.most, np.full(sets, np.inf)])
        cost = np.concatenate([-weight[customer[rows]] * must, np.ones(sets)])
        found = milp(
            cost,
            constraints=LinearConstraint(matrix, low, high),
            bounds=Bounds(0, np.concatenate([np.ones(len(rows)), np.full(sets, np.inf)])),
            integrality=np.concatenate([np.ones(len(rows)), np.zeros(sets)]),
            options={"mip_rel_gap": 0.0},
        )
        chosen = rows[found.x[: len(rows)] > 0.5]
        least[some] = score(part, chosen, musts, customer, n)[some]
    return least
