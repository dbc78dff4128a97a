"""Words of the cardinality constraints of all customers, compiled block by block."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ....kernels import Backend, Rules, RuleSpec
from ....utils.arrays.array_store import MemoryStore
from ....utils.arrays.blocks import row_blocks
from ....utils.errors import Unsupported
from ....utils.parallel import work_in_turns, worker_count

MAX_CONSTRAINED_CANDIDATES = 65_535
"""Candidates of a customer with cardinality constraints: their bounds are 16 bits."""

WORDS_A_CANDIDATE, FEWEST_WORDS = 4, 256
"""Words that some customers' constraints have room for at first: of each candidate, and of all together, at least."""

MORE_ROOM = 1.25
"""Room for all constraints, as a multiple of what those of the first customers let expect: what is not used is given
back, and was never touched."""

CANDIDATES_AT_A_TIME = 1 << 17
"""Candidates whose constraints are compiled before they are put beside the others, about."""


def with_constraints(
    rules: Rules,
    spec: RuleSpec,
    item: NDArray[np.uint16] | NDArray[np.uint32],
    indptr: NDArray[np.int64],
    backend: Backend,
) -> Rules:
    """Add the cardinality constraints of the customers who need them.

    Parameters
    ----------
    rules : Rules
        Without constraints.
    spec : RuleSpec
    item : ndarray of uint16 or uint32, shape (n_candidates,)
    indptr : ndarray of int64, shape (n_customers + 1,)
    backend : Backend

    Returns
    -------
    Rules
        The same where nobody needs any.

    Raises
    ------
    Unsupported
        Where a customer with constraints has too many candidates.
    """
    ptr = np.zeros(len(indptr), np.int64)
    compile_constraints = backend.unchecked.compile_constraints

    def words_of(block: tuple[int, int]) -> NDArray[np.int64]:
        return constraint_words(compile_constraints, indptr, item, spec, block, ptr)

    blocks = row_blocks(indptr, CANDIDATES_AT_A_TIME)
    first = next(blocks, None)
    if first is None:
        return rules
    words = words_of(first)
    expected = len(words) / max(1, indptr[first[1]]) * indptr[-1]
    writer = MemoryStore().writer("constraints", np.int64, int(MORE_ROOM * expected))
    writer.append(words)
    del words
    work_in_turns(words_of, writer.claim, blocks, worker_count())
    np.cumsum(ptr, out=ptr)
    constraints = writer.finish()
    return rules._replace(constraint_ptr=ptr, constraints=constraints) if ptr[-1] else rules


def constraint_words(
    compile_constraints: Callable[..., int],
    indptr: NDArray[np.int64],
    item: NDArray[np.uint16] | NDArray[np.uint32],
    spec: RuleSpec,
    block: tuple[int, int],
    ptr: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Compile the cardinality constraints of some customers, with more room as they turn out to need it.

    Parameters
    ----------
    compile_constraints : callable
        The kernel.
    indptr : ndarray of int64, shape (n_customers + 1,)
    item : ndarray of uint16 or uint32, shape (n_candidates,)
    spec : RuleSpec
    block : tuple of int
        Customers from the first number on, below the second.
    ptr : ndarray of int64, shape (n_customers + 1,)
        OUT: ``ptr[i + 1]`` is how many words customer i's constraints take.

    Returns
    -------
    ndarray of int64
        Their words, one customer after the other.

    Raises
    ------
    Unsupported
        Where a customer with constraints has too many candidates.
    """
    start, stop = block
    room = max(FEWEST_WORDS, WORDS_A_CANDIDATE * int(indptr[stop] - indptr[start]))
    words, filled = np.empty(room, np.int64), 0
    while True:
        done = compile_constraints(indptr, item, spec, start, stop, ptr, words[filled:])
        filled += int(ptr[start + 1 : done + 1].sum())
        if done == stop:
            return words[:filled]
        count = int(indptr[done + 1] - indptr[done])
        if count > MAX_CONSTRAINED_CANDIDATES:
            raise Unsupported(
                f"customer rules that overlap, conflict or ask for minimums: expected at most "
                f"{MAX_CONSTRAINED_CANDIDATES:,} candidates for one customer, got {count:,}"
            )
        more = np.empty(2 * max(len(words), filled + int(ptr[done + 1])), np.int64)
        more[:filled] = words[:filled]
        words, start = more, done
