"""Every compiled backend, on every instruction set, gives the bits of the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.kernel_cases import (
    Case,
    all_results,
    assert_same,
    backend,
    backend_names,
    evaluated,
    every_backend,
    every_native,
    make_case,
    native_names,
    reference,
)

from couponry.kernels import Packing

needs_numba = pytest.mark.skipif("numba" not in backend_names(), reason="needs numba")


def cases(*, wide: st.SearchStrategy[bool]) -> st.SearchStrategy[Case]:
    return st.builds(
        make_case,
        st.integers(0, 2**32 - 1),
        customers=st.integers(0, 12),
        longest=st.sampled_from([1, 3, 9, 20]),
        attributes=st.integers(0, 3),
        segments=st.sampled_from([1, 3]),
        items=st.sampled_from([1, 4, 30]),
        rules=st.integers(0, 2),
        wide=wide,
        ties=st.booleans(),
        same_bounds=st.booleans(),
        lower=st.sampled_from([0, 2, 30]),
        upper=st.sampled_from([0, 4, 8, 25]),
    )


@settings(max_examples=400, deadline=None, derandomize=True)
@given(case=cases(wide=st.booleans()))
def test_small_cases(case: Case) -> None:
    expected = all_results(reference(), case)
    for name in native_names():
        with backend(name) as module:
            assert_same(all_results(module, case), expected)


@needs_numba
@settings(max_examples=100, deadline=None, derandomize=True)
@given(case=cases(wide=st.just(False)))  # each type of item costs some seconds of compiling
def test_small_cases_on_numba(case: Case) -> None:
    with backend("numba") as module:
        assert_same(all_results(module, case), all_results(reference(), case))


@every_backend
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("rules", [0, 1, 2])
def test_rows_of_every_length(name: str, rules: int, ties: bool) -> None:
    # around every width that a backend may treat apart: vectors of 8 and 16, words of 64, two vectors kept
    lengths = np.array([0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 64, 65, 80, 100, 130])
    case = make_case(
        rules + 10 * ties, lengths=lengths, attributes=1 + rules, rules=rules, ties=ties, upper=60
    )
    expected = evaluated(reference(), case)
    with backend(name) as module:
        usage, chosen = evaluated(module, case)
    assert_same(usage, expected[0])
    assert_same(chosen, expected[1])


@every_native
@pytest.mark.parametrize("rules", [0, 1])
@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("slots", [0, 1, 2, 16, 17, 32, 33, 70])
def test_the_same_slots_for_everybody(name: str, slots: int, ties: bool, rules: int) -> None:
    # more customers than share a vector, rows around the lengths that are cut in different ways
    lengths = np.array([10] * 40 + [0, 1, 15, 16, 17, 31, 32, 33, 64, 65, 100, 255, 256, 257] * 2)
    case = make_case(slots, lengths=lengths, attributes=2, ties=ties, rules=rules)
    for least in {0, slots // 2, min(slots, 1)}:
        bounds = {"lower": np.full(1, least, np.int32), "upper": np.full(1, slots, np.int32)}
        bound = Case(**vars(case) | {"rules": case.rules._replace(**bounds)})
        expected = evaluated(reference(), bound)
        with backend(name) as module:
            usage, chosen = evaluated(module, bound)
        assert_same(usage, expected[0])
        assert_same(chosen, expected[1])


@every_backend
@pytest.mark.parametrize("slots", [1, 15, 16, 17, 31, 32, 33, 299])
def test_one_long_row(name: str, slots: int) -> None:
    case = make_case(slots, lengths=np.array([300]), ties=slots % 2 == 0)
    bound = np.full(1, slots, np.int32)
    case = Case(**vars(case) | {"rules": case.rules._replace(lower=bound, upper=bound)})
    with backend(name) as module:
        usage, chosen = evaluated(module, case)
    assert chosen.sum() == usage[0].sum() == slots
    assert_same(chosen, evaluated(reference(), case)[1])


@every_native
@needs_numba
def test_a_row_longer_than_the_stack_buffers(name: str) -> None:
    lengths = np.array([20, 1500, 20, 0, 1024, 1025, 5000, 3])
    with backend(name) as module:
        for ties in False, True:
            case = make_case(
                3, lengths=lengths, ties=ties, rules=int(ties), upper=1200, attributes=2
            )
            usage, chosen = evaluated(module, case)
            assert_same(usage, _usage_of(case, chosen))
            assert_same(chosen, _reference_choice(case))


def _reference_choice(case: Case) -> np.ndarray:
    """The reference's choice for rows that plain Python takes minutes for: its text, compiled by Numba."""
    with backend("numba") as module:
        return evaluated(module, case)[1]


def _usage_of(case: Case, chosen: np.ndarray) -> np.ndarray:
    """The usage table by NumPy, from what was chosen."""
    usage = np.zeros(case.price.shape, np.int64)
    segment = np.broadcast_to(case.shard.segment, case.customers)
    at = chosen > 0
    where = np.repeat(segment, np.diff(case.shard.indptr))[at], case.shard.item[at]
    np.add.at(usage[0], where, 1)
    for c, quantity in enumerate(case.shard.quantity):
        np.add.at(usage[1 + c], where, quantity[at].astype(np.int64))
    return usage


@pytest.mark.compiles
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("attributes", [0, 1, 2, 3])
@pytest.mark.parametrize("ties", [False, True])
def test_many_customers_on_every_backend(attributes: int, wide: bool, ties: bool) -> None:
    case = make_case(
        attributes, customers=3000, longest=40, items=200, segments=2, attributes=attributes,
        wide=wide, ties=ties, rules=attributes % 3, upper=12,
    )  # fmt: skip
    results = {}
    for name in backend_names():
        with backend(name) as module:
            results[name] = evaluated(module, case)
            usage_only, _ = evaluated(module, case, ask=False)
            assert_same(usage_only, results[name][0])
    expected_usage, expected = next(iter(results.values()))
    for usage, chosen in results.values():
        assert_same(usage, expected_usage)
        assert_same(chosen, expected)
    assert_same(expected_usage, _usage_of(case, expected))


@every_backend
def test_blocks_add_up_to_the_whole(name: str) -> None:
    case = make_case(5, customers=90, segments=2, attributes=2, rules=1, ties=True)
    with backend(name) as module:
        whole, chosen = evaluated(module, case)
        total = np.zeros_like(whole)
        for start, stop in (0, 1), (1, 1), (1, 40), (40, 90):
            usage, part = evaluated(module, case, start, stop)
            total += usage
            begin, end = case.shard.indptr[[start, stop]]
            assert np.array_equal(part, chosen[begin:end])
        assert np.array_equal(total, whole)

        regret = np.zeros((2, len(chosen)))
        for i, blocks in enumerate([[(0, 90)], [(0, 33), (33, 90)]]):
            for start, stop in blocks:
                module.regret(
                    case.shard,
                    case.rules,
                    case.exact,
                    case.reduced,
                    chosen,
                    0,
                    start,
                    stop,
                    regret[i],
                )
        assert_same(regret[1], regret[0])


@every_backend
@pytest.mark.parametrize("wide", [False, True])
def test_noise(name: str, wide: bool) -> None:
    case = make_case(7, customers=50, items=70_000 if wide else 300, wide=wide)
    with backend(name) as module:
        for seed in 0, 2**32 - 1, 2**40 + 5:
            results = []
            for each in reference(), module:
                out = np.full(len(case.shard.item), 7, np.uint16)
                for start, stop in (20, 50), (0, 0), (0, 20):
                    begin, end = case.shard.indptr[[start, stop]]
                    each.noise(case.shard, seed, start, stop, out[begin:end])
                results.append(out)
            assert_same(results[1], results[0])


@every_backend
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
def test_copy_runs(name: str, dtype: Any) -> None:
    random = np.random.default_rng(2)
    source = random.integers(0, 200, 900).astype(dtype)
    length = random.integers(0, 12, 70)
    begin = random.integers(0, len(source) - length + 1)
    ptr = np.concatenate([[0], np.cumsum(length)])
    expected = np.concatenate([source[b : b + n] for b, n in zip(begin, length, strict=True)])
    with backend(name) as module:
        for each in reference(), module:
            out = np.zeros(len(expected), dtype)
            bytes_of = [array.view(np.uint8).reshape(len(array), -1) for array in (source, out)]
            for start, stop in (30, 70), (30, 30), (0, 30):
                each.copy_runs(bytes_of[0], begin, ptr, start, stop, bytes_of[1])
            assert_same(out, expected)


@every_backend
@pytest.mark.parametrize("id_type", [np.int32, np.int64])
@pytest.mark.parametrize("offer_type", [np.uint16, np.uint32])
def test_rows_as_they_are_read(name: str, id_type: Any, offer_type: Any) -> None:
    random = np.random.default_rng(3)
    rows = np.unique(random.integers(-5, [900, 60], (5_000, 2)), axis=0)
    customer, ids = np.ascontiguousarray(rows.T, id_type)
    number = random.permutation(65).astype(np.int32)
    found: list[list[Any]] = []
    with backend(name) as module:
        for each in reference(), module:
            offer, start = np.zeros(len(rows), offer_type), np.zeros(len(rows), np.int64)
            got = [each.number_offers(ids, -5, number, offer), offer.tolist()]
            got += [each.number_offers(ids, least, number, offer) for least in (-4, -6, 2**40)]
            offer = (ids + 5).astype(offer_type)
            customers = each.find_customers(customer, offer, start)
            got += [customers, start[:customers].tolist()]
            for wrong in 1, 1_024, 1_025, 3_000:
                order = np.arange(len(rows))
                order[[wrong - 1, wrong]] = order[[wrong, wrong - 1]]
                got.append(each.find_customers(customer[order], offer[order], start))
                order[wrong - 1] = order[wrong]
                got.append(each.find_customers(customer[order], offer[order], start))
            got += [each.find_customers(customer[:0], offer[:0], start[:0])]
            found.append(got)
    assert found[1] == found[0]
    assert found[0][0] == len(rows) and found[0][4] == 0
    assert found[0][-9:] == [-1, -1, -1_024, -1_024, -1_025, -1_025, -3_000, -3_000, 0]


@every_backend
@pytest.mark.parametrize("id_type", [np.int32, np.int64])
@pytest.mark.parametrize("offer_type", [np.uint16, np.uint32])
@pytest.mark.parametrize("by", ["row", "customer", "far apart"])
def test_rows_in_any_order(name: str, id_type: Any, offer_type: Any, by: str) -> None:
    random = np.random.default_rng(5)
    rows = np.unique(random.integers(0, [200, 60], (3_000, 2)), axis=0)
    rank = random.permutation(200)[rows[:, 0]] if by == "customer" else random.random(len(rows))
    rows = rows[np.argsort(rank, kind="stable")]
    customer, offer = rows[:, 0].astype(id_type), rows[:, 1].astype(offer_type)
    if by == "far apart":
        customer = (customer - 100) * id_type(np.iinfo(id_type).max // 100)
    found = []
    with backend(name) as module:
        for each in reference(), module:
            begin = np.zeros(len(rows) + 1, np.int64)
            begin = begin[: each.find_stretches(customer, offer, begin) + 1]
            code = customer[begin[:-1]].astype(np.int64)
            out = np.zeros(len(rows), np.int64), np.zeros_like(code), np.zeros_like(code)
            count = each.order_stretches(code, begin, offer, *out)
            twice = offer.copy()
            twice[np.lexsort((offer, customer))[[40, 7, 900]]] = twice[0]
            begun = np.arange(len(rows) + 1)
            args = customer.astype(np.int64), begun, twice
            pairs = np.stack([args[0], twice.astype(np.int64)], axis=1)
            later = np.setdiff1d(
                np.arange(len(rows)), np.unique(pairs, axis=0, return_index=True)[1]
            )
            got = [count, begin, out[0], *(o[:count] for o in out[1:])]
            first = each.order_stretches(*args, *np.zeros((3, len(rows)), np.int64))
            assert first == (-later[0] if len(later) else 200)
            found.append([np.asarray(part).tolist() for part in got])
    assert found[1] == found[0]
    assert found[0][0] == 200
    assert found[0][2] == np.lexsort((offer, customer)).tolist()
    assert (np.diff(customer[found[0][2]].astype(float)) >= 0).all()


@every_backend
@pytest.mark.parametrize("value_type", [np.float32, np.float64])
def test_values_outside_of_bounds(name: str, value_type: Any) -> None:
    values = np.linspace(-1, 1, 3_000).astype(value_type)
    found = []
    with backend(name) as module:
        for each in reference(), module:
            got = [
                each.find_outside(values, low, high) for low, high in ((-1, 1), (-1, 0.5), (0, 1))
            ]
            for at in 0, 1_023, 1_024, 2_999:
                for wrong in np.nan, np.inf, -np.inf:
                    spoilt = values.copy()
                    spoilt[at] = wrong
                    got.append(each.find_outside(spoilt, -1.0, 1.0))
            found.append([*got, each.find_outside(values[:0], 0.0, 1.0)])
    assert found[1] == found[0]
    assert found[0][0] == 3_000 and found[0][3:] == [*np.repeat([0, 1_023, 1_024, 2_999], 3), 0]


@every_backend
@pytest.mark.parametrize("value_type", [np.float32, np.float64])
@pytest.mark.parametrize("item_type", [np.uint16, np.uint32])
def test_span_and_quantise(name: str, item_type: Any, value_type: Any) -> None:
    random = np.random.default_rng(1)
    item = random.integers(0, 9, 500).astype(item_type)
    values = (random.normal(size=500) * 10.0 ** item.astype(float)).astype(value_type)
    values[item == 3] = 0.1  # constant: step 0
    values[item == 4] = np.round(values[item == 4])
    results = []
    with backend(name) as module:
        for each in reference(), module:
            low, high = np.full(9, np.inf), np.full(9, -np.inf)
            each.span(item, values, low, high)
            each.span(item[:0], values[:0], low, high)
            step = (high - low) / 65535
            step[5] /= 2  # values beyond the range are cut off at 65535
            found = {
                "quantity": np.full(500, 7, np.uint16), "fine": np.full(500, 7, np.uint8),
                "error": np.zeros(9), "fine_error": np.zeros(9),
            }  # fmt: skip
            quantity, fine, *errors = found.values()
            each.quantise(item, values, low, step, quantity, fine, *errors)
            each.quantise(item[:0], values[:0], low, step, quantity[:0], fine[:0], *errors)
            results.append({"low": low, "high": high, **found})
    assert_same(results[1], results[0])
    inside = [0, 1, 2, 6, 7, 8]
    assert (results[0]["error"][inside] <= 0.5021 * step[inside]).all()
    assert (results[0]["fine_error"][inside] <= 0.5001 / 256 * step[inside]).all()
    assert len(set(results[0]["fine"][item == 6].tolist())) > 20


@every_backend
@pytest.mark.parametrize("quantity_of", [[0, 1], [0, 0], [0, -1], [-1, -1]])
def test_candidates_priced(name: str, quantity_of: list[int]) -> None:
    case = make_case(3, customers=30, longest=30, items=40, attributes=2, segments=2)
    random = np.random.default_rng(len(quantity_of) + sum(quantity_of))
    n, quantities = len(case.shard.item), max(quantity_of) + 1
    low = np.where(random.random((2, 40)) < 0.1, np.inf, random.normal(size=(2, 40)))
    high = np.where(np.isfinite(low), low + (random.random((2, 40)) < 0.8), -np.inf)
    step = np.where(high > low, (high - low) / 65535, 0.0)
    at = np.where(random.random((2, n)) < 0.02, 1.5, random.random(n))  # mostly alike
    exact = np.nan_to_num(low, posinf=0.0)[:, case.shard.item] + at * np.maximum(
        0.0, np.nan_to_num(high - low, neginf=0.0)[:, case.shard.item]
    )
    packing = Packing(low, high, step, np.array(quantity_of))
    price = np.ascontiguousarray(case.price[: 1 + quantities])
    results = []
    with backend(name) as module:
        for each in reference(), module:
            out = (
                np.full((quantities, n), 7, np.uint16),
                np.zeros(n, np.float32),
                np.zeros(n, np.uint8),
            )
            for start, stop in (10, 30), (0, 0), (0, 10):
                each.price_candidates(
                    case.shard, exact, packing, price, case.reduced, start, stop, *out
                )
            results.append(dict(zip(("quantity", "value", "beyond"), out, strict=True)))
    assert_same(results[1], results[0])
    quantity, value, beyond = results[0].values()
    assert 0.1 < beyond.mean() < 0.6
    # what is not beyond was rounded and valued as in every pass
    item, inside = case.shard.item, beyond == 0
    for q in range(quantities):
        first, rounded = quantity_of.index(q), np.zeros(int(inside.sum()), np.uint16)
        reference().quantise(
            item[inside], exact[first, inside], np.nan_to_num(low[first], posinf=0.0), step[first],
            rounded, np.zeros(len(rounded), np.uint8), np.zeros(40), np.zeros(40),
        )  # fmt: skip
        assert_same(quantity[q, inside], rounded)
    segment = np.repeat(np.broadcast_to(case.shard.segment, 30), np.diff(case.shard.indptr))
    expected = case.price[0][segment, item]
    for q in range(quantities):
        expected = expected + case.price[1 + q][segment, item] * quantity[q].astype(np.float32)
    assert_same(value[inside], expected[inside])


@every_backend
@pytest.mark.parametrize("size", [8, 24, 1024])
def test_hashes_of_blocks(name: str, size: int) -> None:
    random = np.random.default_rng(size)
    key = random.integers(0, 2**64, size + 3, np.uint64)
    for blocks in (0, 1, 5):
        words = random.integers(0, 2**64, blocks * size, np.uint64)
        words[: size // 2] = 2**64 - 1  # carries are dropped
        expected, found = np.zeros((2, blocks, 4), np.uint64)
        reference().hash_blocks(words, key, expected)
        with backend(name) as module:
            module.hash_blocks(words, key, found)
        assert_same(found, expected)
        low, high = [[(int(w) >> s) & 0xFFFFFFFF for w in words[:size]] for s in (0, 32)]
        for j in range(4 * (blocks > 0)):
            keys = [int(k) for k in key[j : j + size]]
            total = sum(
                ((a + k) & 0xFFFFFFFF) * ((b + (k >> 32)) & 0xFFFFFFFF)
                for a, b, k in zip(low, high, keys, strict=True)
            )
            assert int(expected[0, j]) == total % 2**64
