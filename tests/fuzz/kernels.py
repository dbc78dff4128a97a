"""Kernel fuzzer: inputs of all shapes, of which every backend and instruction set has to make the same bits.

Customers with none to a thousand candidates, around every width that a vector may have; none to five attributes;
values from the smallest to the largest that float32 holds, tied, negative and zero; groups that nest, cardinality
constraints that cross, searches that are cut off. All arrays of the native kernels end where memory ends, so that a
read or a write beyond one takes the process with it.

    python -m tests.fuzz.kernels --cases 3000 --processes 2
    python -m tests.fuzz.kernels --case 417
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from tests.fuzz.cases import Outcome, main
from tests.support.constraint_cases import constrained_case
from tests.support.guard_pages import all_at_the_end
from tests.support.kernel_calls import Array, calls_of_affinity
from tests.support.kernel_cases import (
    UNIT,
    Case,
    all_results,
    backend,
    backend_names,
    make_case,
    native,
    reference,
)

from couponry.engines.cut_off import CutOffCounts
from couponry.kernels import load

EDGES = (0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257)
"""Candidates of a customer around which kernels treat them apart."""

MOST_FOR_THE_REFERENCE, MOST_SEARCHED_BY_THE_REFERENCE, MOST_NODES_FOR_THE_REFERENCE = 200, 60, 50
"""Candidates of a case without and with constraints, and nodes of its searches, that plain Python takes on; else
compiled backends are compared: Numba has the same text."""


class Drawn(NamedTuple):
    """A case, what it is counted under, and what is wrong with how it was compiled."""

    case: Case
    kinds: tuple[str, ...]
    wrong: tuple[str, ...]


def draw(number: int) -> Drawn:
    """The case of a number."""
    random = np.random.default_rng([number, 77])
    kinds = []
    how = random.choice(["few", "edges", "long", "many"], p=[0.5, 0.25, 0.05, 0.2])
    kinds.append(f"lengths: {how}")
    lengths: Array = {
        "few": lambda: random.integers(0, random.choice([2, 5, 13, 40]), random.integers(0, 14)),
        "edges": lambda: random.choice(EDGES, random.integers(1, 12)),
        "long": lambda: random.integers(200, 1_000, random.integers(1, 4)),
        "many": lambda: random.integers(0, 9, random.integers(130, 400)),
    }[how]()
    constrained = random.random() < 0.5 and how != "long"
    kinds.append("cardinality constraints" if constrained else "groups")
    sizes: dict[str, Any] = {
        "lengths": lengths.astype(np.int64),
        "attributes": int(random.integers(0, 6)),
        "segments": int(random.choice([1, 1, 2, 5])),
        "items": int(random.choice([1, 4, 30, 300])),
        "rules": int(random.integers(0, 3)),
        "wide": bool(random.random() < 0.2),
        "ties": bool(random.random() < 0.3),
        "same_bounds": bool(random.random() < 0.3),
        "lower": int(random.choice([0, 0, 2, 30])),
        "upper": int(random.choice([0, 1, 4, 8, 25, 40, 2_000])),
        "rows": int(random.integers(1, 7)),
    }
    if constrained:  # plain Python makes the constraints
        sizes["items"] = min(sizes["items"], 30)
        sizes["lengths"] = np.minimum(sizes["lengths"], 66)
    wrong: list[str] = []
    if constrained:
        case = constrained_case(number, native(), **sizes)
        if len(case.shard.item) <= MOST_SEARCHED_BY_THE_REFERENCE:
            wrong += _other_constraints(case, constrained_case(number, **sizes))
    else:
        case = make_case(number, **sizes)
    kinds += [
        f"attributes: {sizes['attributes']}",
        "32-bit items" if sizes["wide"] else "16-bit items",
    ]
    price = case.price.astype(np.float64) * 2.0 ** int(random.choice([0, 0, -120, -60, 60, 100]))
    price[:, random.random(price.shape[1:]) < random.choice([0.0, 0.2, 0.9])] *= -1.0
    price[:, random.random(price.shape[1:]) < random.choice([0.0, 0.3])] = 0.0
    if random.random() < 0.3 and price.size:  # a few that dwarf the others
        price[:, :, random.integers(0, price.shape[2])] *= 2.0**20
    nodes = int(random.choice([1, 2, 5, 50, 10_000]))
    kinds.append(f"nodes: {nodes}")
    rules = case.rules._replace(nodes=nodes)
    return Drawn(
        Case(**vars(case) | {"price": price.astype(np.float32), "rules": rules}),
        tuple(kinds),
        tuple(wrong),
    )


def _other_constraints(case: Case, expected: Case) -> Iterator[str]:
    """Which constraints native kernels have compiled otherwise than the reference."""
    for name in ("constraint_ptr", "constraints"):
        found, known = getattr(case.rules, name), getattr(expected.rules, name)
        yield from differences("native against reference", {name: found}, {name: known})


def differences(name: str, found: dict[str, Any], expected: dict[str, Any]) -> Iterator[str]:
    """Which results are not those expected, to the bit."""
    for key, value in expected.items():
        if np.asarray(found[key]).tobytes() != np.asarray(value).tobytes():
            yield f"{name}: another {key}"


def run_case(number: int) -> Outcome:
    """Run a case on every backend and compare what they make of it."""
    if number % 10 == 9:
        return _affinity(number)
    case, kinds, compiled_wrong = draw(number)
    results = {}
    unit = max(UNIT, CutOffCounts.at_prices(1, case.price).unit)
    most, is_short = MOST_FOR_THE_REFERENCE, True
    if len(case.rules.constraints):
        most = MOST_SEARCHED_BY_THE_REFERENCE
        is_short = case.rules.nodes <= MOST_NODES_FOR_THE_REFERENCE
    if len(case.shard.item) <= most and is_short:
        results["reference"] = all_results(reference(), case, unit=unit)
    guarded = Case(**{name: all_at_the_end(value) for name, value in vars(case).items()})
    for name in backend_names():
        if name == "numba" and (
            "COUPONRY_FUZZ_NUMBA" not in os.environ or case.shard.item.dtype == np.uint32
        ):
            continue  # each type of item takes it minutes to compile for
        with backend(name) as module:
            results[name] = all_results(module, case if name == "numba" else guarded, unit=unit)
    first, expected = next(iter(results.items()))
    wrong = list(compiled_wrong)
    for name, found in results.items():
        wrong += differences(f"{name} against {first}", found, expected)
    return Outcome((*kinds, f"against {first}"), tuple(wrong))


def _affinity(number: int) -> Outcome:
    """The same for the kernels of affinity."""
    wrong: list[str] = []
    kinds = ["affinity"]
    for call in calls_of_affinity(np.random.default_rng([number, 78])):
        expected = call.copy()
        expected.run(reference())
        for name in backend_names():
            if name == "numba":
                continue
            found = call.copy(all_at_the_end)
            with backend(name) as module:
                found.run(module)
            wrong += differences(f"{call.kernel} on {name}", found.arrays(), expected.arrays())
    return Outcome(tuple(kinds), tuple(wrong))


def compile_with_numba() -> None:
    """Have Numba compile what the processes of the fuzzer will find on disk."""
    if "numba" in backend_names():
        os.environ["COUPONRY_FUZZ_NUMBA"] = "1"
        for made in make_case(1), constrained_case(1):
            all_results(load("numba").kernels, made)


if __name__ == "__main__":
    compile_with_numba()
    sys.exit(main("tests.fuzz.kernels", __doc__ or ""))
