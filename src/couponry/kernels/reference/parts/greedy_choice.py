"""The greedy choice of a customer with constraints, where it happens to keep them all."""

from __future__ import annotations

import numpy as np

from ...contract import Sums
from ..constraint_search import fix, keeps
from ..rows.customer_rows import SearchRows, broken_row
from ..search_bounds import SearchInput, SearchState, close_full, count, walk


def greedy_choice(
    value: Sums,
    fixing: Sums,
    lower: int,
    upper: int,
    bound: Sums,
    member: Sums,
    rows: SearchRows,
) -> tuple[bool, Sums, int, int]:
    """The best choice under the laminar family, as `search_choice` begins with: whether it keeps all else as well.

    Then it is the best one. With it what it falls short by, -1 where what is forced in is impossible, and its worth.
    """
    n = len(value)
    search = SearchInput(value, bound, member, lower, upper)
    state = SearchState(bound[:, 0].copy(), bound[:, 1].copy(), np.zeros(len(bound), np.int64))
    free = np.zeros(n, np.int64)
    picks = np.zeros(n, np.int64)
    possible, given, total = fix(search, state, fixing, free, picks)
    if not possible:
        return False, picks, -1, 0
    close_full(search, state, free, given)
    worth = total + walk(search, state, free, given, lower, picks)
    kept = keeps(search, picks) and broken_row(rows, picks)[0] < 0
    return kept, picks, max(0, lower - count(picks)), worth
