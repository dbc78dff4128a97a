"""Customers of few candidates under intervals of every kind: native kernels choose for several at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.kernel_cases import assert_same, backend, native_names, reference

from couponry import Campaign, CustomerRule
from couponry.engines.local import LocalEngine
from couponry.kernels import Rules, Shard, load
from couponry.kernels.reference.customer_constraints import write_constraints
from couponry.model.compiled_campaign import compile_campaign
from couponry.solver.dual.lagrangian import Lagrangian

OTHER_CAP, NONE_OF = 3, 0


def member_of(random: np.random.Generator, n: int, nested: bool) -> NDArray[np.int64]:
    """Flags of candidates in up to a dozen sets, each candidate in a run of them; nested: of any lengths."""
    sets = int(random.integers(4, 12))
    begin = random.integers(0, sets, n)
    length = random.integers(1, sets + 1, n) if nested else np.full(n, int(random.integers(1, 5)))
    length[random.random(n) < 0.1] = 0
    k = np.arange(sets)[:, None]
    return ((begin <= k) & (k < begin + length)).astype(np.int64)


def constraints_of(random: np.random.Generator, n: int, upper: int, nested: bool) -> Any:
    """Words of a customer's constraints: intervals of one cap, and at times others."""
    member = member_of(random, n, nested)
    bound = np.zeros((len(member) + 2, 4), np.int64)
    bound[:, 0] = int(random.integers(1, 3))
    for cap, share in ((OTHER_CAP, 0.3), (NONE_OF, 0.1)):
        if random.random() < 0.3:
            bound[len(member), 0] = cap
            member = np.concatenate([member, (random.random((1, n)) < share).astype(np.int64)])
    words = np.zeros(len(member), np.int64)
    write_constraints(upper, bound[: len(member)], member, 0, 0, words)
    return words


class Passed(NamedTuple):
    """What a pass takes, and how many customers have turns."""

    shard: Shard
    rules: Rules
    price: NDArray[np.float32]
    with_turns: int


def case_of(seed: int) -> Passed:
    """Sixty customers with two to 32 candidates each."""
    random = np.random.default_rng([seed, 56])
    upper = [12, 5][seed % 2]
    sizes = random.integers(2, 33, 60)
    values = random.normal([0.5, 0.0, 0.5][seed % 3], 0.5, sizes.sum())
    problem = compile_campaign(
        Campaign(
            {"offer": np.arange(40)},
            {
                "customer": np.repeat(np.arange(60), sizes),
                "offer": np.concatenate([random.permutation(40)[:n] for n in sizes]),
                "value": np.round(values, 1) if seed % 3 == 2 else values,
            },
            rules=[CustomerRule("slots", max=upper)],
        ).data,
        load("native"),
        refuse=False,
    ).problem
    made = [constraints_of(random, int(n), upper, seed // 2 % 2 > 0) for n in sizes]
    ptr, words = np.cumsum([0, *map(len, made)]), np.concatenate(made)
    rules = problem.rules._replace(
        constraint_ptr=ptr, constraints=words, nodes=[3, 400][seed // 4 % 2]
    )
    engine = LocalEngine(problem.shard, problem.rules, load("native"), 1, 0)
    price = Lagrangian(problem, engine).choice_table(np.zeros(0))
    return Passed(problem.shard, rules, price, sum((own >> 62 & 1).any() for own in made))


def chosen_by(kernels: Any, case: Passed) -> list[Any]:
    n = len(case.shard.indptr) - 1
    usage, cut = np.zeros(case.price.shape, np.int64), np.zeros(2, np.int64)
    chosen = np.zeros(len(case.shard.item), np.uint8)
    kernels.evaluate(case.shard, case.rules, case.price, 7, 0, n, usage, chosen, 0, cut)
    return [usage, chosen, cut]


@pytest.mark.parametrize(
    "seed", [*range(24), 98]
)  # the last one: from a window the way does not lead back
def test_several_customers_are_chosen_for_as_each_of_them_is(seed: int) -> None:
    """Intervals of the same length, and nested ones; with room for one and for two side by side; some tied."""
    case = case_of(seed)
    assert case.with_turns > (12 if seed // 2 % 2 else 2)
    expected = chosen_by(reference(), case)
    assert expected[1].any()
    for name in native_names():
        with backend(name) as module:
            for found, wanted in zip(chosen_by(module, case), expected, strict=True):
                assert_same(found, wanted)
