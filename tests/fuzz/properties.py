"""Properties of whole campaigns: what must not change a result, and what may change it in one direction only.

Each takes a small campaign and says what is wrong. Hypothesis draws the campaigns in the suite
(`test_properties.py`); here a number draws them:

    python -m tests.fuzz.properties --cases 5000 --processes 2
"""

from __future__ import annotations

import math
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.fuzz.cases import Outcome, main
from tests.fuzz.combined_rules import scaled
from tests.fuzz.drawing import draw
from tests.fuzz.reading import Reading
from tests.fuzz.small_campaign import Row, Settings, SmallCampaign

import couponry
from couponry import Campaign, Limit
from couponry.result import Result
from couponry.utils.errors import InvalidInput

Pairs = list[tuple[Any, Any]]
Source = random.Random


def solved(campaign: Campaign, settings: Settings, **changes: Any) -> Result:
    """As settings say, but without a time limit and with the stages as they are."""
    arguments = {"gap": settings.gap, "threads": settings.threads, "seed": settings.seed}
    return campaign.solve(**{**arguments, **changes})


def pairs_of(result: Result) -> Pairs | None:
    """Who gets what."""
    if result.allocation is None:
        return None
    table = result.allocation.to_arrow()
    return list(zip(table["customer"].to_pylist(), table["offer"].to_pylist(), strict=True))


def differences(one: Result, other: Result, *, of: str, factor: float = 1.0) -> list[str]:
    """Where two results are not the same to the bit; the other's values are `factor` times the first one's.

    A bound is then the same but for the last bits: what rounding and tolerances may hide is added to it in one go.
    """
    wrong = []
    if one.status != other.status:
        return [f"{of}: {one.status}, then {other.status}"]
    if pairs_of(one) != pairs_of(other):
        wrong.append(f"{of}: {pairs_of(one)}, then {pairs_of(other)}")
    for name in ("objective", "bound"):
        first, second = getattr(one, name), getattr(other, name)
        expected = None if first is None else first * factor
        near = name == "bound" and factor != 1.0 and None not in (expected, second)
        if not (math.isclose(expected, second, rel_tol=1e-12) if near else expected == second):
            wrong.append(f"{of}: {name} {first!r} times {factor:g}, then {second!r}")
    return wrong


def order_of_rows(small: SmallCampaign, source: Source) -> list[str]:
    """Rows may come in any order."""

    def shuffled(rows: list[Row] | None) -> list[Row] | None:
        return None if rows is None else source.sample(rows, len(rows))

    other = replace(
        small,
        offers=shuffled(small.offers),
        candidates=shuffled(small.candidates),
        customers=shuffled(small.customers),
        history=shuffled(small.history),
    )
    results = [solved(one.campaign(), small.settings) for one in (small, other)]
    return differences(*results, of="rows in another order")


def scale_of_values(small: SmallCampaign, source: Source) -> list[str]:
    """Values and penalties times a power of two: the same coupons, worth as much more."""
    factor = 2.0 ** source.randrange(-40, 41)
    worth = [float(value) for value in Reading(small).value]

    def times(by: float) -> SmallCampaign:
        rows = [
            {**row, "worth": value * by} for row, value in zip(small.candidates, worth, strict=True)
        ]
        limits = [
            limit if limit.penalty is None else replace(limit, penalty=limit.penalty * by)
            for limit in small.limits
        ]
        rules = scaled(small.rules, by)
        return replace(small, candidates=rows, rules=rules, limits=limits, value="worth")

    results = [solved(times(by).campaign(), small.settings) for by in (1.0, factor)]
    return differences(*results, of="values scaled", factor=factor)


def kind_of_ids(small: SmallCampaign, source: Source) -> list[str]:
    """Ids of another type, in the same order: the same coupons."""
    del source
    numbers = {
        name: {
            old: new
            for new, old in enumerate(sorted({row[name] for row in everywhere(small, name)}))
        }
        for name in ("customer", "offer")
    }

    def named(as_text: bool) -> SmallCampaign:
        def new(name: str, old: Any) -> Any:
            number = numbers[name][old]
            return f"{number:04d}" if as_text else number

        def renamed(rows: list[Row] | None) -> Any:
            names = ("customer", "offer")
            return rows and [
                {**row, **{n: new(n, row[n]) for n in names if n in row}} for row in rows
            ]

        def of_offers(table: Any) -> Any:
            sides = ("offer_a", "offer_b", "offer", "requires")
            return table and {
                side: [new("offer", one) for one in table[side]] for side in sides if side in table
            }

        rules = [
            replace(rule, conflicts=of_offers(rule.conflicts), requires=of_offers(rule.requires))
            for rule in small.rules
        ]
        limits = [limit for limit in small.limits if limit.by != "offer"]
        tables = {
            n: renamed(getattr(small, n)) for n in ("offers", "candidates", "customers", "history")
        }
        return replace(small, rules=rules, limits=limits, **tables)

    text, whole = (solved(named(as_text).campaign(), small.settings) for as_text in (True, False))
    as_whole = pairs_of(text) and [(int(who), int(what)) for who, what in pairs_of(text) or ()]
    if as_whole != pairs_of(whole) or (text.objective, text.bound) != (
        whole.objective,
        whole.bound,
    ):
        return [f"ids as text: {as_whole}, as numbers: {pairs_of(whole)}"]
    return []


def everywhere(small: SmallCampaign, name: str) -> list[Row]:
    """All rows that have ids of a kind."""
    tables = (small.offers, small.candidates, small.customers or [], small.history or [])
    return [row for rows in tables for row in rows if name in row]


def one_more_limit(small: SmallCampaign, source: Source) -> list[str]:
    """A limit more never makes a campaign worth more, or feasible; one that cannot bind changes nothing certain."""
    size = len(small.candidates)
    idle = source.random() < 0.5
    more = Limit("one more", max=size if idle else source.randrange(0, size + 1))
    campaign = small.campaign()
    before = solved(campaign, small.settings)
    after = solved(campaign.changed(add_limits=[more]), small.settings)
    wrong = []
    if before.status == "infeasible" and after.status != "infeasible":
        wrong.append(f"{more}: infeasible, then {after.status}")
    if before.bound is not None and after.objective is not None and after.objective > before.bound:
        wrong.append(f"{more}: bound {before.bound!r}, then worth {after.objective!r}")
    if (
        idle
        and before.objective is not None
        and after.bound is not None
        and before.objective > after.bound
    ):
        wrong.append(f"{more}: worth {before.objective!r}, then bound {after.bound!r}")
    if idle and "infeasible" in (before.status, after.status) and before.status != after.status:
        wrong.append(f"{more} cannot bind: {before.status}, then {after.status}")
    return wrong


def looser_bound(small: SmallCampaign, source: Source) -> list[str]:
    """A looser bound never makes a campaign worth less, or infeasible."""
    able = [limit for limit in small.limits if limit.table is None and limit.max is not None]
    if not able:
        return []
    limit = source.choice(able)
    assert limit.max is not None
    looser = (
        limit.max + abs(limit.max) * source.choice([0.01, 0.5, 3.0]) + source.choice([0.0, 1.0])
    )
    campaign = small.campaign()
    before = solved(campaign, small.settings)
    after = solved(campaign.changed(limits={limit.name: {"max": looser}}), small.settings)
    if before.objective is not None and after.status == "infeasible":
        return [f"{limit.name} max {looser!r}: {before.status}, then infeasible"]
    if before.objective is not None and after.bound is not None and after.bound < before.objective:
        return [
            f"{limit.name} max {looser!r}: worth {before.objective!r}, then bound {after.bound!r}"
        ]
    return []


def threads_and_backends(small: SmallCampaign, source: Source) -> list[str]:
    """The same bits on any number of threads, and on the reference kernels."""
    campaign = small.campaign()
    first = solved(campaign, small.settings, threads=1)
    threads = source.randrange(2, 5)
    wrong = differences(
        first, solved(campaign, small.settings, threads=threads), of=f"{threads} threads"
    )
    reference = solved(campaign, small.settings, threads=1, backend="reference")
    return wrong + differences(first, reference, of="reference kernels")


def folders(small: SmallCampaign, source: Source) -> list[str]:
    """A campaign that was written and read again has the same result, and verification accepts it."""
    del source
    campaign = small.campaign()
    first = solved(campaign, small.settings)
    with tempfile.TemporaryDirectory() as folder:
        path = couponry.write_campaign(campaign, Path(folder) / "campaign")
        second = solved(couponry.read_campaign(path), small.settings)
        wrong = differences(first, second, of="written and read")
        if second.status != "unsolved":
            report = couponry.verify_result(path, second.write(Path(folder) / "result"))
            wrong += [f"verify: {problem}" for problem in report.problems]
    return wrong


Property = Callable[[SmallCampaign, Source], list[str]]

PROPERTIES: dict[str, Property] = {
    check.__name__: check
    for check in (
        order_of_rows,
        scale_of_values,
        kind_of_ids,
        one_more_limit,
        looser_bound,
        threads_and_backends,
        folders,
    )
}


def run_case(number: int) -> Outcome:
    """One property of the campaign of a number; the properties take turns."""
    name = list(PROPERTIES)[number % len(PROPERTIES)]
    try:
        wrong = PROPERTIES[name](draw(number), random.Random(number))
    except InvalidInput:
        return Outcome((f"{name}: refused",))
    return Outcome((name,), tuple(wrong))


if __name__ == "__main__":
    sys.exit(main("tests.fuzz.properties", __doc__ or ""))
