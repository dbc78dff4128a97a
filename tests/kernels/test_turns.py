"""Turns of constraints that are intervals, and the choices that native kernels find by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.kernel_cases import assert_same, backend, native_names, reference

from couponry import Campaign, CustomerRule
from couponry.engines.local import LocalEngine
from couponry.kernels import Rules, Shard, load
from couponry.kernels.reference.parts.turns import FEWEST, find_turns
from couponry.kernels.set_layout import SHORT_RULES, head_of, heads
from couponry.model.compiled_campaign import compile_campaign
from couponry.solver.dual.lagrangian import Lagrangian

WINDOW = CustomerRule("windows", max=2, window=7, each="customer")
EACH = CustomerRule("each", max=8, each="customer")


def household_problem(
    seed: int, rules: list[CustomerRule], values: Any = None, unit: str | None = "home"
) -> Any:
    """A few households of two to four members with more candidates than a short customer has."""
    random = np.random.default_rng([seed, 50])
    people, width, offers = 9, 22, 60
    pairs = [random.permutation(offers)[:width] for _ in range(people)]
    drawn = random.normal(0.3, 0.5, people * width) if values is None else values(random)
    return compile_campaign(
        Campaign(
            {"offer": np.arange(offers), "day": random.integers(0, 28, offers)},
            {
                "customer": np.repeat(np.arange(people), width),
                "offer": np.concatenate(pairs),
                "value": drawn,
                "cost": random.random(people * width),
            },
            {"customer": np.arange(people), "home": np.repeat([0, 1, 2], [2, 3, 4])},
            rules=rules,
            unit=unit,
        ).data,
        load("native"),
        refuse=False,
    ).problem


def turns(rules: Rules, shard: Shard, i: int) -> tuple[list[int], list[set[int]]]:
    """The turns of a long customer's constraints without rows, and the candidates of each."""
    words = (int(shard.indptr[i + 1] - shard.indptr[i]) + 63) // 64
    own = rules.constraints[rules.constraint_ptr[i] : rules.constraint_ptr[i + 1]]
    heads = own.reshape(-1, 1 + words)
    sets = [
        {64 * w + b for w in range(words) for b in range(64) if int(head[1 + w]) >> b & 1}
        for head in heads
    ]
    return [(int(head[0]) >> 50) & 0x1FFF for head in heads], sets


def test_windows_have_turns_in_the_order_of_their_days() -> None:
    costs = CustomerRule("messages", cost=np.linspace(0.0, 0.4, 9).tolist())
    problem = household_problem(0, [EACH, WINDOW, costs])
    for i in range(3):
        turn, sets = turns(problem.rules, problem.shard, i)
        given = sorted((t, s) for t, s in zip(turn, sets, strict=True) if t)
        assert [t for t, _ in given] == list(range(1, len(given) + 1))
        assert len(given) > 10
        for j in set().union(*sets):
            inside = [t for t, s in given if j in s]
            assert not inside or inside == list(range(inside[0], inside[-1] + 1))


@pytest.mark.parametrize(
    "rules",
    [
        [EACH, CustomerRule("messages", cost=[0.1, 0.2])],  # nothing crosses
        [WINDOW, CustomerRule("few", max=3, window=10, each="customer")],  # caps differ
        [WINDOW, CustomerRule("some", min=1, each="customer")],
    ],
)
def test_other_constraints_have_none(rules: list[CustomerRule]) -> None:
    problem = household_problem(1, rules)
    for i in range(3 if len(problem.rules.constraint_ptr) > 1 else 0):
        if problem.rules.constraints[problem.rules.constraint_ptr[i]] >= 0:
            assert not any(turns(problem.rules, problem.shard, i)[0])


def short_problem(seed: int, rules: list[CustomerRule], width: int = 24) -> Any:
    """Single customers of few candidates, without households."""
    random = np.random.default_rng([seed, 53])
    people, offers = 40, 60
    pairs = [random.permutation(offers)[:width] for _ in range(people)]
    return compile_campaign(
        Campaign(
            {"offer": np.arange(offers), "day": random.integers(0, 28, offers)},
            {
                "customer": np.repeat(np.arange(people), width),
                "offer": np.concatenate(pairs),
                "value": random.normal(0.3, 0.5, people * width),
                "cost": random.random(people * width),
            },
            rules=rules,
        ).data,
        load("native"),
        refuse=False,
    ).problem


SINGLE = CustomerRule("windows", max=2, window=7)


def test_short_constraints_have_turns_beside_the_numbers_of_their_rules() -> None:
    problem = short_problem(0, [CustomerRule("slots", max=6), SINGLE])
    rules = problem.rules
    for i in range(len(problem.shard.indptr) - 1):
        words = rules.constraints[rules.constraint_ptr[i] : rules.constraint_ptr[i + 1]]
        its = [((int(w) >> 55) & 31, {b for b in range(32) if int(w) >> b & 1}) for w in words]
        given = sorted((t, s) for (t, s), w in zip(its, words, strict=True) if int(w) >> 62 & 1)
        assert [t for t, _ in given] == list(range(1, len(given) + 1))
        crossing = sum(int(w) >> 61 & 1 for w in words)
        assert len(given) >= crossing if crossing >= FEWEST else not given
        for j in range(32):
            inside = [t for t, s in given if j in s]
            assert not inside or inside == list(range(inside[0], inside[-1] + 1))
        read = heads(words, np.ones(len(words), bool))
        assert set(read.rule.tolist()) == {1}
        assert (read.cap == 2).all() and not read.least.any() and not read.mandatory.any()


def test_rules_of_large_numbers_leave_short_constraints_without_turns() -> None:
    member = np.zeros((6, 8), np.int64)
    for k in range(6):
        member[k, k : k + 3] = 1
    bound = np.zeros((6, 4), np.int64)
    bound[:, 0], bound[1:, 3] = 2, 1
    nothing = np.zeros(0, np.int64)
    assert find_turns(bound, member, 0, 0, nothing).tolist() == [6, 5, 4, 3, 2, 1]
    for rule, expected in ((SHORT_RULES - 1, True), (SHORT_RULES, False)):
        bound[3, 2] = rule
        assert find_turns(bound, member, 0, 0, nothing).all() == expected
        word = head_of(8, 2, 0, rule, 0, 1, 5 if expected else 0)
        assert heads(np.array([word]), np.ones(1, bool)).rule.tolist() == [rule]
    bound[3, 2], bound[1:3, 3] = 0, 0
    assert not find_turns(bound, member, 0, 0, nothing).any()  # few cross others


@pytest.mark.parametrize("seed", range(8))
def test_native_kernels_choose_for_single_customers_by_turns(seed: int) -> None:
    rules = [
        CustomerRule("slots", max=4 + seed % 5),
        CustomerRule("windows", max=1 + seed % 2, window=[4, 7][seed // 4]),
    ]
    if seed % 4 == 3:
        rules.append(CustomerRule("purse", sum="cost", max=3.0))
    assert_same_choices(short_problem(seed, rules, 12 + 2 * seed), 3 if seed % 2 else 1 << 20)


def chosen_by(kernels: Any, problem: Any, price: Any, nodes: int) -> list[Any]:
    n = len(problem.shard.indptr) - 1
    usage, cut = np.zeros(price.shape, np.int64), np.zeros(2, np.int64)
    chosen = np.zeros(len(problem.shard.item), np.uint8)
    rules = problem.rules._replace(nodes=nodes)
    kernels.evaluate(problem.shard, rules, price, 7, 0, n, usage, chosen, 0, cut)
    return [usage, chosen, cut]


@pytest.mark.parametrize("seed", range(8))
def test_native_kernels_choose_by_turns_as_the_reference_does_without(seed: int) -> None:
    random = np.random.default_rng([seed, 51])
    costs = CustomerRule(
        "messages", cost=np.sort(random.random(int(random.integers(6, 24)))).tolist()
    )
    rules = [EACH, CustomerRule("windows", max=1 + seed % 3, window=7, each="customer"), costs]
    if seed % 4 == 3:
        rules.append(CustomerRule("purse", sum="cost", max=3.0, each="customer"))
    rounded = (lambda r: np.round(r.normal(0.3, 1.0, 198), 1)) if seed % 4 == 2 else None
    assert_same_choices(household_problem(seed, rules, rounded), 3 if seed % 2 else 1 << 20)


def problem_with_other_rules(seed: int) -> Any:
    """Households under sums, requirements and caps within windows."""
    random = np.random.default_rng([seed, 52])
    some = random.permutation(60)[:30]
    only_after = pa.table({"offer": some[:15], "requires": some[15:]})
    rules = [
        CustomerRule("each", max=2 + seed % 4, each="customer"),
        CustomerRule("windows", max=1 + seed % 2, window=[4, 7][seed // 8 % 2], each="customer"),
        CustomerRule("messages", cost=np.sort(random.random(int(random.integers(6, 24)))).tolist()),
        CustomerRule("purse", sum="cost", max=[0.3, 1.0, 2.0][seed % 3], each="customer"),
        CustomerRule("only after", requires=only_after, each="customer"),
    ]
    if seed % 5 == 4:
        rules.append(CustomerRule("worth it", sum="value", min=1.0, each="customer"))
    rounded = (lambda r: np.round(r.normal(0.3, 1.0, 198), 1)) if seed % 8 == 7 else None
    return household_problem(seed, rules, rounded)


@pytest.mark.parametrize("seed", range(32))
def test_native_kernels_search_for_members_who_break_other_rules(seed: int) -> None:
    """Of some members all choices are listed, and others are searched."""
    assert_same_choices(problem_with_other_rules(seed), [3, 400, 10_000, 1 << 20][seed % 4])


def test_households_have_few_rows_and_many() -> None:
    """Native passes look at up to 16 rows one by one."""
    numbers = []
    for seed in range(32):
        rules = problem_with_other_rules(seed).rules
        first = rules.constraints[rules.constraint_ptr[:-1]]
        numbers += ((first >> 32) & 0xFFFF).tolist()
    assert min(numbers) <= 8
    assert sum(8 < number <= 16 for number in numbers) > 10


@pytest.mark.parametrize("nodes", [25, 50, 100, 200, 500, 2_000, 8_000])
@pytest.mark.parametrize("seed", range(4))
def test_native_kernels_list_the_choices_that_windows_allow(seed: int, nodes: int) -> None:
    """Of members with more than a dozen candidates that are worth something, but tight windows."""
    wide = CustomerRule("windows", max=1 + seed % 2, window=[20, 12, 9, 7][seed], each="customer")
    rules = [wide, CustomerRule("purse", sum="cost", max=[0.2, 0.6][seed % 2], each="customer")]
    rules.append(CustomerRule("messages", cost=np.linspace(0.0, 0.3, 16).tolist()))
    values = [abs(np.random.default_rng([seed, 54, k]).normal(0.6, 0.3, 198)) for k in range(2)]
    for value in values:
        assert (value.reshape(9, 22) > 0.1).sum(axis=1).max() > 16
        assert_same_choices(household_problem(seed, rules, lambda _, its=value: its), nodes)


@pytest.mark.parametrize("seed", range(6))
def test_native_kernels_choose_for_few_candidates_as_the_reference(seed: int) -> None:
    """Of short customers heads have no room for turns."""
    rules = [
        CustomerRule("slots", max=4 + seed),
        CustomerRule("windows", max=1 + seed % 2, window=5 + seed),
    ]
    rounded = (lambda r: np.round(r.normal(0.3, 1.0, 198), 1)) if seed == 5 else None
    problem = household_problem(seed, rules, rounded, unit=None)
    assert_same_choices(problem, 3 if seed % 2 else 1 << 20)


@pytest.mark.parametrize("seed", range(24))
def test_windows_of_few_candidates_are_put_into_order(seed: int) -> None:
    """Many short windows, and prices at which none of them binds what is worth something."""
    rules = [
        CustomerRule("slots", max=12),
        CustomerRule("windows", max=1 + seed % 2, window=[2, 3, 4, 9][seed // 6]),
    ]
    mean = [1.0, 0.0, -0.8][seed % 3]
    problem = household_problem(seed, rules, lambda r: r.normal(mean, 0.5, 198), unit=None)
    assert_same_choices(problem, 1 << 20)


@pytest.mark.parametrize("seed", range(12))
def test_ties_of_few_candidates_are_broken_as_the_reference_breaks_them(seed: int) -> None:
    """Native passes leave few candidates that are all let in where they are, whether some are worth the same or not."""
    rules = [
        CustomerRule("slots", max=[3, 12][seed % 2]),
        CustomerRule("windows", max=1 + seed // 2 % 2, window=[3, 7, 12][seed % 3]),
    ]
    mean = [1.0, 0.0][seed // 6]
    values = np.round(np.random.default_rng([seed, 55]).normal(mean, 0.7, 198), seed % 2)
    assert len(set(values.tolist())) < 40
    problem = household_problem(seed, rules, lambda _: values, unit=None)
    assert_same_choices(problem, 1 << 20)


def assert_same_choices(problem: Any, nodes: int) -> None:
    engine = LocalEngine(problem.shard, problem.rules, load("native"), 1, 0)
    price = Lagrangian(problem, engine).choice_table(np.zeros(0))
    expected = chosen_by(reference(), problem, price, nodes)
    assert expected[1].any()
    for name in native_names():
        with backend(name) as module:
            for found, wanted in zip(
                chosen_by(module, problem, price, nodes), expected, strict=True
            ):
                assert_same(found, wanted)
