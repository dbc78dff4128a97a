"""Passes of the native `evaluate` beside bare reads of the same bytes, for pytest-benchmark.

    python -m pytest benchmarks/cases/test_kernels.py --benchmark-json=times.json

Every case is far larger than the caches. Before each round of a pass come a bare read by as many threads and a pass by
one thread, timed as well (`extra_info`), so that what disturbs the machine disturbs all three;
`benchmarks/cases/kernels.py`
makes ratios of them. What was timed is checked to be the same answer: usage is equal for all
instruction sets and threads, and the first customers' choice is the reference's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from benchmarks.instances.contact_rules import contact_rules
from benchmarks.support.hardware import read_once
from benchmarks.support.timing import Disturbance, seconds_of
from numpy.typing import NDArray

from couponry import kernels
from couponry.engines.local import LocalEngine
from couponry.kernels import Rules, Shard

native = kernels.load("native").kernels
ROUNDS, ROUNDS_OF_BASELINE = 31, 5
COMPARED = 300  # customers compared with the reference


@dataclass(frozen=True)
class Shape:
    """What a case looks like: about 256 MB of packed candidates each."""

    name: str
    customers: int
    width: int
    items: int
    slots: int
    channels: int = 1
    varying: bool = False  # rows of Poisson length around the width
    groups: int = 0  # at most one coupon in each
    contacts: bool = False  # rules that overlap and conflict


SHAPES = [
    Shape("32 candidates, 10 slots", 2_000_000, 32, 2_000, 10),
    Shape("200 candidates, 65 slots", 320_000, 200, 2_000, 65),
    Shape("Poisson(10) candidates, 1 slot, two channels", 4_500_000, 10, 10_000, 1, 2, True),
    Shape(
        "32 candidates, 10 slots, 1 of each of 1,000 products",
        2_000_000,
        32,
        2_000,
        10,
        groups=1000,
    ),
    Shape(
        "32 candidates, 10 slots, windows that overlap and 1 % of pairs in conflict",
        2_000_000,
        32,
        2_000,
        10,
        contacts=True,
    ),
]


@dataclass
class Case:
    """A shape's candidates, rules and prices; the first usage table found is what all others must equal."""

    shape: Shape
    shard: Shard
    rules: Rules
    price: NDArray[np.float32]
    usage: list[NDArray[np.int64]] = field(default_factory=list)

    @property
    def packed(self) -> list[NDArray[np.uint16]]:
        return [self.shard.item, *self.shard.quantity]

    def described(self, threads: int) -> dict[str, Any]:
        return {
            "case": self.shape.name,
            "threads": threads,
            "bytes": sum(array.nbytes for array in self.packed),
            "candidates": len(self.shard.item),
        }


def make_case(shape: Shape) -> Case:
    """Uniform random offers and quantities; a few more candidates of positive value than slots."""
    random = np.random.default_rng(1)
    n, items = shape.customers, shape.items
    lengths = random.poisson(shape.width, n) if shape.varying else np.full(n, shape.width)
    indptr = np.zeros(n + 1, np.int64)
    np.cumsum(lengths, out=indptr[1:])
    candidates = int(indptr[-1])
    quantity = np.empty((shape.channels, candidates), np.uint16)
    for channel in quantity:
        channel[:] = random.integers(0, 1 << 16, candidates, dtype=np.uint16)
    price = np.zeros((1 + shape.channels, 1, items), np.float32)
    price[0] = -0.6 * shape.channels * random.random(items)
    price[1:] = random.random((shape.channels, 1, items)) / 65536
    item = random.integers(0, items, candidates, dtype=np.uint16)
    return Case(
        shape,
        Shard(0, indptr, item, quantity, np.zeros(1, np.uint16)),
        make_rules(shape, item, indptr, random),
        price,
    )


def make_rules(
    shape: Shape,
    item: NDArray[np.uint16],
    indptr: NDArray[np.int64],
    random: np.random.Generator,
) -> Rules:
    """A shape's customer rules."""
    items = shape.items
    if shape.contacts:
        return contact_rules(items, shape.slots, item, indptr, random)
    rules = 1 if shape.groups else 0
    return Rules(
        lower=np.zeros(1, np.int32),
        upper=np.full(1, shape.slots, np.int32),
        group=(np.arange(items, dtype=np.int32) % max(1, shape.groups))[None].repeat(rules, 0),
        groups=shape.groups,
        cap=np.ones((rules, 1), np.int32),
    )


@pytest.fixture(scope="module", params=SHAPES, ids=lambda shape: shape.name)
def case(request: pytest.FixtureRequest) -> Case:
    return make_case(request.param)


@pytest.fixture(params=native.instruction_sets())
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    before = native.instruction_set()
    native._use_instruction_set(request.param)
    yield request.param
    native._use_instruction_set(before)


@pytest.mark.parametrize("threads", [1, 2])
def test_pass(benchmark: Any, case: Case, instruction_set: str, threads: int) -> None:
    engine, alone = (
        LocalEngine(case.shard, case.rules, kernels.load("native"), t, 0) for t in (threads, 1)
    )
    read_seconds: list[float] = []
    alone_seconds: list[float] = []

    def beside() -> None:
        read_seconds.append(seconds_of(lambda: read_once(case.packed, threads)))
        alone_seconds.append(seconds_of(lambda: alone.evaluate(case.price)))

    rounds = ROUNDS_OF_BASELINE if instruction_set == "baseline" else ROUNDS
    disturbance = Disturbance()
    usage = benchmark.pedantic(
        engine.evaluate, (case.price,), setup=beside, rounds=rounds, warmup_rounds=1
    )
    benchmark.extra_info.update(
        case.described(threads),
        instruction_set=instruction_set,
        read_seconds=read_seconds[1:],  # the first is the warm-up's
        alone_seconds=alone_seconds[1:],
        others_had=disturbance.shares(),
    )
    case.usage.append(usage)
    assert np.array_equal(usage, case.usage[0])


def test_same_choice_as_the_reference(case: Case, instruction_set: str) -> None:
    found = []
    for module in kernels.load("reference").kernels, native:
        usage = np.zeros(case.price.shape, np.int64)
        chosen = np.zeros(len(case.shard.item), np.uint8)
        module.evaluate(
            case.shard,
            case.rules,
            case.price,
            0,
            0,
            COMPARED,
            usage,
            chosen,
            0,
            np.zeros(2, np.int64),
        )
        found.append((usage, chosen))
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])
