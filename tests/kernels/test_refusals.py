"""Native kernels refuse what leads out of their arrays, whoever calls, and have changed nothing then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tests.support.kernel_calls import Array, Call, calls, wrong_arrays
from tests.support.kernel_cases import backend, every_native, native, reference

from couponry.kernels import available, load

pytestmark = pytest.mark.skipif(available()["native"] != "yes", reason="needs the native kernels")

CALLS = calls()
every_kernel = pytest.mark.parametrize("kernel", CALLS)

MAY_BE_SHORTER = {  # ends of paths, which the kernels named do not read, or which may be as long as they like
    "scoring.similar.offer", "scoring.similar.value", "scoring.own.offer", "scoring.own.value",  # `pair` is read
    "noise shard.quantity", "regret shard.quantity", "choose_exactly shard.quantity", "sum_choice shard.quantity",
    "propose shard.quantity", "make_moves shard.quantity", "price_candidates shard.quantity",
    "list_moves shard.quantity", "backups shard.quantity", "backups shard.segment",
    "backups instead",  # as many backups as one likes; coupons are counted: see test_room_for_other_coupons
    "shard.given_at", "shard.given_value",  # empty, as nothing is given
    "decide late.shard.quantity", "late.shard.number", "late.shard.given_at", "late.shard.given_value",
    "late.rules.constraint_ptr",
    "shard.number",  # empty: customers' numbers follow from the first one's
    "evaluate chosen",  # empty: nobody asks
    "compile_constraints constraints",  # what it has room for is made
    "compile_constraints spec.held_ptr", "compile_constraints spec.conflict_ptr",
    "compile_constraints spec.had_ptr", "compile_constraints spec.mandatory",
    "compile_constraints spec.measures.held_ptr", "compile_constraints spec.requirements.ptr",
    "compile_constraints spec.requirements.met_ptr",
    "rules.constraint_ptr", "scoring.prior", "scoring.eligible.ptr",  # empty: there is nothing of it
    "factor", "threshold", "scoring.kinds.ptr", "rank",
    "multiply_changes column", "multiply_changes product",  # room, of which too little is found out late
    "mirror_products column", "mirror_products product",
    "multiply_changes by_row.begins",  # as many parts as one likes
    "list_changes changes.ptr", "list_changes changes.row", "list_changes changes.moved",
    "count_losses count",  # as many decisions and bins as one likes
    "number_offers number", "find_outside values",
    "pair_features readings.factor", "pair_log_odds readings.factor", "response_odds tables.shift",
    "take_purchases given.quantity", "take_purchases given.spend", "take_purchases given.discount",
    "take_purchases seen", "count_ranges customer",
    "place_purchases rows.spend", "group_purchases rows.spend", "group_states rows.spend",  # empty: nothing was paid
    "count_purchases rows.spend", "gather_purchases rows.spend", "gather_purchases held.spend",
}  # fmt: skip

COUNTED = {  # arrays of numbers that count in another array: the first number beyond it
    "noise": {"shard.indptr": 10**6},
    "span": {"item": 9},
    "quantise": {"item": 9},
    "copy_runs": {"begin": 48, "ptr": 18},
    "number_offers": {"number": 2**16},
    "price_candidates": {
        "shard.indptr": 10**6, "shard.item": 60, "shard.segment": 2,
    },
    "compile_constraints": {
        "indptr": 10**6, "item": 20, "spec.group": 10**6, "spec.held_ptr": 10**6, "spec.had_ptr": 10**6,
        "spec.had": 20, "spec.conflict_ptr": 10**6, "spec.conflict": 20,
        "spec.measures.set": 10**6, "spec.measures.measure": 10**6, "spec.measures.candidate_row": 10**6,
        "spec.measures.held_ptr": 10**6, "spec.requirements.ptr": 10**6, "spec.requirements.scope": 10**6,
        "spec.requirements.item_ptr": 10**6, "spec.requirements.item": 10**6, "spec.requirements.met_ptr": 10**6,
    },
    "fold_purchases": {"ptr": 10**6, "period": 10**6},
    "best_offers": {
        "scoring.bought.indptr": 10**6, "scoring.bought.item": 7, "scoring.similar.ptr": 10**6,
        "scoring.own.ptr": 10**6, "scoring.similar.pair": 70,
        "scoring.own.pair": 70, "scoring.kinds.item": 3, "scoring.kinds.ptr": 10**6,
        "scoring.kinds.offer": 70, "scoring.eligible.ptr": 10**6, "scoring.eligible.offer": 70,
    },
    "order_purchases": {"columns.period": 2**30},
    "place_purchases": {"columns.customer": 2**60, "columns.period": 2**30, "place": 10**6},
    "gather_purchases": {"start": 10**6, "stop": 10**6},
    "group_purchases": {"rows.bought": 10**6 << 32},
    "group_states": {"rows.bought": 10**6 << 32},
    "count_purchases": {"rows.bought": 10**6 << 32},
    "count_ranges": {"customer": 2**62},
    "keep_likeliest": {"chosen.number": 10**6, "chosen.role": 3},
    "hash_texts": {"end": 10**6},
    "number_texts": {"end": 10**6, "table.known": 10**6},
    "pair_features": {
        "readings.indptr": 10**6, "readings.item": 7, "asked": 10**6, "numbers.row": 7, "numbers.half_life": 4,
        "near.column": 10**6,
    },
    "pair_log_odds": {
        "readings.indptr": 10**6, "readings.item": 7, "asked": 10**6, "numbers.row": 7, "numbers.half_life": 4,
        "near.column": 10**6, "model.trees.ptr": 10**6, "model.trees.feature": 10**6,
    },
    "score_begun": {
        "indptr": 10**6, "item": 7, "tables.of_items": 9, "tables.of_offers": 9, "chosen.offer": 30, "chosen.role": 3,
    },
    "response_odds": {"chosen.offer": 30, "chosen.role": 3},
    "score_trees": {"trees.ptr": 10**6, "trees.feature": 3},
    "count_losses": {
        "shard.indptr": 10**6, "shard.item": 60, "shard.segment": 2, "chosen": 2, "weights.quantity": 2,
    },
    "list_changes": {
        "shard.indptr": 10**6, "shard.item": 60, "shard.segment": 2, "chosen": 2, "near.ptr": 10**6, "near.row": 4,
    },
    "group_changes": {"changes.ptr": 10**6, "changes.row": 4},
    "multiply_changes": {
        "changes.ptr": 10**6, "changes.row": 4, "by_row.begins": 10**6, "by_row.entry": 10**6, "by_row.end": 10**6,
    },
    "mirror_products": {"count": 10**6, "half_column": 4},
    "quasi_newton_step": {"free": 2},
    "minimise_model": {"model.indptr": 10**6, "model.column": 9, "model.free": 2},
    "minimise_in_box": {"model.indptr": 10**6, "model.column": 9},
    "move_prices": {"steps.row": 10**6},
    "find_undecided": {"shard.indptr": 10**6, "shard.item": 60, "shard.segment": 2, "chosen": 2},
    "choose_undecided": {"undecided.segment": 2, "undecided.ptr": 10**6, "undecided.item": 60},
}  # fmt: skip
COUNTED["decide"] = {
    "late.shard.indptr": 10**6, "late.shard.item": 60, "late.shard.segment": 2, "late.rules.group": 10**6,
    "late.rules.constraint_ptr": 10**6, "late.charges.ptr": 10**6, "late.charges.row": 5,
}  # fmt: skip
RULES = {
    "shard.indptr": 10**6, "shard.item": 60, "shard.segment": 2, "rules.group": 10**6, "rules.constraint_ptr": 10**6,
}  # fmt: skip
COUNTED |= dict.fromkeys(("evaluate", "fix_choices", "choose_exactly"), RULES)
COUNTED |= {kernel: RULES | {"chosen": 2} for kernel in ("alternatives", "regret")}
COUNTED["sum_choice"] = {
    "shard.indptr": 10**6, "shard.item": 60, "shard.segment": 2, "chosen": 2,
}  # fmt: skip
COUNTED["backups"] = {path: n for path, n in COUNTED["regret"].items() if path != "shard.segment"}
LIMITS = {"search.rows.ptr": 10**6, "search.rows.row": 4, "search.chosen": 2}
COUNTED["propose"] = RULES | LIMITS | {"moves.aside": 10**6, "moves.counts": 10**6}
COUNTED["make_moves"] = COUNTED["propose"] | {
    "moves.waiting": 10**6, "moves.leaving": 10**6, "moves.into": 10**6,
}  # fmt: skip
COUNTED["list_moves"] = RULES | LIMITS
COUNTED["find_exchanges"] = {"moves.ptr": 10**6}


def refused(call: Call, what: str) -> None:
    """The call raises, and none of its arrays is changed."""
    before = {path: array.copy() for path, array in call.arrays().items()}
    try:
        call.run(native())
    except (ValueError, TypeError, AttributeError):
        for path, array in call.arrays().items():
            assert array.tobytes() == before[path].tobytes(), (
                f"{what} is refused, but {path} is changed"
            )
    else:
        pytest.fail(f"{call.kernel} takes {what}")


def arrays_of(kernel: str) -> Iterator[tuple[str, Array, bool]]:
    """Paths, arrays, and whether another make of it is none of the kernel's business."""
    for path, array in CALLS[kernel].arrays().items():
        yield path, array, path in MAY_BE_SHORTER or f"{kernel} {path}" in MAY_BE_SHORTER


@every_native
@every_kernel
def test_the_calls_that_are_spoilt_here_are_good(name: str, kernel: str) -> None:
    results: list[dict[str, Any]] = []
    with backend(name) as module:
        for each in reference(), module, load("native").unchecked:
            call = CALLS[kernel].copy()
            returned = call.run(each)
            results.append({path: array.tobytes() for path, array in call.arrays().items()})
            results[-1]["returned"] = returned
    assert results[1] == results[0] and results[2] == results[0]


@every_kernel
def test_other_makes_of_arrays(kernel: str) -> None:
    for path, array, may_be_shorter in arrays_of(kernel):
        if not path.endswith((".offer", ".value")) or not path.startswith(
            ("scoring.similar", "scoring.own")
        ):
            for what, made in wrong_arrays(array).items():
                if what == "nothing" and may_be_shorter:
                    continue  # as an array without entries
                refused(CALLS[kernel].with_array(path, made), f"{path}: {what}")


@every_kernel
def test_other_lengths(kernel: str) -> None:
    for path, array, may_be_shorter in arrays_of(kernel):
        for axis, n in enumerate(array.shape):
            for length in {0, n - 1} - {n} if not may_be_shorter else ():
                shorter = np.ascontiguousarray(np.take(array, range(length), axis=axis))
                refused(CALLS[kernel].with_array(path, shorter), f"{path}: {shorter.shape}")


@every_kernel
def test_numbers_beyond_what_they_count_in(kernel: str) -> None:
    for path, array in CALLS[kernel].arrays().items():
        beyond = COUNTED.get(kernel, {}).get(path)
        if beyond is None:
            continue
        may_be_none = (
            "group",
            ".set",
            "candidate_row",
            "kinds.item",
            "number",
            "leaving",
            "into",
            "near.column",
        )
        least = -2 if path.endswith(may_be_none) else -1  # -1: of none
        for number in [beyond, np.iinfo(array.dtype).max, least, np.iinfo(array.dtype).min]:
            if number <= 0 and (array.dtype.kind == "u" or path.endswith("period")):
                continue
            for at in 0, array.size // 2, array.size - 1:
                if path.endswith("pair"):
                    at -= at % 2  # the second of each pair is no number of an offer
                spoilt = array.copy()
                spoilt.flat[at] = number
                refused(CALLS[kernel].with_array(path, spoilt), f"{path}: {number} at {at}")


def test_ranks_of_items_without_counts() -> None:
    call = CALLS["count_purchases"]
    too_large = np.full_like(call.arrays()["rank"], len(call.arrays()["counts"]))
    refused(call.with_array("rank", too_large), "rank")


def test_every_array_that_counts_is_tried() -> None:
    whole = {
        kernel: {path for path, array in call.arrays().items() if array.size}
        for kernel, call in CALLS.items()
    }
    assert not {(k, path) for k, paths in COUNTED.items() for path in paths if path not in whole[k]}
    names = (
        "indptr",
        "ptr",
        "item",
        "segment",
        "feature",
        "group",
        "row",
        "had",
        "conflict",
        "pair",
        "constraint_ptr",
    )
    counting = {
        (k, path) for k, paths in whole.items() for path in paths if path.split(".")[-1] in names
    }
    told = {(k, path) for k, paths in COUNTED.items() for path in paths}
    anything_will_do = {
        ("noise", "shard.item"), ("noise", "shard.segment"), ("pair_features", "numbers.group"),
        ("pair_log_odds", "numbers.group"),
        ("backups", "shard.segment"),
        ("list_changes", "changes.ptr"), ("list_changes", "changes.row"), ("group_states", "grouped.item"),  # written
        ("list_moves", "moves.row"), ("decide", "late.charged.row"), ("compile_constraints", "ptr"),
        ("mirror_products", "indptr"),  # written
        *(("find_undecided", f"undecided.{name}") for name in ("ptr", "item", "segment")),  # written
    }  # fmt: skip
    assert counting - told == anything_will_do


@every_kernel
def test_customers_who_are_not_there(kernel: str) -> None:
    for name, number in ("start", -1), ("stop", 10**6), ("stop", -1), ("start", 2**63 - 1):
        if name in CALLS[kernel].arguments:
            refused(CALLS[kernel].with_argument(name, number), f"{name}: {number}")


@pytest.mark.parametrize(
    "kernel",
    [
        "evaluate",
        "fix_choices",
        "alternatives",
        "backups",
        "regret",
        "choose_exactly",
        "make_moves",
        "find_undecided",
        "choose_undecided",
    ],
)
def test_values_that_cannot_be_put_in_order(kernel: str) -> None:
    call = CALLS[kernel]
    for path in {
        "price",
        "exact",
        "reduced",
        "search.exact",
        "search.reduced",
        "search.objective",
        "value",
    } & set(call.arrays()):
        for value in np.nan, np.inf, -np.inf:
            spoilt = call.arrays()[path].copy()
            spoilt.flat[spoilt.size // 2] = value
            refused(call.with_array(path, spoilt), f"{path}: {value}")


@pytest.mark.parametrize("kernel", ["evaluate", "regret", "alternatives", "backups", "propose"])
def test_constraints_over_candidates_that_the_customer_does_not_have(kernel: str) -> None:
    call = CALLS[kernel]
    ptr, indptr = call.arrays()["rules.constraint_ptr"], call.arrays()["shard.indptr"]
    words = call.arrays()["rules.constraints"]
    sizes = set()
    for i in np.flatnonzero(np.diff(ptr)):
        n = int(indptr[i + 1] - indptr[i])
        sizes.add(n > 32)
        spoilt = words.copy()
        spoilt[ptr[i] + (0 if n <= 32 else (n + 63) // 64)] |= np.int64(1) << np.int64(n % 64)
        refused(call.with_array("rules.constraints", spoilt), f"a bit beyond {n} candidates")
        if n > 32:
            odd = ptr.copy()
            odd[i + 1] -= 1
            refused(call.with_array("rules.constraint_ptr", odd), "part of a constraint")
    assert sizes == {False, True}


def test_arrays_to_be_written_that_are_read_only() -> None:
    out = {
        "span": "low", "quantise": "fine", "hash_blocks": "out", "noise": "out", "evaluate": "usage",
        "fix_choices": "is_free", "alternatives": "loss", "backups": "instead", "regret": "out",
        "choose_exactly": "chosen", "propose": "moves.priority", "make_moves": "search.activity",
        "compile_constraints": "constraints", "fold_purchases": "pairs.decay", "best_offers": "chosen.score",
        "score_trees": "out", "add_columns": "out", "order_purchases": "rows.bought", "place_purchases": "rows.spend",
        "gather_purchases": "rows.customer", "take_purchases": "columns.spend", "count_ranges": "count",
        "hash_numbers": "out",
        "group_purchases": "grouped.pair_item", "group_states": "grouped.trips.decay", "count_purchases": "counts",
        "pair_features": "out", "pair_log_odds": "out", "score_begun": "chosen.score", "response_odds": "p0",
        "hash_texts": "out", "number_texts": "table.slot", "copy_runs": "out",
        "keep_likeliest": "chosen.score",
        "count_losses": "count", "list_changes": "changes.moved", "multiply_changes": "product",
        "minimise_model": "step", "move_prices": "steps.point", "number_offers": "offer", "find_customers": "start",
        "price_candidates": "beyond", "decide": "late.choice.given", "list_moves": "moves.row",
        "find_exchanges": "picked", "find_stretches": "begin", "order_stretches": "stretch",
        "sum_choice": "usage", "group_changes": "products", "mirror_products": "product",
        "minimise_in_box": "step", "quasi_newton_step": "step",
        "find_undecided": "undecided.own", "choose_undecided": "usage",
    }  # fmt: skip
    assert set(out) == set(CALLS) - {"find_outside"}
    for kernel, path in out.items():
        array = CALLS[kernel].arrays()[path].copy()
        array.setflags(write=False)
        refused(CALLS[kernel].with_array(path, array), f"{path}, read-only")


def test_room_for_other_coupons() -> None:
    instead = CALLS["backups"].arrays()["instead"]
    for wrong in (
        instead[1:],
        np.repeat(instead, 2, axis=0),
        np.zeros((len(instead), 256), np.uint8),
    ):
        refused(CALLS["backups"].with_array("instead", wrong), f"instead: {wrong.shape}")


@pytest.mark.parametrize(
    ("kernel", "path"),
    [
        ("list_changes", "changes.ptr"),
        ("list_changes", "changes.row"),
        ("multiply_changes", "column"),
        ("mirror_products", "column"),
    ],
)
def test_too_little_room_for_changes(kernel: str, path: str) -> None:
    call = CALLS[kernel]
    whole = call.arrays()[path]
    along = {"changes.row": "changes.moved", "column": "product"}.get(path)
    call = call.with_array(path, whole[:1].copy())
    if along is not None:
        call = call.with_array(along, call.arrays()[along][:1].copy())
    with pytest.raises(ValueError, match="room"):
        call.run(native())


def test_refusals_name_the_array() -> None:
    call = CALLS["evaluate"]
    item = call.arrays()["shard.item"].copy()
    item[5] = 60
    with pytest.raises(
        ValueError, match=r"^shard\.item: expected a number within the arrays .* at 5$"
    ):
        call.with_array("shard.item", item).run(native())
    with pytest.raises(ValueError, match=r"^shard\.quantity: candidates: expected \d+, got \d+$"):
        call.with_array("shard.item", item[:-1]).run(native())
