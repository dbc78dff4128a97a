"""The exact search under cardinality constraints against enumeration, and all backends against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.constraint_cases import (
    cases,
    compiled_constraints,
    constrained_case,
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
from tests.support.row_cases import NO_ROWS

from couponry.kernels.reference.parts.choose_by_parts import best_choice
from couponry.kernels.reference.search_bounds import whole_values


@pytest.mark.parametrize("asks", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(60))
def test_the_search_finds_the_first_of_the_best_subsets(seed: int, asks: float) -> None:
    random = np.random.default_rng([seed, int(10 * asks)])
    n = int(random.integers(1, 10))
    bound, member = random_constraints(random, n, int(random.integers(0, 7)), asks)
    values = random.integers(-3, 5, n) if seed % 2 else random.normal(size=n)
    value, _ = whole_values(-np.sort(-values.astype(float)))
    upper = int(random.integers(0, n + 2))
    lower = int(random.integers(0, upper + 1)) if asks and seed % 3 == 0 else 0
    fixing = np.zeros(n, np.int64)
    if seed % 4 == 0:
        fixing[random.integers(0, n)] = random.integers(1, 3)
    expected = enumerated(value, fixing, lower, upper, bound, member)
    picks, short, worth, most = best_choice(
        value, fixing, lower, upper, bound, member, NO_ROWS, 100_000
    )
    if expected is None:
        assert short == -1
        return
    assert (tuple(picks.tolist()), short, worth) == expected
    assert most == worth


@pytest.mark.parametrize("seed", range(40))
def test_a_search_that_is_cut_off_keeps_the_rules_and_bounds_what_it_missed(seed: int) -> None:
    random = np.random.default_rng(seed)
    n, nodes = 9, int(random.integers(1, 6))
    bound, member = random_constraints(random, n, 6, 0.3 * (seed % 2))
    value, _ = whole_values(-np.sort(-random.normal(size=n)))
    lower, upper = seed % 3, 5
    fixing = np.zeros(n, np.int64)
    expected = enumerated(value, fixing, lower, upper, bound, member)
    picks, _, worth, most = best_choice(value, fixing, lower, upper, bound, member, NO_ROWS, nodes)
    assert expected is not None
    assert value @ picks == worth <= most
    assert (member @ picks <= bound[:, 0]).all() and picks.sum() <= upper
    assert most >= expected[2]


def test_values_keep_their_order_and_none_is_nothing() -> None:
    random = np.random.default_rng(1)
    for size in 1e-38, 1e-3, 1.0, 1e37:
        values = np.round(random.normal(size=50), 1).astype(np.float32) * np.float32(size)
        whole, shift = whole_values(values)
        order = np.argsort(values, kind="stable")
        assert (np.diff(whole[order]) >= 0).all() and (whole != 0).all()
        assert ((whole > 0) == (values > 0)).all()
        largest = float(np.abs(values).max())
        np.testing.assert_allclose(
            whole * 2.0**-shift, values.astype(float), rtol=0, atol=2.0**-45 * largest
        )
    whole, _ = whole_values(np.zeros(3))
    assert (whole == -1).all()


@settings(max_examples=250, deadline=None, derandomize=True)
@given(case=cases(constrained_case, wide=st.booleans()), nodes=st.sampled_from([1, 3, 10, 10_000]))
def test_native_backends_give_the_bits_of_the_reference(case: Case, nodes: int) -> None:
    case = Case(**vars(case) | {"rules": case.rules._replace(nodes=nodes)})
    expected = all_results(reference(), case)
    for name in native_names():
        with backend(name) as module:
            assert_same(all_results(module, case), expected)


@pytest.mark.skipif("numba" not in backend_names(), reason="needs numba")
@settings(max_examples=60, deadline=None, derandomize=True)
@given(case=cases(constrained_case, wide=st.just(False)), nodes=st.sampled_from([2, 10_000]))
def test_numba_gives_the_bits_of_the_reference(case: Case, nodes: int) -> None:
    case = Case(**vars(case) | {"rules": case.rules._replace(nodes=nodes)})
    with backend("numba") as module:
        assert_same(all_results(module, case), all_results(reference(), case))


@pytest.mark.compiles
@pytest.mark.parametrize("seed", range(13))
def test_every_backend_makes_the_same_constraints(seed: int) -> None:
    lengths = np.random.default_rng(seed).choice([0, 1, 5, 12, 70], 8)
    wide = seed % 5 == 0
    case = make_case(seed, lengths=lengths, items=80, wide=wide)
    spec = random_spec(np.random.default_rng([seed, 5]), case)
    expected = compiled_constraints(reference(), case, spec)
    for name in backend_names():
        if wide and name == "numba":
            continue  # each type of item costs some seconds of compiling
        with backend(name) as module:
            found = compiled_constraints(module, case, spec)
        for mine, wanted in zip(found, expected, strict=True):
            assert_same(mine, wanted)


@pytest.mark.parametrize("name", ["reference", *native_names()])
def test_customers_are_compiled_while_there_is_room(name: str) -> None:
    """What does not fit is left for another call, which is told how much it needs."""
    case = make_case(7, lengths=np.array([9, 0, 70, 9, 3, 12]), items=80)
    spec = random_spec(np.random.default_rng([7, 5]), case)
    with backend(name) as module:
        ptr, expected = compiled_constraints(module, case, spec)
        assert (np.diff(ptr) > 0).sum() > 2
        for room in range(len(expected) + 1):
            needed, words = np.full(7, -1), np.full(room, 7)
            done = module.compile_constraints(
                case.shard.indptr, case.shard.item, spec, 0, 6, needed, words
            )
            assert done == np.flatnonzero(ptr <= room)[-1]
            assert needed[1 : done + 2].tolist() == np.diff(ptr)[: done + 1].tolist()
            assert (needed[done + 2 :] == -1).all()
            assert words[: ptr[done]].tolist() == expected[: ptr[done]].tolist()
            assert (words[ptr[done] :] == 7).all()


@pytest.mark.parametrize("seed", range(16))
def test_rows_of_many_candidates_and_coupons(seed: int) -> None:
    case = constrained_case(
        seed,
        customers=20,
        longest=34,
        items=60 if seed % 2 else 300,
        ties=seed % 8 == 0,
        lower=0,
        upper=[4, 8, 18, 25][seed % 4],
    )
    case = Case(**vars(case) | {"rules": case.rules._replace(nodes=[5, 60][seed % 2])})

    def found(module: Any) -> list[Any]:
        usage, chosen = (
            np.zeros(case.price.shape, np.int64),
            np.zeros(len(case.shard.item), np.uint8),
        )
        cut = np.zeros(2, np.int64)
        module.evaluate(
            case.shard, case.rules, case.price, 0, 0, case.customers, usage, chosen, 0, cut
        )
        return [usage, chosen, cut]

    expected = found(reference())
    for name in native_names():
        with backend(name) as module:
            for mine, wanted in zip(found(module), expected, strict=True):
                assert_same(mine, wanted)


@pytest.mark.parametrize("name", ["reference", *native_names()])
def test_groups_of_a_rule_that_never_bind_first_are_left_out(name: str) -> None:
    """Of windows of days each that matters is there, once; together they say what all windows say."""
    random = np.random.default_rng(7)
    items, length, cap = 20, 6, 2
    day = np.sort(random.integers(0, 25, items))
    first = np.arange(-length + 1, 25)
    inside = (first <= day[:, None]) & (day[:, None] < first + length)
    place = np.cumsum(inside, axis=1) - 1
    group = np.full((length, items), -1, np.int32)
    for t in range(length):
        item, window = np.nonzero(inside & (place == t))
        group[t, item] = window
    case = make_case(3, lengths=np.full(12, 9), items=items)
    spec = random_spec(random, case)._replace(
        group=group,
        groups=len(first),
        rule=np.zeros(length, np.int32),
        plain=np.zeros(length, np.uint8),
        cap=np.full((length, 1), cap, np.int32),
        least=np.zeros((length, 1), np.int32),
        held_ptr=np.zeros(1, np.int64),
        held=np.zeros((2, 0), np.int32),
        conflict_ptr=np.zeros(1, np.int64),
        mandatory=np.zeros(0, np.uint8),
    )
    with backend(name) as module:
        ptr, words = compiled_constraints(module, case, spec)
    for i in range(12):
        begin, end = case.shard.indptr[i : i + 2]
        days = day[case.shard.item[begin:end]]
        sets = [{j for j in range(9) if word >> j & 1} for word in words[ptr[i] : ptr[i + 1]]]
        assert not any(a <= b for a in sets for b in sets if a is not b)
        wanted = [{j for j in range(9) if f <= days[j] < f + length} for f in first]
        wanted = [one for one in wanted if len(one) > cap]
        assert all(any(one <= found for found in sets) for one in wanted)
        assert all(found in wanted for found in sets)


@pytest.mark.parametrize("name", ["reference", *native_names()])
@pytest.mark.parametrize("others", [1, 3, 30])
def test_what_comes_before_weighs_more_than_all_that_is_mandatory(name: str, others: int) -> None:
    """One candidate is in conflict with all others, which are mandatory, asked for by a minimum, and worth more."""
    n = others + 1
    case = make_case(1, lengths=np.full(3, n), items=n, attributes=0)
    item = np.tile(np.arange(n, dtype=np.uint16), 3)
    one, rest = np.zeros(others, np.int64), np.arange(1, n)
    spec = random_spec(np.random.default_rng(1), case)._replace(
        group=np.minimum(np.arange(n), 1).astype(np.int32)[None] - 1,
        groups=1,
        rule=np.zeros(1, np.int32),
        plain=np.zeros(1, np.uint8),
        cap=np.full((1, 1), others, np.int32),
        least=np.full((1, 1), others, np.int32),
        upper=np.full(1, n, np.int32),
        held_ptr=np.zeros(1, np.int64),
        held=np.zeros((2, 0), np.int32),
        had_ptr=np.zeros(1, np.int64),
        conflict_ptr=np.concatenate([[0], np.arange(others, 2 * others + 1)]),
        conflict=np.concatenate([rest, one]).astype(np.int32),
        conflict_rule=np.ones(2 * others, np.int32),
        mandatory=np.tile(np.minimum(2 - np.minimum(np.arange(n), 1), 2), 3).astype(np.uint8),
    )
    case = Case(**vars(case) | {"shard": case.shard._replace(item=item)})
    price = np.ones_like(case.price)
    with backend(name) as module:
        ptr, words = compiled_constraints(module, case, spec)
        rules = case.rules._replace(
            group=np.zeros((0, n), np.int32),
            groups=0,
            cap=np.zeros((0, 1), np.int32),
            lower=np.zeros(1, np.int32),
            upper=np.full(1, n, np.int32),
            constraint_ptr=ptr,
            constraints=words,
        )
        usage, chosen = np.zeros(price.shape, np.int64), np.zeros(len(item), np.uint8)
        module.evaluate(case.shard, rules, price, 0, 0, 3, usage, chosen, 0, np.zeros(2, np.int64))
    assert chosen.reshape(3, n).tolist() == [[1] + [0] * others] * 3


def test_most_random_cases_have_constraints() -> None:
    case = [constrained_case(seed, customers=10, longest=10) for seed in range(20)]
    assert sum(len(one.rules.constraints) > 0 for one in case) > 12
