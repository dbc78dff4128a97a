"""Exchanges against enumeration: every move that may help is listed, and the best exchange of each row is found."""

from __future__ import annotations

import numpy as np
import pytest
from tests.kernels.test_oracles import allowed_subsets, every_module
from tests.support.exchange_cases import (
    all_exchanges,
    found_exchanges,
    open_rows,
    rooms_of,
    row_moves,
)
from tests.support.kernel_cases import activity_of, evaluated, local_search, make_case

from couponry.engines.exchanges import room_for_moves
from couponry.kernels import FILL


@every_module
@pytest.mark.parametrize("seed", range(30))
def test_the_best_exchange_of_each_row_is_found(get_module, seed: int) -> None:
    random = np.random.default_rng(seed)
    moves, rooms = row_moves(random, 6, 9, 1000), rooms_of(random, 6)
    rooms = rooms._replace(enough=np.full(6, np.inf))
    if (
        seed % 2
    ):  # with a bound on the other side another exchange than the best one may be all that fits
        rooms = rooms._replace(back=np.full(6, np.inf))
    picked, gained = found_exchanges(get_module(), moves, rooms)
    for row in range(6):
        there = list(all_exchanges(moves, rooms, row))
        best = max([gain for gain, _ in there if gain > rooms.least[row]], default=0.0)
        found = {int(at) for at in picked[row] if at >= 0}
        if not found:
            assert gained[row] == 0.0 and (best == 0.0 or seed % 2 == 0)
            continue
        assert gained[row] in [pytest.approx(gain) for gain, theirs in there if theirs == found]
        if seed % 2:
            assert gained[row] == pytest.approx(best)


@every_module
@pytest.mark.parametrize("seed", range(20))
def test_no_customer_moves_twice_and_nothing_is_overfilled(get_module, seed: int) -> None:
    random = np.random.default_rng(seed)
    moves, rooms = row_moves(random, 8, 30, 5), rooms_of(random, 8)
    picked, gained = found_exchanges(get_module(), moves, rooms, width=6)
    assert (gained > 0).any()
    for row in np.flatnonzero(gained):
        found = {int(at) for at in picked[row] if at >= 0}
        assert gained[row] > rooms.least[row]
        assert any(theirs == found for _, theirs in all_exchanges(moves, rooms, int(row)))


@every_module
@pytest.mark.parametrize("rules", [0, 1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_every_move_is_listed(get_module, seed: int, rules: int) -> None:
    case = make_case(seed, customers=9, longest=6, items=9, rules=rules, rows=4, upper=4)
    case.item_helps[:] = 1
    _, chosen = evaluated(get_module(), case)
    activity = activity_of(case, chosen)
    search = local_search(case, FILL, activity, chosen)
    opened = open_rows(np.random.default_rng(seed), len(activity))
    moves = room_for_moves(10_000)
    made = get_module().list_moves(case.shard, case.rules, search, opened, 0, case.customers, moves)
    found = {
        (int(i), int(out), int(into), int(row))
        for i, out, into, row in zip(
            moves.customer[:made], moves.leaving[:made], moves.into[:made], moves.row[:made],
            strict=True,
        )
    }  # fmt: skip
    assert len(found) == made
    assert found == set(_moves_there_are(case, chosen, activity, opened))


def _moves_there_are(case, chosen, activity, opened):
    """Customer, candidates that leave and come, and the row, of every move that should be listed."""
    rows = case.rows

    def missed(of):
        return np.maximum(0, of - rows.upper) + np.maximum(0, rows.lower - of)

    for i in range(case.customers):
        begin, end = case.shard.indptr[i : i + 2]
        held = set(np.flatnonzero(chosen[begin:end]).tolist())
        lower = int(case.rules.lower[min(i, len(case.rules.lower) - 1)])
        for subset in allowed_subsets(case, i):
            out, into = held - set(subset), set(subset) - held
            if len(out) > 1 or len(into) > 1 or not (out or into):
                continue
            if not into and len(held) <= lower:
                continue
            after = chosen.copy()
            after[[begin + j for j in out]] = 0
            after[[begin + j for j in into]] = 1
            moved = activity_of(case, after) - activity_of(case, chosen)
            worse = missed(activity + moved) - missed(activity)
            if (worse * rows.penalty != 0).any() or (worse * rows.weight > 0).sum() > 1:
                continue
            gain = _worth(case, after) - _worth(case, chosen)
            for row in np.flatnonzero(np.abs(moved) > 1e-12):
                others = np.delete(worse * rows.weight, row)
                use = moved[row] if opened.price[row] > 0 else -moved[row]
                cost = abs(opened.price[row]) * use - gain
                if not (others > 0).any() and opened.idle[row] > 0 and cost < opened.idle[row]:
                    yield (
                        i,
                        *(int(begin + min(side)) if side else -1 for side in (out, into)),
                        int(row),
                    )


def _worth(case, chosen) -> float:
    at = np.flatnonzero(chosen)
    customer = np.repeat(np.arange(case.customers), np.diff(case.shard.indptr))[at]
    worth = case.objective[:, case.shard.segment[customer], case.shard.item[at]]
    return float((worth[0] + (worth[1:] * case.exact[:, at]).sum(0)).sum())
