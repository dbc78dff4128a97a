"""Customers that a report names: who got nothing or less than their rules ask for, and ten chosen to differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..analysis.binding import worth_of_bounds
from ..analysis.decisions import Decision, Explanation
from ..analysis.explain import explain_numbered
from ..results.shortfalls import short_customers
from ..results.solution import CampaignSolution
from .chart import Chart, ChartRows, Number, Text, number
from .numbers import aligned, amount, counted
from .sum_charts import OfferTitles

EXPLAINED = 10
"""Customers that are explained."""

TRIED = 60
"""Customers, evenly spread, among whom examples of dear limits are looked for; as many of those whom repair moved."""

DEAREST = 3
"""Limits of which an example is looked for."""

NAMED = 10
"""Customers of one kind that are named; the others are counted."""

SHOWN_LEFT = 6
"""Candidates that were not given which an explanation shows."""

SHOWN_GIVEN = 20
"""Coupons of one customer that an explanation shows."""


def unserved_chart(result: CampaignSolution, coupons: NDArray[np.int32]) -> Chart | None:
    """Name customers who got nothing, those with the most candidates first.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    coupons : ndarray of int32, shape (n_customers,)
        Of each customer.

    Returns
    -------
    Chart or None
        None where everybody got something.
    """
    who = np.flatnonzero(coupons == 0)
    if not len(who):
        return None
    candidates = _candidates(result)[who]
    order = np.argsort(-candidates, kind="stable")[:NAMED]
    return _named(
        result, "Who got nothing", "Those with the most candidates first.", who[order], len(who)
    )


def short_charts(result: CampaignSolution, coupons: NDArray[np.int32]) -> list[Chart]:
    """Name customers who got less than their rules ask for.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    coupons : ndarray of int32, shape (n_customers,)
        Of each customer.

    Returns
    -------
    list of Chart
        None where nobody did.
    """
    counts = (result.customers_below_min, result.customers_without_mandatory)
    if not any(counts) or result.plan is None:
        return []
    found: tuple[list[int], list[int]] = ([], [])
    shard = result.compiled.problem.shard
    for start, *masks in short_customers(result.compiled.rules, shard, result.plan):
        for numbers, mask in zip(found, masks, strict=True):
            numbers += (start + np.flatnonzero(mask)[: NAMED - len(numbers)]).tolist()
        if all(len(n) >= min(c, NAMED) for n, c in zip(found, counts, strict=True)):
            break
    titles = ("Below a minimum of the rules", "Without a mandatory offer")
    note = "No allocation that keeps their other rules gives them more."
    return [
        _named(result, title, note, _first_customers(result, numbers), count, coupons)
        for title, numbers, count in zip(titles, found, counts, strict=True)
        if count
    ]


def _first_customers(result: CampaignSolution, numbers: list[int]) -> NDArray[np.int64]:
    """The customers that are decided on, or of units of several the first ones."""
    units = result.campaign.units
    return np.array(numbers, np.int64) if units is None else units.ptr[numbers]


def _named(
    result: CampaignSolution,
    title: str,
    note: str,
    numbers: NDArray[np.int64],
    count: int,
    coupons: NDArray[np.int32] | None = None,
) -> Chart:
    """A list of customers, of `count` in all."""
    ids = result.campaign.candidates.customers.take(pa.array(numbers))
    columns: dict[str, Any] = {"customer": ids, "candidates": _candidates(result)[numbers]}
    units = result.campaign.units
    if units is not None:
        columns[units.column] = units.names_of(numbers)
    if coupons is not None:
        columns["coupons"] = coupons[numbers]
    data = pa.table(columns)
    left = count - len(numbers)
    return Chart(
        f"{title}: {counted(count, 'customer')}",
        note,
        data,
        ChartRows(
            tuple(columns),
            tuple(
                (Text(str(row["customer"])), *map(_cell, list(row.values())[1:]))
                for row in data.to_pylist()
            ),
            more=f"and {counted(left, 'customer')} more" if left else "",
        ),
    )


def _cell(value: Any) -> Text | Number:
    """A cell of a table: a number, or else text."""
    return number(value) if isinstance(value, (int, float)) else Text(str(value))


def _candidates(result: CampaignSolution) -> NDArray[np.int64]:
    """How many candidates each customer has."""
    return np.diff(result.campaign.candidates.indptr)


def examples(
    result: CampaignSolution, coupons: NDArray[np.int32], worth: NDArray[np.float64]
) -> list[Chart]:
    """Explain ten customers who differ, always the same ones.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    coupons : ndarray of int32, shape (n_customers,)
        Of each customer.
    worth : ndarray of float64, shape (n_customers,)
        What each customer's coupons are worth.

    Returns
    -------
    list of Chart
        Of each one's candidates, with what the customer is an example of in the title. Fewer than ten where there are
        fewer customers.
    """
    chosen: dict[int, tuple[str, Explanation]] = {}
    for why, who, explanation in _choices(result, coupons, worth):
        if who not in chosen:
            chosen[who] = (why, explanation or explain_numbered(result, who))
        if len(chosen) == EXPLAINED:
            break
    titles = OfferTitles(result.campaign.offers)
    return [_explained(explanation, why, titles) for why, explanation in chosen.values()]


def _choices(
    result: CampaignSolution, coupons: NDArray[np.int32], worth: NDArray[np.float64]
) -> Iterator[tuple[str, int, Explanation | None]]:
    """Customers with what they are an example of, and why, where that was looked for; the first ones count most."""
    some = np.flatnonzero(coupons)
    none = np.flatnonzero(coupons == 0)
    if len(none):
        yield "got nothing", int(none[np.argmax(_candidates(result)[none])]), None
    if len(some):
        yield "worth most", int(some[np.argmax(worth[some])]), None
        middle = np.partition(worth[some], len(some) // 2)[len(some) // 2]
        yield "in the middle", int(some[np.argmax(worth[some] == middle)]), None
        yield "worth least", int(some[np.argmin(worth[some])]), None
        if coupons[some].min() < coupons[some].max():
            yield "most coupons", int(some[np.argmax(coupons[some])]), None
            yield "fewest coupons", int(some[np.argmin(coupons[some])]), None
    yield from _moved(result)
    yield from _held_back(result)
    for who in dict.fromkeys(_spread(result.customers, EXPLAINED).tolist()):
        yield "one of many", who, None
    for who in range(min(result.customers, EXPLAINED)):
        yield "one of many", who, None


def _moved(result: CampaignSolution) -> Iterator[tuple[str, int, Explanation]]:
    """A customer who did not get the best choice at the prices, so that the limits hold."""
    free = [] if result.plan is None else result.plan.free[:TRIED].tolist()
    free = _first_customers(result, free).tolist()
    for who in free:
        explanation = explain_numbered(result, who)
        if explanation.lost > 0:
            yield "not the best choice at these prices, so that limits hold", who, explanation
            return


def _held_back(result: CampaignSolution) -> Iterator[tuple[str, int, Explanation]]:
    """For each of the dearest limits, a customer who did not get a coupon because of it."""
    if result.limits is None or not len(result.limits):
        return
    worth = worth_of_bounds(result.limits)
    order = np.argsort(-worth, kind="stable")
    names = result.limits["name"].take(pa.array(order[worth[order] > 0]))
    dearest = names.unique().slice(0, DEAREST).to_pylist()
    if not dearest:
        return
    tried = dict.fromkeys(_spread(result.customers, TRIED).tolist())
    explained = {who: explain_numbered(result, who) for who in tried}
    for name in dearest:
        for who, explanation in list(explained.items()):
            if any(name in each.decided_by for each in explanation.decisions):
                yield f"limit {name} decided", who, explanation
                del explained[who]
                break


def _spread(count: int, wanted: int) -> NDArray[np.int64]:
    """Numbers evenly spread over some customers."""
    return (np.arange(wanted) * count + count // 2) // wanted


def _explained(found: Explanation, why: str, titles: OfferTitles) -> Chart:
    """The candidates of a customer, those given first."""
    given = found.given
    left = found.decisions[len(given) :]
    shown = [*given[:SHOWN_GIVEN], *left[:SHOWN_LEFT]]
    known = titles.of([each.offer for each in shown])
    columns = zip(*map(_numbers, shown), strict=True)
    texts = list(zip(*map(aligned, columns), strict=True))
    hidden = [(len(given) - SHOWN_GIVEN, "given"), (len(left) - SHOWN_LEFT, "not given")]
    said = [f"{number:,} {what}" for number, what in hidden if number > 0]
    return Chart(
        f"Customer {found.customer}{f' of {found.unit}' if found.unit else ''}: {why}",
        f"{len(given):,} of {counted(len(found.decisions), 'candidate')} given, worth {amount(found.value)}",
        found.to_arrow(),
        ChartRows(
            ("offer", "worth", "pays", "left", "why"),
            tuple(map(_decided, shown, known, texts)),
            more=f"and {' and '.join(said)} more" if said else "",
        ),
    )


def _decided(decision: Decision, title: str, texts: tuple[str, ...]) -> tuple[Any, ...]:
    """The cells of a candidate; the texts are of its numbers."""
    role = [decision.role] if decision.role is not None else []
    numbers = map(Number, _numbers(decision), texts)
    return (
        Text(str(decision.offer), " · ".join([title] * bool(title) + role)),
        *numbers,
        Text(decision.reason[:1].upper() + decision.reason[1:]),
    )


def _numbers(decision: Decision) -> tuple[float, float, float]:
    """What a candidate is worth, what it pays, and what is left."""
    return decision.value, decision.value - decision.reduced, decision.reduced
