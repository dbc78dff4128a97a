"""What is undecided once prices hardly move: choosing among it alone is choosing among everything."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.kernel_cases import (
    Case,
    assert_same,
    backend,
    backend_names,
    evaluated,
    every_backend,
    make_case,
    native_names,
    reference,
)
from tests.support.undecided_cases import listed, undecided_results


def case_of(seed: int, **options: Any) -> Case:
    """A case without minimums, of customers who are in the order of their segments."""
    case = make_case(seed, lower=0, **options)
    shard = case.shard._replace(segment=np.sort(case.shard.segment))
    return Case(**vars(case) | {"shard": shard})


cases = st.builds(
    case_of,
    st.integers(0, 2**32 - 1),
    customers=st.sampled_from([1, 3, 40, 70]),
    longest=st.sampled_from([1, 5, 17, 40, 64]),
    attributes=st.integers(0, 3),
    segments=st.sampled_from([1, 3]),
    items=st.sampled_from([4, 70]),
    wide=st.booleans(),
    ties=st.booleans(),
    same_bounds=st.booleans(),
    upper=st.sampled_from([0, 1, 4, 25]),
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(case=cases)
def test_compiled_kernels_write_what_the_reference_does(case: Case) -> None:
    chosen = evaluated(reference(), case)[1]
    expected = undecided_results(reference(), case, chosen)
    for name in native_names():
        with backend(name) as module:
            assert_same(undecided_results(module, case, chosen), expected)


@pytest.mark.skipif("numba" not in backend_names(), reason="needs numba")
@pytest.mark.parametrize("seed", range(12))
def test_numba_writes_what_the_reference_does(seed: int) -> None:
    case = case_of(seed, customers=40, segments=3, attributes=2, ties=seed % 2 == 0)
    chosen = evaluated(reference(), case)[1]
    with backend("numba") as module:
        found = undecided_results(module, case, chosen)
    assert_same(found, undecided_results(reference(), case, chosen))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(case=cases, moved=st.sampled_from([0.0, 0.01, 0.2, 3.0]))
def test_no_other_choice_is_wrong_where_prices_move_by_no_more(case: Case, moved: float) -> None:
    usage, chosen = evaluated(reference(), case)
    random = np.random.default_rng([case.seed, 9])
    cells = case.price.shape[1:]
    move = (moved * random.uniform(-1, 1, cells)).astype(np.float32)
    # its own price, and that of what comes instead, and how sums of float32 are rounded
    bar = np.full(cells, 2 * moved + 1e-4, np.float32)
    found = listed(reference(), case, chosen, bar, 0, case.customers)
    price = case.price.copy()
    price[0] += move
    coupons = usage[0].copy()
    reference().choose_undecided(found, price[0], coupons)
    expected = evaluated(reference(), Case(**vars(case) | {"price": price}))[0][0]
    if "ties" not in vars(case) and (case.shard.quantity > 3).any():  # ties are broken otherwise
        assert (coupons == expected).all()
    assert coupons.sum() == expected.sum()


@every_backend
def test_who_has_many_undecided_candidates_is_with_others_who_have(name: str) -> None:
    case = case_of(3, lengths=np.array([20] * 30 + [0, 1, 2] * 10 + [64] * 20), segments=1)
    chosen = evaluated(reference(), case)[1]
    everything = np.full(case.price.shape[1:], np.inf, np.float32)
    with backend(name) as module:
        found = listed(module, case, chosen, everything, 0, case.customers)
    rows = np.diff(found.ptr)
    assert (rows[1:] <= rows[:-1]).all() and rows[0] == 64
    there_are = np.isfinite(found.own).sum()
    assert there_are == case.shard.indptr[-1] and found.own.size < there_are + 16 * 64
    nothing = np.full(case.price.shape[1:], -1.0, np.float32)
    with backend(name) as module:
        assert len(listed(module, case, chosen, nothing, 0, case.customers).segment) == 0


def test_a_customer_of_too_many_candidates_is_refused() -> None:
    case = case_of(1, lengths=np.array([3, 65]), segments=1)
    chosen = evaluated(reference(), case)[1]
    bar = np.ones(case.price.shape[1:], np.float32)
    with backend("native") as module, pytest.raises(ValueError, match="at most 64 candidates"):
        listed(module, case, chosen, bar, 0, 2)
