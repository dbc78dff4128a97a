"""Random shards, rules and limit rows for the kernel tests, and the backends that they are tried on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.change_cases import changed
from tests.support.exchange_cases import exchanged

from couponry import kernels
from couponry.kernels import FILL, REPAIR, LimitRows, LocalSearch, Moves, Rules, Shard

NOBODY_ASKS = np.empty(0, np.uint8)
UNIT = -20  # power of two in which what is cut off is counted


def backend_names() -> list[str]:
    """Every compiled backend that runs here; the native one once per instruction set."""
    names = []
    found = kernels.available()
    if found["native"] == "yes":
        names += [f"native {name}" for name in native().instruction_sets()]
    if found["numba"] == "yes":
        names.append("numba")
    return names


def native_names() -> list[str]:
    """The native backend, once per instruction set; none where it was not built."""
    return [name for name in backend_names() if name.startswith("native")]


def native() -> Any:
    return kernels.load("native").kernels


def reference() -> ModuleType:
    return kernels.load("reference").kernels


@contextmanager
def backend(name: str) -> Iterator[ModuleType]:
    """The kernels of `name`, running on its instruction set while the context lasts."""
    family, _, isa = name.partition(" ")
    module = kernels.load(family).kernels
    if not isa:
        yield module
        return
    before = native().instruction_set()
    native()._use_instruction_set(isa)
    try:
        yield module
    finally:
        native()._use_instruction_set(before)


every_backend = pytest.mark.parametrize("name", backend_names())
every_native = pytest.mark.parametrize("name", native_names())


@dataclass(frozen=True)
class Case:
    """Everything that the kernels about choices are given."""

    shard: Shard
    rules: Rules
    price: NDArray[np.float32]
    exact: NDArray[np.float64]
    reduced: NDArray[np.float64]
    objective: NDArray[np.float64]
    rows: LimitRows
    item_helps: NDArray[np.uint8]
    seed: int

    @property
    def customers(self) -> int:
        return len(self.shard.indptr) - 1


def make_case(
    seed: int,
    *,
    customers: int = 20,
    longest: int = 12,
    lengths: NDArray[np.int64] | None = None,
    attributes: int = 1,
    segments: int = 1,
    items: int = 30,
    rules: int = 0,
    wide: bool = False,
    ties: bool = False,
    same_bounds: bool = False,
    lower: int = 3,
    upper: int = 6,
    rows: int = 5,
) -> Case:
    """A random case; `ties` makes values few and exact, `lengths` says how many candidates each customer has."""
    random = np.random.default_rng(seed)
    if lengths is None:
        lengths = random.integers(0, longest + 1, customers)
    customers = len(lengths)
    indptr = np.zeros(customers + 1, np.int64)
    np.cumsum(lengths, out=indptr[1:])
    candidates = int(indptr[-1])
    items = max([items, *lengths.tolist()])
    rows_of_items = [np.sort(random.choice(items, n, replace=False)) for n in lengths]
    item_type: Any = np.uint32 if wide else np.uint16
    item = np.concatenate([np.empty(0, np.int64), *rows_of_items]).astype(item_type)

    quantity = random.integers(0, 4 if ties else 65536, (attributes, candidates), dtype=np.uint16)
    bounds = 1 if same_bounds else customers
    shard = Shard(
        first=int(random.integers(0, 2**40)),
        indptr=indptr,
        item=item,
        quantity=quantity,
        segment=random.integers(0, segments, bounds).astype(np.uint16),
        number=np.random.default_rng([seed, 1]).integers(0, 2**63, customers * (seed % 2)),
    )

    price = random.normal(size=(1 + attributes, segments, items))
    if ties:
        price = np.round(price)
        price[0][price[0] == 0] = -0.0
    else:
        price[1:] /= 65536
    return Case(
        shard=shard,
        rules=_nested_rules(random, items, rules, bounds, lower, upper),
        price=price.astype(np.float32),
        exact=quantity / 4.0 if ties else random.random((attributes, candidates)),
        reduced=np.round(random.normal(size=price.shape), 1 if ties else 9),
        objective=np.round(random.random(price.shape), 1 if ties else 9),
        rows=_rows(random, attributes, segments * items, customers, rows),
        item_helps=random.choice([0, 1, 2, 3, 3, 3], size=(segments, items)).astype(np.uint8),
        seed=int(random.integers(0, 2**32)),
    )


def _nested_rules(
    random: np.random.Generator, items: int, rules: int, bounds: int, lower: int, upper: int
) -> Rules:
    """At most two rules: groups of about six items, and groups of about two within each of them."""
    outer = np.arange(items) // 6
    inner = outer.max(initial=-1) + 1 + np.arange(items) // 2
    group = np.stack([outer, inner]).astype(np.int32)[:rules]
    group[:, random.random(items) < 0.1] = -1
    most = random.integers(0, upper + 1, bounds).astype(np.int32)
    return Rules(
        lower=random.integers(0, lower + 1, bounds).astype(np.int32),
        upper=most,
        group=np.ascontiguousarray(group),
        groups=int(group.max(initial=-1)) + 1,
        cap=random.integers(0, 4, (rules, bounds)).astype(np.int32),
    )


def _rows(
    random: np.random.Generator, attributes: int, cells: int, customers: int, count: int
) -> LimitRows:
    member = random.random((cells, count)) < 0.4
    ptr = np.zeros(cells + 1, np.int64)
    np.cumsum(member.sum(1), out=ptr[1:])
    upper = random.random(count) * customers
    lower = upper * random.choice([0.3, 0.9, 1.0], count)
    upper[random.random(count) < 0.2] = np.inf
    lower[random.random(count) < 0.2] = -np.inf
    soft = random.random(count) < 0.3
    return LimitRows(
        ptr=ptr,
        row=np.nonzero(member)[1].astype(np.int32),
        coefficient=np.round(random.random((int(ptr[-1]), 1 + attributes)) - 0.1, 3),
        lower=lower,
        upper=upper,
        weight=np.where(soft, 0.0, random.random(count) + 0.5),
        penalty=np.where(soft, random.random(count), 0.0),
    )


def activity_of(case: Case, chosen: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Each row's sum of weights over the chosen candidates."""
    activity = np.zeros(len(case.rows.lower))
    customer = np.repeat(np.arange(case.customers), np.diff(case.shard.indptr))
    items = case.price.shape[2]
    for e in np.flatnonzero(chosen):
        segment = case.shard.segment[customer[e] if len(case.shard.segment) > 1 else 0]
        cell = int(segment) * items + int(case.shard.item[e])
        for j in range(case.rows.ptr[cell], case.rows.ptr[cell + 1]):
            coefficient = case.rows.coefficient[j]
            activity[case.rows.row[j]] += coefficient[0] + coefficient[1:] @ case.exact[:, e]
    return activity


def evaluated(
    module: ModuleType,
    case: Case,
    start: int = 0,
    stop: int | None = None,
    *,
    ask: bool = True,
    unit: int = UNIT,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Usage and choice at the case's prices; what `evaluate` should not write holds 7."""
    usage = np.zeros(case.price.shape, np.int64)
    stop = case.customers if stop is None else stop
    begin, end = case.shard.indptr[[start, stop]]
    chosen = np.full(end - begin, 7, np.uint8) if ask else NOBODY_ASKS
    module.evaluate(
        case.shard,
        case.rules,
        case.price,
        case.seed,
        start,
        stop,
        usage,
        chosen,
        unit,
        nothing_cut(),
    )
    return usage, chosen


def nothing_cut() -> NDArray[np.int64]:
    """Where a pass adds what it cut off."""
    return np.zeros(2, np.int64)


def all_results(
    module: ModuleType, case: Case, looks: int = 50, unit: int = UNIT
) -> dict[str, Any]:
    """What every kernel about choices returns or writes."""
    usage, chosen = evaluated(module, case, unit=unit)
    regret = np.full(len(chosen), np.nan)
    module.regret(
        case.shard, case.rules, case.exact, case.reduced, chosen, case.seed, 0, case.customers, regret
    )  # fmt: skip
    exactly, cut = chosen.copy(), nothing_cut()
    module.choose_exactly(
        case.shard, case.rules, case.exact, case.reduced, case.seed, 0, case.customers, exactly,
        unit, cut,
    )  # fmt: skip
    module.evaluate(
        case.shard, case.rules, case.price, case.seed, 0, case.customers, usage.copy(), NOBODY_ASKS,
        unit, cut,
    )  # fmt: skip
    summed = np.zeros(case.reduced.shape)
    module.sum_choice(case.shard, case.exact, chosen, 0, case.customers // 2, summed)
    module.sum_choice(case.shard, case.exact, exactly, case.customers // 2, case.customers, summed)
    results = {
        "summed": summed,
        "usage": usage,
        "chosen": chosen.copy(),
        "exactly": exactly,
        "cut": cut,
        "regret": regret,
        **fixed(module, case, chosen, unit),
        **backed_up(module, case, chosen),
    }
    activity = activity_of(case, chosen)
    for mode, title in (REPAIR, "repair"), (FILL, "fill"):
        search = local_search(case, mode, activity, chosen)
        moves = proposed(module, case, search)
        results |= {f"{title} {name}": array.copy() for name, array in moves._asdict().items()}
        for in_rounds in True, False:  # the rest at once
            made = improved(module, case, search, moves, looks, in_rounds)
            results[f"{title} moves {in_rounds}"] = made
            results[f"{title} activity {in_rounds}"] = activity.copy()
        results |= {f"{title} {name} after": array for name, array in moves._asdict().items()}
        results[title] = chosen.copy()
    results |= exchanged(module, case.shard, case.rules, search, case.seed)
    return results


def fixed(module: Any, case: Case, chosen: NDArray[np.uint8], unit: int = UNIT) -> dict[str, Any]:
    """What the kernels about a choice that stands write, in two blocks."""
    random = np.random.default_rng(case.seed)
    threshold = np.round(np.abs(random.normal(size=(3, 2, *case.price.shape[1:]))) * 0.2, 1)
    threshold[random.random(threshold.shape) < 0.3] = -1.0
    is_free = np.full(case.customers, 7, np.uint8)
    of_free = np.full(len(chosen), 7, np.uint8)
    partner = np.full(len(chosen), 7)
    loss = np.full(len(chosen), 7, np.float32)
    fine = random.integers(0, 256, (2, len(chosen))).astype(np.uint8)
    usage, sums = [], np.zeros((2, *case.price.shape[1:]), np.int64)
    half = case.customers // 2
    for start, stop in (half, case.customers), (0, half):
        begin, end = case.shard.indptr[[start, stop]]
        block = case.shard, case.rules, case.price
        module.alternatives(
            *block, chosen[begin:end], start, stop, partner[begin:end], loss[begin:end]
        )
        of_block, best = evaluated(module, case, start, stop, unit=unit)
        module.fix_choices(
            *block, start, stop, np.packbits(best, bitorder="little"), threshold.astype(np.float32),
            fine[:, begin:end], of_block, sums, is_free[start:stop], of_free[begin:end],
        )  # fmt: skip
        usage.append(of_block)
    changes = changed(module, case, chosen, partner, loss)
    fixing = {"is_free": is_free, "fixed": sum(usage), "fine": sums, "of_free": of_free}
    return {**fixing, "partner": partner, "loss": loss, **changes}


def backed_up(module: Any, case: Case, chosen: NDArray[np.uint8]) -> dict[str, Any]:
    """The backups of a choice, in two blocks; values are drawn, some of them alike."""
    value = np.round(np.random.default_rng(case.seed + 1).normal(size=len(chosen)), 1)
    rank = np.full(len(chosen), 7, np.uint8)
    half, found = case.customers // 2, {}
    for start, stop in (half, case.customers), (0, half):
        coupons = int(chosen[slice(*case.shard.indptr[[start, stop]])].sum())
        instead = np.full((coupons, 3), 7, np.uint8)
        module.backups(case.shard, case.rules, value, chosen, case.seed, start, stop, rank, instead)
        found[f"instead from {start}"] = instead
    return {"rank": rank, **found}


def local_search(
    case: Case, mode: int, activity: NDArray[np.float64], chosen: NDArray[np.uint8]
) -> LocalSearch:
    """What a local search from a choice is given."""
    return LocalSearch(
        mode=mode,
        exact=case.exact,
        reduced=case.reduced,
        objective=case.objective,
        rows=case.rows,
        item_helps=case.item_helps,
        activity=activity,
        chosen=chosen,
    )


def nobody_waits(aside: NDArray[np.int64], customers: int) -> Moves:
    """No moves, and these customers put aside."""
    nothing, nobody = np.full(customers, -1), np.zeros(customers, np.int64)
    moves = Moves(
        np.full(customers, np.inf),
        nothing,
        nothing.copy(),
        nobody,
        nobody.copy(),
        np.zeros(2, np.int64),
    )
    moves.aside[: len(aside)] = aside
    moves.counts[1] = len(aside)
    return moves


def proposed(module: Any, case: Case, search: LocalSearch) -> Moves:
    """The best moves of most customers, in two blocks."""
    everybody = np.arange(case.customers)
    moves = nobody_waits(everybody[everybody % 7 != 3], case.customers)
    some = int(moves.counts[1]) // 3
    for start, stop in (some, moves.counts[1]), (0, some):
        module.propose(case.shard, case.rules, search, moves, start, stop)
    return moves


def improved(
    module: Any, case: Case, search: LocalSearch, moves: Moves, looks: int, in_rounds: bool
) -> int:
    """Moves made in slices that pick up where the last one stopped, until there is none; in rounds if `in_rounds`."""
    total, rounds = 0, 0
    while moves.counts.any() and rounds < 200:
        if rounds:
            module.propose(case.shard, case.rules, search, moves, 0, int(moves.counts[1]))
        made, looked, _ = module.make_moves(case.shard, case.rules, search, moves, looks, in_rounds)
        total, rounds = total + made, rounds + 1
        assert looked <= looks
    return total


def assert_same(found: Any, expected: Any) -> None:
    """Bit for bit, not just close: arrays, or dictionaries of arrays and numbers."""
    if isinstance(expected, dict):
        for key, value in expected.items():
            assert np.asarray(found[key]).tobytes() == np.asarray(value).tobytes(), key
    else:
        assert found.dtype == expected.dtype and found.tobytes() == expected.tobytes()
