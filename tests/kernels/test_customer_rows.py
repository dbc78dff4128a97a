"""The exact search under rows against enumeration, and all backends against the reference."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.constraint_cases import (
    cases,
    compiled_constraints,
    enumerated,
    random_constraints,
    random_spec,
)
from tests.support.kernel_cases import (
    Case,
    all_results,
    assert_same,
    backend,
    backend_names,
    make_case,
    native_names,
    reference,
)
from tests.support.row_cases import keeps_rows, random_rows, row_case, with_rows

from couponry.kernels.reference.parts.choose_by_parts import best_choice
from couponry.kernels.reference.search_bounds import whole_values
from couponry.kernels.row_layout import count_rows


@pytest.mark.parametrize("first", range(0, 400, 40))
def test_the_search_finds_the_first_of_the_best_subsets_or_bounds_what_it_missed(
    first: int,
) -> None:
    for seed in range(first, first + 40):
        random = np.random.default_rng([seed, 3])
        n, asks = int(random.integers(1, 9)), float(random.choice([0.0, 0.4]))
        bound, member = random_constraints(random, n, int(random.integers(0, 5)), asks)
        rows = random_rows(random, n, int(random.integers(1, 4)))
        values = random.integers(-3, 5, n) if seed % 2 else random.normal(size=n)
        value, _ = whole_values(-np.sort(-values.astype(float)))
        upper = int(random.integers(0, n + 2))
        lower = int(random.integers(0, upper + 1)) if asks and seed % 3 == 0 else 0
        fixing = np.zeros(n, np.int64)
        if seed % 4 == 0:
            fixing[random.integers(0, n)] = random.integers(1, 3)
        given = value, fixing, lower, upper, bound, member
        expected = enumerated(*given, partial(keeps_rows, rows))
        picks, short, worth, most = best_choice(*given, rows, 100_000)
        if expected is None:
            assert short == -1
            continue
        assert (tuple(picks.tolist()), short, worth) == expected
        assert most == worth
        picks, short, worth, most = best_choice(*given, rows, int(random.integers(1, 6)))
        assert short >= 0 and most >= expected[2]
        if not (fixing == 1).any():
            assert value @ picks == worth <= most and picks.sum() <= upper
            assert keeps_rows(rows, picks) and (member @ picks <= bound[:, 0]).all()


@settings(max_examples=250, deadline=None, derandomize=True)
@given(case=cases(row_case, wide=st.booleans()), nodes=st.sampled_from([1, 3, 10, 10_000]))
def test_native_backends_give_the_bits_of_the_reference(case: Case, nodes: int) -> None:
    case = Case(**vars(case) | {"rules": case.rules._replace(nodes=nodes)})
    expected = all_results(reference(), case)
    for name in native_names():
        with backend(name) as module:
            assert_same(all_results(module, case), expected)


@pytest.mark.skipif("numba" not in backend_names(), reason="needs numba")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=cases(row_case, wide=st.just(False)), nodes=st.sampled_from([2, 10_000]))
def test_numba_gives_the_bits_of_the_reference(case: Case, nodes: int) -> None:
    case = Case(**vars(case) | {"rules": case.rules._replace(nodes=nodes)})
    with backend("numba") as module:
        assert_same(all_results(module, case), all_results(reference(), case))


@pytest.mark.compiles
@pytest.mark.parametrize("seed", range(13))
def test_every_backend_makes_the_same_rows(seed: int) -> None:
    lengths = np.random.default_rng(seed).choice([0, 1, 5, 12, 70], 8)
    wide = seed % 5 == 0
    case = make_case(seed, lengths=lengths, items=80, wide=wide)
    spec = random_spec(np.random.default_rng([seed, 5]), case)
    spec = with_rows(np.random.default_rng([seed, 9]), case, spec)
    expected = compiled_constraints(reference(), case, spec)
    for name in backend_names():
        if wide and name == "numba":
            continue  # each type of item costs some seconds of compiling
        with backend(name) as module:
            found = compiled_constraints(module, case, spec)
        for mine, wanted in zip(found, expected, strict=True):
            assert_same(mine, wanted)


def test_most_random_cases_have_rows_of_both_kinds_beside_constraints() -> None:
    cases = [row_case(seed, customers=10, longest=10) for seed in range(20)]
    rows = [
        count_rows(case.rules, i)
        for case in cases
        if len(case.rules.constraint_ptr) > 1
        for i in range(case.customers)
    ]
    assert np.count_nonzero(rows) > 80 and max(rows) > 3
