"""One list of what was bought and what is new: roles, calibration, and new items only as far as lists gain by them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from tests.affinity.test_scores import GROUPS, shop, split

from couponry import InvalidInput
from couponry.affinity import DiscoveryModel, JointModel, PersonalModel, PurchaseHistory
from couponry.affinity.history.joined_history import joined
from couponry.affinity.scores.guards.level import expected_rate
from couponry.affinity.scores.joint.joint_pairs import JointPairs
from couponry.affinity.scores.joint.merge import (
    BEHIND,
    SHIFTS,
    Calibration,
    JointOutcome,
    calibrated,
    calibration_by_role,
    validated_shift,
)
from couponry.affinity.scores.logistic import sigmoid


def model() -> JointModel:
    return JointModel(PersonalModel(GROUPS), DiscoveryModel(GROUPS, items=40, keep=10))


@cache
def table() -> pa.Table:
    return shop(5, customers=100)


@cache
def history() -> PurchaseHistory:
    return split(table(), 20)[0]


@cache
def fitted() -> JointModel:
    return model().fit([split(table(), 12), split(table(), 16)])


def pairs_of(customers: int, own: int, new: int, log_odds: tuple[float, float]) -> JointPairs:
    """Customers with as many pairs of their own and new ones."""
    each = own + new
    role = np.tile(np.repeat([0, 2], [own, new]), customers).astype(np.uint8)
    odds = np.where(role == 0, *log_odds).astype(np.float32)
    customer = np.repeat(np.arange(customers), each)
    item = np.tile(np.arange(each), customers)
    return JointPairs(customer, item, role, odds, pa.array(range(each)))


@pytest.mark.parametrize(("new_is_bought", "expected"), [(False, BEHIND), (True, 0.0)])
def test_new_items_are_taken_in_where_lists_gain(new_is_bought: bool, expected: float) -> None:
    pairs = pairs_of(40, own=25, new=25, log_odds=(-2.0, -1.9))
    random = np.random.default_rng(0)
    bought = (random.random(len(pairs.role)) < 0.3) & ((pairs.role == 2) == new_is_bought)
    count = np.bincount(pairs.customer, bought, minlength=40).astype(np.int64)
    shift = validated_shift(pairs, pairs.log_odds.astype(np.float64), bought, count)
    assert shift.log_odds == expected and list(shift.gains) == list(SHIFTS)
    assert (shift.gains[0.0][0] > 0) == new_is_bought


def test_roles_are_calibrated_each_for_itself() -> None:
    pairs = pairs_of(200, own=5, new=5, log_odds=(-1.0, -1.0))
    random = np.random.default_rng(1)
    pairs.log_odds[:] += random.normal(0, 1, len(pairs.role)).astype(np.float32)
    chance = 1 / (1 + np.exp(-pairs.log_odds * np.where(pairs.role == 0, 1.0, 0.5) + 1.0))
    bought = random.random(len(chance)) < chance
    model = calibration_by_role([JointOutcome(pairs, bought, history(), 1.0)])
    assert model[1] is None
    found = 1 / (1 + np.exp(-calibrated(pairs, model)))
    for role in (0, 2):
        mine = pairs.role == role
        assert found[mine].sum() == pytest.approx(bought[mine].sum(), rel=1e-4)
        np.testing.assert_allclose(found[mine], chance[mine], atol=0.06)


def test_pairs_have_the_role_of_what_their_customer_bought() -> None:
    found, owner = fitted().score(history()), np.diff(history().indptr)
    owner = np.repeat(np.arange(len(owner)), owner)
    owned = set(zip(owner.tolist(), history().item.tolist(), strict=True))
    pairs = list(zip(found.customer.tolist(), found.item.tolist(), strict=True))
    assert pairs == sorted(pairs) and owned <= set(pairs)
    halves = {(c, i % 2) for c, i in owned}
    for (customer, item), role in zip(pairs, found.role.tolist(), strict=True):
        same = (customer, item % 2) in halves
        assert role == (0 if (customer, item) in owned else 1 if same else 2)
    assert ((found.probability > 0) & (found.probability < 1)).all()


def test_lists_are_those_of_a_customer_alone() -> None:
    everyone, joint = history(), fitted()
    listed = joint.score(everyone).best(12).table(everyone.customers)
    some = table().filter(pa.array(np.isin(table()["customer"].to_numpy(), [3, 71])))
    alone = split(some, 20)[0]
    mine = joint.score(alone).best(12).table(alone.customers)
    kept = np.isin(listed["customer"].to_numpy(), [3, 71])
    assert mine.equals(listed.filter(pa.array(kept)))
    for customer in (3, 71):
        ranks = np.sort(mine["rank"].to_numpy()[mine["customer"].to_numpy() == customer])
        assert ranks.tolist() == list(range(12))


def test_one_window_leaves_new_items_behind() -> None:
    joint = model().fit([split(table(), 16)])
    assert joint.shift_.log_odds == BEHIND and joint.shift_.gains == {}
    found = joint.score(history())
    known = np.diff(history().indptr)[found.customer]
    assert ((found.rank < known) == (found.role == 0)).all()
    with pytest.raises(InvalidInput, match="expected a fitted model"):
        model().score(history())


def test_earlier_windows_that_say_nothing_leave_new_items_behind() -> None:
    rows = pa.table({"customer": [1, 1, 1], "product": [1, 2, 3], "week": [12, 13, 16]})
    joint = model().fit([split(rows, 12), split(table(), 16)])
    assert joint.shift_.log_odds == BEHIND and joint.shift_.gains == {}
    assert len(joint.score(history()).rank) > len(history())


def test_new_items_are_calibrated_on_the_windows_and_levelled() -> None:
    joint, windows = fitted(), [split(table(), last) for last in (12, 16)]
    outcomes = []
    for weight, (before, later) in zip(((12 / 16) ** 8, 1.0), windows, strict=True):
        pairs = JointPairs.new(joint.discovery, before, joint.discovery.learned(before))
        bought, count = pairs.outcomes(before, later)
        assert count.sum() == len(later) - np.setdiff1d(later.customers, before.customers).size
        outcomes.append(JointOutcome(pairs, bought, before, weight))
    calibration = calibration_by_role(outcomes)
    assert calibration[0] is None and calibration[1] is not None
    known = joined(*windows[-1])
    now = JointPairs.new(joint.discovery, known, joint.discovery.known_)
    mine = now.role == 1

    def foretold(by: Calibration) -> float:
        return float(sigmoid(calibrated(now, by))[mine].sum()) / len(known.customers)

    levels = [one.level(1) for one in outcomes]
    expected = expected_rate(levels, 20, foretold(calibration), "activation")
    assert expected != pytest.approx(foretold(calibration), rel=0.01)
    assert foretold(joint.calibration_) == pytest.approx(expected)
