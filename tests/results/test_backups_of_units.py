"""Backups of households, and beside costs of messages: which they are by definition, and what is said of them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import replaced

import couponry as cp
from couponry.analysis.explain_files import explain_written
from couponry.report.spreadsheets import export_csv
from couponry.result import Result

OFFERS = 8
CHANNEL = ["mail", "push", "shop"]
COST = [0.0, 0.8, 1.5, 2.5]
MOST = 3

Pair = tuple[int, int]


def campaign(
    seed: int = 0, *, unit: bool = True, customers: int = 45, **changes: Any
) -> cp.Campaign:
    """Limits with prices, rules of the household and of each in it, and mails that cost something."""
    rng = np.random.default_rng(seed)
    n = customers * OFFERS
    kept = rng.random(n) < 0.8
    offers = {
        "offer": np.arange(OFFERS),
        "product": np.arange(OFFERS) // 2,
        "channel": [CHANNEL[j % 3] for j in range(OFFERS)],
    }
    candidates = {
        "customer": np.repeat(np.arange(customers), OFFERS)[kept],
        "offer": np.tile(np.arange(OFFERS), customers)[kept],
        "value": rng.uniform(-1, 3, n).round(1)[kept],
        "cost": rng.uniform(0, 1, n)[kept],
    }
    household = rng.permutation(np.arange(customers) // 2)
    rules = [
        cp.CustomerRule("slots", max=4),
        cp.CustomerRule("mails", where={"channel": "mail"}, cost=COST),
        cp.CustomerRule("apart", conflicts={"offer_a": [0, 3, 5], "offer_b": [5, 4, 5]}),
    ]
    if unit:
        rules.append(cp.CustomerRule("own", by="product", max=1, each="customer"))
    limits = [
        cp.Limit("budget", sum="cost", max=customers * 0.9),
        cp.Limit("each", by="offer", max=customers // 4),
    ]
    table = {"customer": np.arange(customers), "household": household}
    made = {"rules": rules, "limits": limits, "backups": MOST} | changes
    made |= {"unit": "household"} if unit else {}
    return cp.Campaign(offers, candidates, table, **made)


def keeps(plan: frozenset[Pair], *, unit: bool) -> bool:
    """Every `max`, and every conflict."""
    offers = [offer for _, offer in plan]
    mails = sum(CHANNEL[offer % 3] == "mail" for offer in offers)
    own = {(customer, offer // 2) for customer, offer in plan}
    apart = not any({a, b} <= set(offers) for a, b in [(0, 5), (3, 4)]) and offers.count(5) <= 1
    return len(plan) <= 4 and mails <= len(COST) and (not unit or len(own) == len(plan)) and apart


def mails(plan: frozenset[Pair]) -> int:
    return sum(CHANNEL[offer % 3] == "mail" for _, offer in plan)


def last_mail(plan: frozenset[Pair]) -> float:
    return COST[mails(plan) - 1] if mails(plan) else 0.0


def expected(
    given: frozenset[Pair], worth: dict[Pair, float], *, unit: bool
) -> dict[Pair, set[Pair]]:
    """For each backup the coupons whose place it may take, by the definition in the documentation."""
    found: dict[Pair, set[Pair]] = {}
    for coupon in given:
        left = given - {coupon}
        for one in set(worth) - given:
            plan = left | {one}
            more = mails(plan) > mails(given) and COST[mails(plan) - 1 : mails(plan)] != [0.0]
            if keeps(plan, unit=unit) and not more and worth[one] > 0:
                found.setdefault(one, set()).add(coupon)
    return found


def by_household(asked: cp.Campaign, result: Result) -> dict[int, frozenset[Pair]]:
    """What each household is given."""
    assert result.allocation is not None and asked.customers is not None
    home = dict(
        zip(*(asked.customers[name].to_pylist() for name in ("customer", "household")), strict=True)
    )
    given: dict[int, set[Pair]] = {}
    for row in result.allocation.to_arrow().to_pylist():
        given.setdefault(home[row["customer"]], set()).add((row["customer"], row["offer"]))
    return {house: frozenset(pairs) for house, pairs in given.items()}


@pytest.mark.parametrize("seed", range(3))
def test_backups_of_households_are_those_of_the_definition(seed: int) -> None:
    asked = campaign(seed)
    result = asked.solve()
    assert result.backups is not None
    listed: dict[int, list[dict[str, Any]]] = {}
    for row in result.backups.to_arrow().to_pylist():
        listed.setdefault(row["household"], []).append(row)
    long = of_others = 0
    for house, given in by_household(asked, result).items():
        explained = result.explain(min(given)[0])
        reduced = {(d.customer, d.offer): d.reduced for d in explained.decisions}
        worth = {
            pair: value - (CHANNEL[pair[1] % 3] == "mail") * last_mail(given)
            for pair, value in reduced.items()
        }
        wanted = expected(given, worth, unit=True)
        theirs = listed.get(house, [])
        assert [row["rank"] for row in theirs] == list(range(1, 1 + min(MOST, len(wanted))))
        for row in theirs:
            pair = (row["customer"], row["offer"])
            whose = set(zip(row["instead_of_customer"], row["instead_of"], strict=True))
            assert whose == wanted[pair]
            assert row["reduced"] == pytest.approx(worth[pair], abs=1e-9)
            of_others += any(customer != row["customer"] for customer, _ in whose)
        assert all(a["reduced"] >= b["reduced"] for a, b in pairwise(theirs))
        left_out = set(wanted) - {(row["customer"], row["offer"]) for row in theirs}
        if theirs and left_out:
            assert max(worth[one] for one in left_out) <= theirs[-1]["reduced"] + 1e-9
        long += bool(left_out)
        said = {
            (d.customer, d.offer): (d.backup, d.instead_of, d.instead_of_customer)
            for d in explained.decisions
            if d.backup
        }
        assert said == {
            (row["customer"], row["offer"]): (
                row["rank"],
                tuple(row["instead_of"]),
                tuple(row["instead_of_customer"]),
            )
            for row in theirs
        }
    assert long and of_others


def test_backups_of_customers_whose_messages_cost_something() -> None:
    asked = campaign(4, unit=False, limits=[cp.Limit("each", by="offer", max=40)])
    result = asked.solve()
    assert result.backups is not None and result.allocation is not None
    given: dict[int, set[Pair]] = {}
    for row in result.allocation.to_arrow().to_pylist():
        given.setdefault(row["customer"], set()).add((row["customer"], row["offer"]))
    rows = result.backups.to_arrow().to_pylist()
    assert "instead_of_customer" not in rows[0]
    dearer = 0
    for customer, coupons in given.items():
        plan = frozenset(coupons)
        decisions = result.explain(customer).decisions
        worth = {
            (customer, d.offer): d.reduced - (CHANNEL[d.offer % 3] == "mail") * last_mail(plan)
            for d in decisions
        }
        wanted = {
            pair[1]: {c[1] for c in places}
            for pair, places in expected(plan, worth, unit=False).items()
        }
        theirs = {
            row["offer"]: set(row["instead_of"]) for row in rows if row["customer"] == customer
        }
        assert theirs == wanted or (len(wanted) > MOST and theirs.items() <= wanted.items())
        dearer += any(d.reduced > 0 >= worth[(customer, d.offer)] for d in decisions)
    assert dearer


def test_the_same_for_all_who_make_them(tmp_path: Path) -> None:
    for unit in (True, False):
        asked = campaign(5, unit=unit)
        first = asked.solve(threads=1)
        assert first.backups is not None
        rows = first.backups.to_arrow()
        for changes in ({"threads": 2}, {"backend": "reference"}):
            other = asked.solve(**changes)  # type: ignore[arg-type]
            assert other.backups is not None and other.backups.to_arrow().equals(rows)
        without = campaign(5, unit=unit, backups=0).solve()
        assert without.allocation is not None and first.allocation is not None
        assert without.allocation.to_arrow().equals(first.allocation.to_arrow())
        folder = cp.write_campaign(asked, tmp_path / f"campaign-{unit}")
        out = first.save(tmp_path / f"out-{unit}")
        read = cp.read_result(out)
        assert read.backups is not None and read.backups.to_arrow().equals(rows)
        report = cp.verify_result(folder, out)
        assert report.ok, report.problems
        customer = rows["customer"][0].as_py()
        of_files, of_result = explain_written(folder, out, customer), first.explain(customer)
        assert {
            (d.customer, d.offer, d.backup, d.instead_of, d.instead_of_customer)
            for d in of_files.decisions
        } == {
            (d.customer, d.offer, d.backup, d.instead_of, d.instead_of_customer)
            for d in of_result.decisions
        }
        export_csv(first, tmp_path / f"csv-{unit}")
        said = csv.read_csv(tmp_path / f"csv-{unit}" / "backups.csv")
        assert said.column_names == rows.column_names and len(said) == len(rows)


def _others(table: pa.Table) -> pa.Table:
    """Everything in the place of another customer's coupons."""
    lists = [[(one + 1) % 45 for one in each] for each in table["instead_of_customer"].to_pylist()]
    return replaced(
        table, "instead_of_customer", pa.array(lists, table["instead_of_customer"].type)
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_others, "what is not given"),
        (lambda table: replaced(table, "household", pa.array([7] * len(table))), "a wrong household"),
        (
            lambda table: replaced(table, "reduced", pa.array(table["reduced"].to_numpy() + 0.3)),
            "does not follow from prices",
        ),
        (lambda table: table.take(pa.array(np.arange(len(table))[::-1])), "order of customers"),
    ],
)  # fmt: skip
def test_verify_notices(spoil: Any, said: str, tmp_path: Path) -> None:
    asked = campaign(2)
    folder, out = (
        cp.write_campaign(asked, tmp_path / "campaign"),
        asked.solve().save(tmp_path / "out"),
    )
    file = out / "backups.parquet"
    pq.write_table(spoil(pq.read_table(file)), file)
    report = cp.verify_result(folder, out)
    assert any(said in problem for problem in report.problems), report.problems


def test_a_unit_called_like_a_column_of_backups_is_refused() -> None:
    with pytest.raises(cp.InvalidInput, match="their table has a column 'rank' of its own"):
        cp.Campaign(
            {"offer": [1]},
            {"customer": [1], "offer": [1], "value": [1.0]},
            {"customer": [1], "rank": [1]},
            backups=1,
            unit="rank",
        )
