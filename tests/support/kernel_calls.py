"""One good call of every native kernel, its arrays by name, and the same call with one of them spoilt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from tests.support.change_cases import (
    grouped,
    last_steps,
    loss_weights,
    near_changes,
    price_steps,
    room_for,
    step_model,
    step_search,
)
from tests.support.constraint_cases import compiled_constraints, constrained_case, random_spec
from tests.support.exchange_cases import open_rows, rooms_of, row_moves
from tests.support.kernel_cases import (
    UNIT,
    Case,
    activity_of,
    evaluated,
    local_search,
    make_case,
    nobody_waits,
    nothing_cut,
    reference,
)
from tests.support.late_cases import late_case
from tests.support.row_cases import with_rows
from tests.support.score_calls import (
    begun_arguments,
    features_arguments,
    response_arguments,
)
from tests.support.undecided_cases import listed
from tests.support.undecided_cases import room_for as room_for_undecided

from couponry.engines.exchanges import room_for_moves
from couponry.kernels import FILL, REPAIR, Changes, ListedMoves, LocalSearch, Packing
from couponry.kernels.affinity_contract import (
    MOST_LEAVES,
    Bought,
    Chosen,
    Eligible,
    Factors,
    GroupedStates,
    Kinds,
    Links,
    OfferScoring,
    Pairs,
    Trees,
)
from couponry.kernels.purchases_contract import (
    NO_ITEM,
    ZERO_PERIOD,
    GivenPurchases,
    GroupedRows,
    PurchaseBounds,
    PurchaseColumns,
    PurchaseRows,
    TextTable,
)
from couponry.kernels.scores_contract import PairOdds

Array = NDArray[Any]


class Call(NamedTuple):
    """A kernel's arguments by name; arrays stand in them, in tuples, or in tuples of tuples."""

    kernel: str
    arguments: dict[str, Any]

    def run(self, module: Any) -> Any:
        """Call the kernel of a module."""
        return getattr(module, self.kernel)(**self.arguments)

    def arrays(self) -> dict[str, Array]:
        """All arrays by their paths, such as ``search.rows.ptr``."""
        return dict(_arrays(self.arguments.items(), ""))

    def copy(self, copy: Callable[[Any], Any] | None = None) -> Call:
        """The same call with copies of all arrays, or with what `copy` makes of each argument that holds arrays."""
        if copy is None:
            return self.with_array("", None)
        return Call(self.kernel, {name: copy(value) for name, value in self.arguments.items()})

    def with_argument(self, name: str, value: Any) -> Call:
        """The same call with another argument, and copies of all arrays."""
        return Call(self.kernel, self.copy().arguments | {name: value})

    def with_array(self, path: str, array: Any) -> Call:
        """The same call with another array in one place, and copies in all others."""
        arguments = {
            name: _replaced(value, name, path, array) for name, value in self.arguments.items()
        }
        return Call(self.kernel, arguments)


def _arrays(named: Any, prefix: str) -> Iterator[tuple[str, Array]]:
    for name, value in named:
        if isinstance(value, np.ndarray):
            yield prefix + name, value
        elif hasattr(value, "_asdict"):
            yield from _arrays(value._asdict().items(), f"{prefix}{name}.")


def _replaced(value: Any, at: str, path: str, array: Any) -> Any:
    if at == path:
        return array
    if hasattr(value, "_asdict"):
        fields = value._asdict().items()
        return type(value)(
            *(_replaced(field, f"{at}.{name}", path, array) for name, field in fields)
        )
    return value.copy() if isinstance(value, np.ndarray) else value


def calls() -> dict[str, Call]:
    """A call of every kernel that has arrays, by the kernel's name."""
    made = [*_of_candidates(), *_of_constraints(), *_of_choices(), *_of_affinity()]
    return {call.kernel: call for call in made}


def _case() -> Case:
    return constrained_case(
        0, customers=12, longest=40, attributes=2, segments=2, items=60, rules=2, upper=5, rows=4
    )


def _of_candidates() -> Iterator[Call]:
    random = np.random.default_rng(1)
    item = random.integers(0, 9, 50).astype(np.uint16)
    values = random.normal(size=50)
    low, high = np.full(9, np.inf), np.full(9, -np.inf)
    reference().span(item, values, low, high)
    yield Call("span", {"item": item, "values": values, "low": low, "high": high})
    into = {"quantity": np.zeros(50, np.uint16), "fine": np.zeros(50, np.uint8)}
    errors = {"error": np.zeros(9), "fine_error": np.zeros(9)}
    step = (high - low) / 65535
    yield Call(
        "quantise", {"item": item, "values": values, "low": low, "step": step, **into, **errors}
    )
    runs = {"begin": np.array([30, 2, 31, 2, 47]), "ptr": np.array([0, 4, 9, 12, 14, 17])}
    yield Call(
        "copy_runs",
        {
            "source": random.integers(0, 256, (50, 2), dtype=np.uint8),
            **runs,
            "start": 0,
            "stop": 5,
            "out": np.zeros((17, 2), np.uint8),
        },
    )
    rows = np.unique(random.integers(0, [9, 30], (60, 2)), axis=0)  # by customer, then by offer
    number = np.full(33, -1, np.int32)
    number[3:] = random.permutation(30)
    offer = np.zeros(len(rows), np.uint16)
    ids = {"ids": rows[:, 1] - 4, "least": -7}
    yield Call("number_offers", {**ids, "number": number, "offer": offer})
    columns = {"customer": rows[:, 0].copy(), "offer": rows[:, 1].astype(np.uint16)}
    yield Call("find_customers", {**columns, "start": np.zeros(len(rows), np.int64)})
    columns = {name: column[::-1].copy() for name, column in columns.items()}
    yield Call("find_stretches", {**columns, "begin": np.zeros(len(rows) + 1, np.int64)})
    columns["customer"] = columns["customer"].astype(np.int64)
    places = {name: np.zeros(len(rows), np.int64) for name in ("order", "start", "stretch")}
    begin = {"begin": np.arange(len(rows) + 1)}
    yield Call("order_stretches", {**columns, **begin, **places})
    yield Call("find_outside", {"values": values, "low": -1.0, "high": 9.0})
    yield _pricing(_case())
    key = random.integers(0, 2**64, 8 + 3, dtype=np.uint64)
    words = random.integers(0, 2**64, 3 * 8, dtype=np.uint64)
    yield Call("hash_blocks", {"words": words, "key": key, "out": np.zeros((3, 4), np.uint64)})


def _pricing(case: Case) -> Call:
    random = np.random.default_rng(2)
    n, items = len(case.shard.item), case.price.shape[2]
    exact = random.random((2, n))
    low = np.where(random.random((2, items)) < 0.1, np.inf, 0.0)
    high = np.where(np.isfinite(low), 0.9, -np.inf)
    return Call(
        "price_candidates",
        {
            "shard": case.shard,
            "exact": exact,
            "packing": Packing(low, high, np.full((2, items), 0.9 / 65535), np.arange(2)),
            "price": case.price,
            "reduced": case.reduced,
            "start": 0,
            "stop": case.customers,
            "quantity": np.full((2, n), 7, np.uint16),
            "value": np.zeros(n, np.float32),
            "beyond": np.full(n, 7, np.uint8),
        },
    )


def _of_constraints() -> Iterator[Call]:
    random = np.random.default_rng([1, 5])
    case = make_case(1, customers=8, longest=12, items=20, rules=1)
    spec = random_spec(random, case)
    while not (
        len(spec.conflict)
        and spec.held.size
        and len(spec.had)
        and len(spec.mandatory)
        and len(spec.rule)
    ):
        spec = random_spec(random, case)
    rows = np.random.default_rng(3)
    drawn = with_rows(rows, case, spec)
    while not (
        len(drawn.measures.of_candidate)
        and drawn.measures.held.size
        and len(drawn.requirements.met)
    ):
        drawn = with_rows(rows, case, spec)
    spec = drawn
    ptr, constraints = compiled_constraints(reference(), case, spec)
    arrays = {"indptr": case.shard.indptr, "item": case.shard.item, "spec": spec}
    yield Call(
        "compile_constraints",
        arrays | {"start": 0, "stop": 8, "ptr": ptr, "constraints": constraints},
    )


def _of_choices() -> Iterator[Call]:
    case = _case()
    n = case.customers
    usage, chosen = evaluated(reference(), case)
    shard, rules, price = case.shard, case.rules, case.price
    who = {"start": 0, "stop": n}
    both = {"shard": shard, "rules": rules}
    yield Call("noise", {"shard": shard, "seed": 1, **who, "out": np.zeros(len(chosen), np.uint16)})
    cut = {"unit": UNIT, "cut": nothing_cut()}
    yield Call(
        "evaluate",
        {**both, "price": price, "seed": 1, **who, "usage": usage, "chosen": chosen, **cut},
    )
    yield Call("decide", {"late": late_case(1, case), "start": 0, "stop": n})
    threshold = np.ones((3, 2, *price.shape[1:]), np.float32)
    fine, total = np.ones((2, len(chosen)), np.uint8), np.zeros((2, *price.shape[1:]), np.int64)
    bits = np.packbits(chosen, bitorder="little")
    given = {**both, "price": price, **who, "bits": bits, "threshold": threshold, "fine": fine}
    counted = {"usage": usage, "fine_usage": total, "is_free": np.zeros(n, np.uint8)}
    yield Call("fix_choices", {**given, **counted, "chosen": np.zeros(len(chosen), np.uint8)})
    yield from _of_undecided(case, chosen)
    out = {"partner": np.zeros(len(chosen), np.int64), "loss": np.zeros(len(chosen), np.float32)}
    yield Call("alternatives", {**both, "price": price, "chosen": chosen, **who, **out})
    instead = np.zeros((int(chosen.sum()), 2), np.uint8)
    listed = {"rank": np.zeros(len(chosen), np.uint8), "instead": instead}
    value = np.round(np.random.default_rng(3).normal(size=len(chosen)), 1)
    yield Call("backups", {**both, "value": value, "chosen": chosen, "seed": 1, **who, **listed})
    yield from _of_changes(case, chosen)
    exact = {"exact": case.exact, "reduced": case.reduced}
    seeded = {"seed": 1, **who}
    yield Call(
        "regret", {**both, **exact, "chosen": chosen, **seeded, "out": np.zeros(len(chosen))}
    )
    sums = {"exact": case.exact, "chosen": chosen, **who, "usage": np.zeros(case.reduced.shape)}
    yield Call("sum_choice", {"shard": shard, **sums})
    yield Call("choose_exactly", {**both, **exact, **seeded, "chosen": chosen, **cut})
    search = local_search(case, REPAIR, activity_of(case, chosen), chosen)
    everybody = np.arange(n)
    moves = nobody_waits(everybody, n)
    yield Call("propose", {**both, "search": search, "moves": nobody_waits(everybody, n), **who})
    filling = local_search(case, FILL, search.activity.copy(), chosen.copy())
    reference().propose(shard, rules, filling, moves, 0, n)
    reference().make_moves(shard, rules, filling, moves, 3, True)
    given = {**both, "search": filling, "moves": moves}
    yield Call("make_moves", {**given, "looks": 50, "in_rounds": False})
    yield from _of_exchanges(both, who, search)


def _of_exchanges(both: dict[str, Any], who: dict[str, int], search: LocalSearch) -> Iterator[Call]:
    random = np.random.default_rng(4)
    rows = open_rows(random, len(search.activity))
    moves = ListedMoves(*(np.zeros_like(array) for array in room_for_moves(500)))
    listed = {"search": search, "open_rows": rows, **who, "moves": moves}
    yield Call("list_moves", {**both, **listed})
    given = {"moves": row_moves(random, 5, 9, 6), "rooms": rooms_of(random, 5), "width": 8}
    out = {"picked": np.zeros((5, 3), np.int64), "gained": np.zeros(5)}
    yield Call("find_exchanges", {**given, "start": 0, "stop": 5, **out})


def _of_changes(case: Case, chosen: Array) -> Iterator[Call]:
    random, shard, n = np.random.default_rng(3), case.shard, case.customers
    cells, quantities = case.price.shape[1:], len(shard.quantity)
    partner, loss = np.zeros(len(chosen), np.int64), np.zeros(len(chosen), np.float32)
    reference().alternatives(shard, case.rules, case.price, chosen, 0, n, partner, loss)
    theirs = {"shard": shard, "chosen": chosen, "loss": loss, "start": 0, "stop": n}
    weights = loss_weights(random, quantities, cells)
    count = np.zeros((2, *cells, 9), np.uint32)
    yield Call("count_losses", {**theirs, "weights": weights, "first_bin": 500, "count": count})
    near = near_changes(random, case.rows, quantities, cells)
    changes = room_for(shard, near, slice(0, n))
    rows = len(case.rows.lower)
    reach = np.zeros(rows, np.int64)
    listed = {"partner": partner, "near": near, "changes": changes, "reach": reach}
    yield Call("list_changes", {**theirs, **listed})
    moved = np.round(random.normal(size=6), 1)
    row = np.array([0, 1, 3, 1, 2, 0], np.int32)
    out = {"count": np.zeros(rows, np.int64), "column": np.zeros(16, np.int32)}
    some = Changes(np.array([0, 3, 3, 6]), row, moved)
    reach = np.array([4, 3, 2, 9] + [0] * (rows - 4))
    by_row, _ = grouped(reference(), some, reach)
    grouping = {"begins": np.zeros(rows + 1, np.int64), "products": np.zeros(rows, np.int64)}
    grouping |= {name: np.zeros(6, np.int64) for name in ("entry", "end")}
    yield Call(
        "group_changes", {"changes": some, "first": 0, "last": 3, "reach": reach, **grouping}
    )
    yield Call(
        "multiply_changes",
        {
            "changes": some,
            "by_row": by_row,
            "first": 0,
            "last": rows,
            **out,
            "product": np.zeros(16),
        },
    )
    half = {"half_column": np.array([1, 0, 3, 2], np.int32), "half_product": random.normal(size=4)}
    counts = np.array([2, 0, 2] + [0] * (rows - 3))
    whole = {"indptr": np.zeros(rows + 1, np.int64), "column": np.zeros(8, np.int32)}
    yield Call("mirror_products", {"count": counts, **half, **whole, "product": np.zeros(8)})
    named = dict(zip(("steps", "turned", "free", "slope"), last_steps(random, 9, 3), strict=True))
    yield Call("quasi_newton_step", {**named, "least_curvature": 1e-10, "step": np.zeros(9)})
    model, right, step = step_model(random, 9)
    solved = {"model": model, "right": right, "step": step}
    yield Call("minimise_model", {**solved, "tolerance": 1e-4, "steps": 30})
    within = {"gradient": random.normal(size=9), "search": step_search(random, 9, 8)}
    out_of_box = {"step": np.zeros(9), "promised": np.zeros(1)}
    yield Call("minimise_in_box", {"model": model, **within, **out_of_box})
    steps, activity = price_steps(random, 7, rows)
    paces = {"growth": 1.2, "shortening": 0.45, "longest_length": 1.5}
    moved = {"steps": steps, "activity": activity, "start": 0, "stop": 7}
    yield Call("move_prices", {**moved, **paces})


def _of_undecided(case: Case, chosen: Array) -> Iterator[Call]:
    bar = np.full(case.price.shape[1:], 0.3, np.float32)
    asked = {"shard": case.shard, "upper": case.rules.upper, "price": case.price, "chosen": chosen}
    found = room_for_undecided(case, 0, case.customers)
    who = {"start": 0, "stop": case.customers}
    yield Call("find_undecided", {**asked, "bar": bar, **who, "undecided": found})
    some = listed(reference(), case, chosen, bar, 0, case.customers)
    usage = np.zeros(bar.shape, np.int64)
    yield Call("choose_undecided", {"undecided": some, "price": -case.price[1], "usage": usage})


def _of_affinity() -> Iterator[Call]:
    yield from calls_of_affinity(
        np.random.default_rng(2), customers=5, items=7, offers=70, factors=3
    )


def calls_of_affinity(
    random: np.random.Generator,
    *,
    customers: int = -1,
    items: int = -1,
    offers: int = -1,
    factors: int = -1,
) -> Iterator[Call]:
    """Random purchases to be taken up, offers to be chosen of, and trees to be summed; -1: of any number."""
    pairs = int(random.integers(3, 9))
    ptr = _offsets(random.integers(1, 5, pairs))
    periods = [np.sort(random.choice(200, n, replace=False)) for n in np.diff(ptr)]
    period = np.concatenate(periods).astype(np.int32)
    bought = {
        "ptr": ptr,
        "period": period,
        "discounted": random.integers(0, 2, len(period)).astype(np.uint8),
        "spend": random.integers(0, 1_000, len(period)),
    }
    factor = random.random((200, 2)).astype(np.float32)
    yield Call("fold_purchases", {**bought, "factor": factor, "pairs": Pairs.new(pairs, 2)})
    yield from calls_of_purchases(random)
    customers = int(random.integers(1, 9)) if customers < 0 else customers
    items = int(random.integers(1, 40)) if items < 0 else items
    offers = int(random.choice([1, 63, 64, 65, 300, 20_000])) if offers < 0 else offers
    factors = int(random.choice([0, 1, 5])) if factors < 0 else factors
    chooser = _Chooser(random, customers, items, offers, factors)
    width = min(int(chooser.quota.sum()), offers)
    arguments = {"scoring": chooser.scoring(), "start": 0, "stop": customers}
    yield Call("best_offers", arguments | {"chosen": _room(customers, width)})
    yield likeliest_call(random, customers=customers, most=int(random.choice([5, 40, 150])))
    some = {"customers": customers, "items": items}
    yield Call("pair_features", features_arguments(random, **some))
    yield Call("score_begun", begun_arguments(random, **some, offers=30))
    yield Call("response_odds", response_arguments(random, customers=customers, offers=30))
    rows = int(random.choice([1, 63, 64, 65, 150]))
    yield trees_call(random, trees=int(random.integers(1, 5)), features=3, rows=rows)
    yield columns_call(random, features=int(random.integers(1, 5)), rows=rows)
    yield pair_odds_call(random, **some)


def calls_of_purchases(random: np.random.Generator) -> Iterator[Call]:
    """Purchases to be put into order and added up: ids near each other or far apart, few or many periods."""
    count, items = int(random.choice([1, 2, 30, 400])), int(random.choice([1, 7, 300]))
    first, periods = int(random.choice([-70, 1, 19_000])), int(random.choice([1, 9, 200, 100_000]))
    customer = random.integers(0, random.choice([1, 9, 200]), count) - random.choice([0, 3])
    if random.integers(2):
        customer *= 0x9E3779B97F4A7C1
    number = random.integers(0, items, count).astype(np.uint32)
    number[random.random(count) < 0.1] = NO_ITEM
    period = random.integers(first, first + periods, count).astype(np.int32)
    discounted = random.integers(0, 2, count).astype(np.uint8)
    spend = random.integers(-100, 1_000, count)
    columns = PurchaseColumns(customer, number, period, discounted, spend)
    empty = PurchaseRows(*(np.zeros_like(array) for array in PurchaseRows.new(count)))
    yield Call("order_purchases", {"columns": columns, "rows": empty})
    shift = max((int(customer.max()) - int(customer.min())).bit_length() - 5, 0)
    least = int(customer.min() >> shift)
    starts = _offsets(np.bincount((customer >> shift) - least))
    narrow = customer.min() >= 0 and customer.max() < 2**32
    placed = empty._replace(
        customer=np.zeros(count, np.uint32 if narrow else np.int64),
        spend=np.zeros(count, random.choice([np.int32, np.int64])),
    )
    arguments = {"columns": columns, "shift": shift, "least": least, "place": starts[:-1].copy()}
    unpaid = placed._replace(
        **{name: np.zeros_like(getattr(placed, name)) for name in ("customer", "bought")}
    )
    few = columns._replace(number=number & 0xFFFF, period=period & 0x7FFF)
    unpaid = unpaid._replace(bought=np.zeros(count, np.uint32), spend=placed.spend[:0].copy())
    small = {**arguments, "columns": few, "place": starts[:-1].copy(), "rows": unpaid}
    yield Call("place_purchases", small)
    yield Call("place_purchases", arguments | {"rows": placed})
    yield Call("gather_purchases", gathered(columns, placed, shift))
    when = (period.astype(np.int64) + ZERO_PERIOD) * 2 + discounted
    bought = number.astype(np.uint64) << np.uint64(32) | when.astype(np.uint64)
    rank = random.integers(0, random.choice([items, 2**32 - 2]), items).astype(np.uint32)
    arguments = {"rows": PurchaseRows(customer, bought, spend), "rank": rank}
    arguments |= {"first": first, "last": first + periods - 1}
    room = GroupedRows(*(np.zeros_like(array) for array in GroupedRows.new(count)))
    yield Call("group_purchases", arguments | {"grouped": room})
    if count == 30:
        arguments |= {"rows": PurchaseRows(customer, bought, spend[:0])}
    yield from calls_of_texts(random)
    yield from calls_of_given_purchases(columns, shift, least)
    half_lives = 1 + count % 5  # drawn from nothing: whoever draws next draws as before
    factor = np.linspace(1.0, 0.01, periods * half_lives).reshape(-1, half_lives).astype(np.float32)
    states = GroupedStates.new(count, half_lives)
    states = states._replace(
        pairs=Pairs.new(count, half_lives), trips=Pairs.new(count, half_lives),
        **{name: np.zeros_like(getattr(states, name)) for name in ("customer", "n_pairs", "item")},
    )  # fmt: skip
    yield Call("group_states", arguments | {"factor": factor, "grouped": states})
    late = np.array([first + periods - 1 - periods // 2, first + periods], np.int64)
    counting = {"factor": factor, "until": first + periods - 1, "late": late}
    few = rank % np.uint32(items)
    there = 1 + int(few[number[number != NO_ITEM]].max(initial=0))
    counting |= {"rank": few, "counts": np.zeros((there, 4 + half_lives + 2 * len(late)))}
    counting |= {"customers": np.ones(1, np.int64)}
    yield Call("count_purchases", arguments | counting)


def gathered(columns: PurchaseColumns, placed: PurchaseRows, shift: int) -> dict[str, Any]:
    """Rows that lie in three places of a run; their types, and whether what was paid is held or asked for, differ."""
    count = len(columns.customer)
    narrow = shift % 2 == 0
    word = columns.number.astype(np.uint64) << np.uint64(32) | columns.period.astype(np.uint64)
    held = PurchaseRows(
        columns.customer.astype(placed.customer.dtype),
        word.astype(np.uint32) if narrow else word,
        columns.spend.astype(placed.spend.dtype)[: count if count % 4 else 0],
    )
    start = np.array([count // 2, 0, count // 3])
    stop = np.array([count, count // 2, count // 2])
    rows = PurchaseRows(*(np.zeros_like(array) for array in PurchaseRows.new(2 * count + 1)))
    rows = rows._replace(spend=rows.spend[: len(rows.spend) if count != 30 else 0])
    return {"held": held, "start": start, "stop": stop, "at": 1, "rows": rows}


def calls_of_given_purchases(columns: PurchaseColumns, shift: int, least: int) -> Iterator[Call]:
    """The same purchases as they may lie in a table: returns among them, later periods, types of any width."""
    count = len(columns.customer)
    some = np.arange(count)
    product = columns.number % np.uint32(127)
    amounts: list[Array] = [
        (some % 4).astype([np.int8, np.uint8, np.int64, np.float32][count % 4]),
        (columns.spend / 7).astype([np.float64, np.float32][count % 2]),
        columns.discounted.astype([np.uint16, np.float64][count % 2]) * 2,
    ]
    if count == 2:
        amounts = [amount[:0] for amount in amounts]
    given = GivenPurchases(columns.customer, product, columns.period.astype(np.int64), *amounts)
    until = int(np.median(columns.period)) if count % 3 else 2**62
    bounds = PurchaseBounds(127, until, 3.0, 1e9, 2.0)
    if count == 30:
        bounds = bounds._replace(spend=float(np.abs(given.spend).max()) / 2)
    empty = PurchaseColumns(*(np.zeros_like(array) for array in PurchaseColumns.new(count)))
    arguments = {
        "given": given,
        "bounds": bounds,
        "columns": empty,
        "seen": np.zeros(127, np.uint8),
    }
    yield Call("take_purchases", arguments | {"found": np.zeros(9, np.int64)})
    ranges = np.zeros(int(columns.customer.max() >> shift) - least + 1, np.int64)
    arguments = {"customer": columns.customer, "shift": shift, "least": least, "count": ranges}
    yield Call("count_ranges", arguments)
    yield Call("hash_numbers", {"number": columns.customer, "out": np.zeros(count, np.uint64)})


def calls_of_texts(random: np.random.Generator) -> Iterator[Call]:
    """Texts that a table has, or to which they are added; some are empty, many the same, and hashes often meet."""
    count, some = int(random.choice([1, 5, 90])), int(random.choice([1, 4, 200]))
    letters = random.integers(97, 99, 9 * some).astype(np.uint8)
    length = random.integers(0, 9, some)
    texts = [letters[9 * k : 9 * k + length[k]] for k in random.integers(0, some, count)]
    given = {"end": _offsets([len(text) for text in texts]), "data": np.concatenate(texts)}
    hashed = np.zeros(count, np.uint64)
    yield Call("hash_texts", given | {"out": hashed})
    reference().hash_texts(*given.values(), hashed)
    hashed &= random.choice(np.array([2**64 - 1, 2**32 - 1, 3, 1 << 63], np.uint64))
    adds, first = int(random.integers(2)), count // 2
    table = TextTable(
        np.zeros(1, np.int64), np.zeros(1 << count.bit_length() + 1, np.uint64),
        np.zeros(2 * count + 1, np.int64), np.zeros(2 * len(given["data"]), np.uint8),
    )  # fmt: skip
    number = np.full(count, -1)
    known = (given["end"][: first + 1], given["data"], hashed[:first], table, number[:first].copy())
    reference().number_texts(*known, 1)
    there = int(table.known[0])
    room = there + adds * count, int(table.end[there]) + adds * len(given["data"])
    table = table._replace(end=table.end[: room[0] + 1].copy(), data=table.data[: room[1]].copy())
    arguments = {**given, "hashed": hashed, "table": table, "number": number, "adds": adds}
    yield Call("number_texts", arguments)


def likeliest_call(random: np.random.Generator, *, customers: int, most: int) -> Call:
    """Offers that were chosen for customers, many of them with the same score."""
    number = random.integers(0, most + 1, customers).astype(np.int32)
    number[0] += 1
    offers = int(number.sum())
    chosen = Chosen(
        number=number,
        offer=random.integers(0, 99, offers).astype(np.int32),
        role=random.integers(0, 3, offers).astype(np.uint8),
        score=random.integers(-4, 5, offers).astype(np.float32),
    )
    quota = random.integers(0, most // 2 + 1, 3).astype(np.int32)
    return Call("keep_likeliest", {"quota": quota, "chosen": chosen})


def trees_call(random: np.random.Generator, *, trees: int, features: int, rows: int) -> Call:
    """Trees of 1 to 32 leaves and any shape, and rows that often meet thresholds; some values are no numbers."""
    leaves = random.integers(1, MOST_LEAVES + 1, trees)
    leaves[0] = MOST_LEAVES
    masks = [mask for n in leaves for mask in _masks(random, 0, int(n))]
    ptr = _offsets(leaves - 1)
    ensemble = Trees(
        ptr=ptr,
        feature=random.integers(0, features, ptr[-1]).astype(np.int32),
        threshold=random.integers(-5, 6, ptr[-1]).astype(np.float32),
        mask=np.array(masks, np.uint32),
        value=random.normal(size=(trees, MOST_LEAVES)),
    )
    columns = random.integers(-6, 7, (features, rows)).astype(np.float32)
    columns.ravel()[:3] = np.array([np.nan, np.inf, -np.inf])[: columns.size]
    return Call(
        "score_trees", {"trees": ensemble, "columns": columns, "out": random.normal(size=rows)}
    )


def pair_odds_call(random: np.random.Generator, **some: Any) -> Call:
    """Pairs as `features_arguments` makes them, and a model of as many features, with trees or without."""
    arguments = features_arguments(random, **some)
    features, pairs = arguments["out"].shape
    model = PairOdds.linear(float(random.normal()), random.normal(size=features))
    if random.integers(4):
        call = trees_call(random, trees=int(random.integers(1, 5)), features=features, rows=1)
        model = model._replace(trees=call.arguments["trees"])
    return Call("pair_log_odds", {**arguments, "model": model, "out": np.zeros(pairs)})


def columns_call(random: np.random.Generator, *, features: int, rows: int) -> Call:
    """Features of rows and their weights, of any size."""
    columns = (random.normal(size=(features, rows)) * 9.0).astype(np.float32)
    weight, out = random.normal(size=features), random.normal(size=rows)
    return Call("add_columns", {"columns": columns, "weight": weight, "out": out})


def _masks(random: np.random.Generator, first: int, leaves: int) -> Iterator[int]:
    """Masks of the inner nodes of a random tree, the leaves of which are numbered from `first` on."""
    if leaves > 1:
        left = int(random.integers(1, leaves))
        yield 0xFFFFFFFF ^ (((1 << left) - 1) << first)
        yield from _masks(random, first, left)
        yield from _masks(random, first + left, leaves - left)


def _offsets(lengths: Array) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _room(customers: int, width: int) -> Chosen:
    """Room for offers, in which zeros are, so that what is not written is the same everywhere."""
    return Chosen(*(np.zeros_like(array) for array in Chosen.new(customers, width)))


class _Chooser:
    """Random purchases, links and kinds, for a choice of offers."""

    def __init__(
        self, random: np.random.Generator, customers: int, items: int, offers: int, factors: int
    ):
        self.random, self.customers, self.items, self.offers = random, customers, items, offers
        self.factors = factors
        self.quota = random.choice([1, 2, 4, 9, 70], 3).astype(np.int32)

    def _links(self) -> Links:
        ptr = _offsets(self.random.integers(1, 1 + min(self.offers, 60), self.items))
        rows = [np.sort(self.random.choice(self.offers, n, replace=False)) for n in np.diff(ptr)]
        values = np.round(self.random.normal(size=int(ptr[-1])), int(self.random.integers(0, 4)))
        return Links.new(ptr, np.concatenate(rows).astype(np.int32), values.astype(np.float32))

    def _some_offers(self, lists: int) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        ptr = _offsets(self.random.integers(1, 1 + min(self.offers, 40), lists))
        rows = [np.sort(self.random.choice(self.offers, n, replace=False)) for n in np.diff(ptr)]
        return ptr, np.concatenate(rows).astype(np.int32)

    def _products(self) -> Factors:
        if not self.factors:
            return Factors.none()
        customer = self.random.normal(size=(self.customers, self.factors)).astype(np.float32)
        offer = self.random.normal(size=(self.factors, self.offers)).astype(np.float32)
        return Factors(np.round(customer), np.round(offer, 1))

    def scoring(self) -> OfferScoring:
        """What the kernel is given."""
        random = self.random
        indptr = _offsets(random.integers(1, 9, self.customers))
        weights = random.random((2, int(indptr[-1]))).astype(np.float32)
        return OfferScoring(
            bought=Bought(
                indptr, random.integers(0, self.items, indptr[-1]).astype(np.uint32), *weights
            ),
            similar=self._links(),
            own=self._links(),
            kinds=Kinds(random.integers(-1, 3, self.items).astype(np.int32), *self._some_offers(3)),
            offers=self.offers,
            prior=random.random(self.offers).astype(np.float32),
            factors=self._products(),
            eligible=Eligible(*self._some_offers(self.customers)),
            quota=self.quota,
            above=np.float32(random.choice([-1.0, 0.0, 0.5])),
        )


def wrong_arrays(array: Array) -> dict[str, Any]:
    """What is no array of the same make: another type, another number of axes, not side by side, not aligned."""
    if array.size == 0:
        return {}
    buffer = np.zeros(array.nbytes + 1, np.uint8)
    unaligned = buffer[1:].view(array.dtype).reshape(array.shape)
    unaligned[...] = array
    wrong: dict[str, Any] = {
        "another type": np.zeros(array.shape, np.float16),
        "text": np.zeros(array.shape, "U1"),
        "one axis more": array[np.newaxis],
        "nothing": None,
    }
    if array.shape[-1] > 1:
        wrong["not side by side"] = np.repeat(array, 2, axis=-1)[..., ::2]
        wrong["backwards"] = np.ascontiguousarray(array[..., ::-1])[..., ::-1]
    if array.dtype.itemsize > 1:
        wrong["other byte order"] = array.astype(array.dtype.newbyteorder())
        wrong["not aligned"] = unaligned
    return wrong
