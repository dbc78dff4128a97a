"""Decisions on customers one after another: the same on every backend, within what rows have left, the best ones."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from tests.support.constraint_cases import constrained_case
from tests.support.kernel_cases import (
    assert_same,
    backend,
    backend_names,
    evaluated,
    every_backend,
    make_case,
    reference,
)
from tests.support.late_cases import late_case, written

from couponry.kernels import available, load
from couponry.kernels.late_contract import LARGEST_UNITS, UNBOUNDED, Account, Late, LateChoice

KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "none asked": {"attributes": 0, "lower": 0},
    "groups": {"rules": 2, "segments": 3},
    "wide": {"attributes": 3, "wide": True, "rules": 1},
    "ties": {"ties": True, "segments": 2},
}


def decided(module: Any, late: Late, *, prepared: bool = False) -> dict[str, Any]:
    """What two calls write and return."""
    n = len(late.shard.indptr) - 1
    asked = module.prepare(late) if prepared else late
    counts = [module.decide(asked, *part) for part in ((0, n // 3), (n // 3, n))]
    return {**written(late), "counts": np.array(counts)}


@every_backend
@pytest.mark.parametrize("kind", KINDS)
def test_every_backend_decides_the_same(name: str, kind: str) -> None:
    if name == "numba" and kind not in ("plain", "groups"):
        pytest.skip("each type of item, and each number of arrays, costs some seconds of compiling")
    case = make_case(sum(map(ord, kind)), customers=40, longest=20, **KINDS[kind])
    expected = decided(reference(), late_case(1, case))
    assert expected["counts"].sum() > 20 and (expected["choice given"] == 1).sum() > 20
    with backend(name) as module:
        assert_same(decided(module, late_case(1, case)), expected)
        assert_same(decided(module, late_case(1, case), prepared=True), expected)


@pytest.mark.parametrize("name", [name for name in backend_names() if name != "numba"])
@pytest.mark.parametrize("seed", range(4))
def test_constrained_customers(name: str, seed: int) -> None:
    sizes = {"customers": 12, "longest": 40, "attributes": 2, "segments": 2, "items": 60}
    case = constrained_case(seed, **sizes, rules=2, rows=4)
    expected = decided(reference(), late_case(seed, case))
    with backend(name) as module:
        assert_same(decided(module, late_case(seed, case)), expected)


@pytest.mark.parametrize("seed", range(3))
def test_with_room_for_all_customers_get_what_a_pass_gives_them(seed: int) -> None:
    case = make_case(seed, customers=40, longest=20, attributes=2, segments=2, rules=2)
    late = late_case(seed, case)
    late.account.above[:], late.account.below[:] = UNBOUNDED, UNBOUNDED
    assert reference().decide(late, 0, 40) == 0
    choice = late.choice
    given = np.flatnonzero(choice.beyond)
    shard = case.shard._replace(
        quantity=choice.quantity, given_at=given, given_value=choice.value[given]
    )
    assert len(given) > 20
    usage = np.zeros(case.price.shape, np.int64)
    for module in (reference(), *map(native_or_none, ("native",))):
        found = np.zeros(len(choice.given), np.uint8)
        module.evaluate(
            shard, case.rules, case.price, case.seed, 0, 40, usage, found, 0, np.zeros(2, np.int64)
        )
        assert_same(found, choice.given)


def native_or_none(name: str) -> Any:
    return load(name).kernels if available()[name] == "yes" else reference()


def uses(late: Late, i: int, e: int) -> np.ndarray:
    """Units of each row that a candidate uses, and errors, worked out once more."""
    charges, choice = late.charges, late.choice
    segment = late.shard.segment[i if len(late.shard.segment) > 1 else 0]
    k = int(late.shard.item[e])
    total = np.zeros((2, len(charges.unit)))
    for pair in range(charges.ptr[k], charges.ptr[k + 1]):
        row = charges.row[pair]
        if not charges.covers[segment, row]:
            continue
        if choice.beyond[e]:
            amount = charges.weight[pair] @ np.r_[1.0, late.exact[:, e]] * charges.unit[row]
            total[:, row] = np.rint(amount), amount != np.rint(amount)
        else:
            used = charges.of_coupon[pair] + charges.of_quantity[pair] @ choice.quantity[
                :, e
            ].astype(int)
            total[:, row] = used, charges.error[pair]
    return total


@pytest.mark.parametrize("seed", range(6))
def test_rows_hold_and_the_account_says_what_was_given(seed: int) -> None:
    case = make_case(seed, customers=40, longest=15, attributes=2, segments=2, lower=seed % 2 * 3)
    late = late_case(seed, case, listed=10_000)
    before = late.account.used.copy(), late.account.error.copy()
    assert reference().decide(late, 0, 40) > 20
    total = np.zeros((2, len(before[0])))
    for i, (begin, end) in enumerate(zip(case.shard.indptr, case.shard.indptr[1:], strict=False)):
        for e in range(begin, end):
            total += uses(late, i, e) * late.choice.given[e]
    account, charged = late.account, late.charged
    assert_same(account.used - before[0], total[0].astype(np.int64))
    assert_same(account.error - before[1], total[1].astype(np.int64))
    count = charged.entries[0]
    for sums, listed in ((total[0], charged.used), (total[1], charged.error)):
        assert (np.bincount(charged.row[:count], listed[:count], minlength=len(sums)) == sums).all()
    assert not account.pending.any() and not account.pending_error.any()
    rose, fell = total[0] > 0, total[0] < 0
    assert (account.used + account.error <= account.above)[rose].all()
    assert (account.error - account.used <= account.below)[fell].all()


def test_who_has_one_coupon_gets_the_best_that_there_is_room_for() -> None:
    case = make_case(5, customers=60, longest=9, attributes=1, lower=0, upper=1)
    case.rules.upper[:] = 1
    late, again = late_case(5, case), late_case(5, case)
    for i, (begin, end) in enumerate(zip(case.shard.indptr, case.shard.indptr[1:], strict=False)):
        account = [array.copy() for array in late.account[:4]]
        reference().decide(late, i, i + 1)
        reference().price_candidates(
            again.shard, again.exact, again.packing, again.price, again.reduced, i, i + 1,
            again.choice.quantity, again.choice.value, again.choice.beyond,
        )  # fmt: skip
        best = 0.0
        for e in range(begin, end):
            used, error = uses(again, i, e)
            fits = (used <= 0) | (account[2] + used + account[3] + error <= account[0])
            fits &= (used >= 0) | (account[3] + error - account[2] - used <= account[1])
            if fits.all():
                best = max(best, float(again.choice.value[e]))
        got = late.choice.given[begin:end] == 1
        assert again.choice.value[begin:end][got].sum() == best


def one_row(use: list[int], values: list[int], above: int, below: int = 0) -> Late:
    """A customer of four candidates, what each uses of the one row, and how far that may rise and fall."""
    case = make_case(8, customers=1, lengths=np.array([4]), attributes=0, lower=0, upper=4)
    case.rules.upper[:] = 4
    late = late_case(8, case, rows=1)
    items = case.price.shape[2]
    per_item = np.zeros(items, np.int64)
    per_item[case.shard.item] = use
    late.price[0, 0, case.shard.item] = values
    late.packing.low[:], late.packing.high[:] = 0, 1
    charges = late.charges._replace(
        ptr=np.arange(items + 1), row=np.zeros(items, np.int32), of_coupon=per_item,
        of_quantity=np.zeros((items, 0), np.int64), error=np.zeros(items, np.int64),
        weight=np.zeros((items, 1)), covers=np.ones((1, 1), np.uint8),
    )  # fmt: skip
    for bound, start in zip(late.account, (above, below, 0, 0, 0, 0), strict=True):
        bound[:] = start
    return late._replace(charges=charges)


def assert_given(late: Late, use: list[int], kept: list[int]) -> None:
    """Every backend gives the same, and charges it."""
    for module in (reference(), native_or_none("native")):
        again = late._replace(
            account=Account(*(array.copy() for array in late.account)),
            choice=LateChoice(*(array.copy() for array in late.choice)),
        )
        assert module.decide(again, 0, 1) == 4 - sum(kept)
        assert again.choice.given.tolist() == kept
        assert again.account.used[0] == np.dot(use, kept)
        assert not again.account.pending.any() and not again.account.pending_error.any()


def test_of_coupons_that_do_not_fit_together_the_one_worth_least_for_its_use_is_refused() -> None:
    for use, values, room, kept in (
        ([1, 1, 1, 1], [3, 1, 2, 4], 3, [1, 0, 1, 1]),
        ([1, 1, 1, 1], [2, 2, 2, 2], 3, [1, 1, 1, 0]),  # the later of those worth the same
        ([5, 1, 1, 1], [6, 2, 3, 4], 7, [0, 1, 1, 1]),  # the first is worth least for what it uses
        ([9, 1, 1, 1], [99, 2, 3, 4], 3, [0, 1, 1, 1]),  # alone it is too much
    ):
        assert_given(one_row(use, values, room), use, kept)


def test_a_coupon_may_make_up_for_another_one_of_its_customer() -> None:
    for use, values, kept in (
        ([-1, 1, 1, -1], [9, 2, 3, 9], [1, 1, 1, 1]),  # each alone would be too much
        ([-1, -1, 1, -1], [9, 2, 3, 1], [1, 0, 1, 0]),  # worth least for their use
        ([-2, -1, 1, 0], [99, 2, 3, 1], [0, 1, 1, 1]),  # too much beside all that make up for it
        ([-5, -1, 1, 2], [99, 2, 3, 1], [0, 1, 1, 1]),  # too much whatever else is given
        ([2, 1, -1, 0], [99, 2, 3, 1], [0, 1, 1, 1]),
    ):
        above = 2 if use[0] < 0 and min(use) < -2 else 0
        assert_given(one_row(use, values, above), use, kept)


@pytest.mark.parametrize("seed", range(3))
def test_what_customers_have_already_is_kept_and_not_charged_again(seed: int) -> None:
    case = make_case(seed, customers=40, longest=15, attributes=2, segments=2, rules=1, lower=0)
    found = []
    for module in (reference(), native_or_none("native")):
        late = late_case(seed, case)
        late.choice.given[:] = 0
        for amounts in late.charges.of_coupon, late.charges.of_quantity, late.charges.weight:
            np.abs(amounts, out=amounts)  # so that nobody makes room
        module.decide(late, 0, 40)
        before = late.account.used.copy(), late.choice.given.copy()
        assert before[1].any()
        late.choice.given[:] = 2 * before[1]
        module.decide(late, 0, 40)  # nothing more fits, or is worth it
        assert_same(late.account.used, before[0])
        assert_same(late.choice.given, 2 * before[1])
        late.account.above[:], late.account.below[:] = UNBOUNDED, UNBOUNDED
        module.decide(late, 0, 40)
        assert (late.choice.given[before[1] == 1] == 2).all() and (late.choice.given == 1).any()
        assert (late.account.used != before[0]).any()
        found.append(written(late))
    assert_same(found[1], found[0])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_nothing_is_decided_where_attributes_are_no_numbers(value: float) -> None:
    for module in (reference(), native_or_none("native")):
        late = late_case(2, make_case(2, customers=9, attributes=2))
        late.exact[1, len(late.exact[1]) // 2] = value
        before = {name: array.copy() for name, array in late.account._asdict().items()}
        assert module.decide(late, 0, 9) == -1
        assert_same(late.account._asdict(), before)


def test_amounts_beyond_all_measure_count_as_the_largest() -> None:
    case = make_case(4, customers=20, longest=9, attributes=1, lower=0)
    for module in (reference(), native_or_none("native")):
        late = late_case(4, case)
        late.exact[:] = 1e300
        late.account.above[:], late.account.below[:] = UNBOUNDED, UNBOUNDED
        module.decide(late, 0, 20)
        assert (np.abs(late.account.used) <= LARGEST_UNITS).all()
        assert (late.account.used == LARGEST_UNITS).any()


def test_values_that_are_given_take_the_place_of_prices() -> None:
    case = make_case(6, customers=50, longest=30, attributes=2, segments=2, rules=1)
    random = np.random.default_rng(6)
    n = len(case.shard.item)
    at = np.flatnonzero(random.random(n) < 0.3)
    value = np.round(random.normal(size=len(at)), 1).astype(np.float32)
    value[value == 0] = -0.0
    given = case.shard._replace(given_at=at, given_value=value)
    expected = evaluated(reference(), changed(case, given))
    for name in backend_names():
        with backend(name) as module:
            for got, wanted in zip(evaluated(module, changed(case, given)), expected, strict=True):
                assert_same(got, wanted)
            for block in combinations((0, 17, 50), 2):
                got, wanted = (
                    evaluated(each, changed(case, given), *block) for each in (module, reference())
                )
                assert_same(got[1], wanted[1])


def changed(case: Any, shard: Any) -> Any:
    """The case with another shard."""
    return type(case)(**{**vars(case), "shard": shard})
