"""Coupons that fall out, several of one customer's at once, and what comes in their place."""

from __future__ import annotations

import itertools
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from couponry import Campaign, CustomerRule, InvalidInput, Limit, Result, write_campaign
from couponry.cli import entry

OFFERS = 9
BRAND = [0, 0, 0, 1, 1, 1, 2, 2, 2]
COST = [0.5, 0.2, 0.3, 0.4, 0.1, 0.6, 0.2, 0.5, 0.3]
NEEDS = {"offer": [3, 7], "requires": [1, 4]}
CUSTOMERS = 60


def campaign(unit: str | None = None) -> Campaign:
    """Rules of every kind, and a limit that is scarce."""
    rng = np.random.default_rng(7)
    values = rng.integers(-20, 100, (CUSTOMERS, OFFERS)) / 16
    customers = {"customer": np.arange(CUSTOMERS), "home": np.arange(CUSTOMERS) // 2}
    each: Any = {} if unit is None else {"each": "customer"}
    return Campaign(
        {"offer": np.arange(OFFERS), "brand": BRAND, "cost": COST},
        {
            "customer": np.repeat(np.arange(CUSTOMERS), OFFERS),
            "offer": np.tile(np.arange(OFFERS), CUSTOMERS),
            "value": values.ravel(),
        },
        customers,
        unit=unit,
        rules=[
            CustomerRule("slots", max=4, **each),
            CustomerRule("brand", by="brand", max=2, **each),
            *([] if unit else [CustomerRule("purse", sum="cost", max=1.2)]),
            *([] if unit else [CustomerRule("needs", requires=NEEDS)]),
        ],
        limits=[Limit("scarce", where={"offer": [0, 4, 8]}, max=70)],
    )


def allowed(offers: tuple[int, ...]) -> bool:
    """Whether a customer may have these together."""
    brands = np.bincount([BRAND[k] for k in offers], minlength=3)
    needs = all(
        b in offers for a, b in zip(NEEDS["offer"], NEEDS["requires"], strict=True) if a in offers
    )
    cost = sum(round(10 * COST[k]) for k in offers)
    return len(offers) <= 4 and brands.max() <= 2 and cost <= 12 and needs


def best(values: np.ndarray, kept: set[int], out: set[int], most: int) -> tuple[int, float]:
    """How much of what is left is kept, and what the others are worth, at best."""
    found = []
    for size in range(most + 1):
        for chosen in itertools.combinations(sorted(set(range(OFFERS)) - out), size):
            if allowed(chosen):
                new = sum(values[k] for k in chosen if k not in kept)
                found.append((len(kept & set(chosen)), new))
    return max(found)


def held(result: Result) -> dict[int, set[int]]:
    rows = result.allocation.to_arrow().to_pylist()
    found: dict[int, set[int]] = {}
    for row in rows:
        found.setdefault(row["customer"], set()).add(row["offer"])
    return found


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_each_customer_is_decided_as_by_trying_everything(backend: str) -> None:
    result = campaign().solve(gap=1e-3, threads=2, backend=backend)
    price = float(result.limits.to_arrow()["price"][0].as_py())
    assert price > 0
    given, rng = held(result), np.random.default_rng(3)
    values = campaign().data.candidates.columns["value"].reshape(CUSTOMERS, OFFERS)
    reduced = values - price * np.isin(np.arange(OFFERS), [0, 4, 8])
    fallen = {
        customer: set(
            rng.choice(sorted(offers), min(len(offers), 1 + customer % 3), False).tolist()
        )
        for customer, offers in given.items()
        if customer % 4
    }
    out = {c: offers | {int(rng.integers(OFFERS))} for c, offers in fallen.items()}
    pairs = [(c, k) for c, offers in out.items() for k in offers]
    table = {"customer": [c for c, _ in pairs], "offer": [k for _, k in pairs]}
    found = result.replacements(table)
    come, go = found.come.to_pylist(), found.go.to_pylist()
    several = 0
    for customer, cancelled in out.items():
        new = {row["offer"] for row in come if row["customer"] == customer}
        gone = {row["offer"]: row["cancelled"] for row in go if row["customer"] == customer}
        had = given[customer]
        assert {k for k, is_out in gone.items() if is_out} == had & cancelled
        after = tuple(sorted((had - set(gone)) | new))
        assert not new & (had | cancelled) and allowed(after) and len(after) <= len(had)
        kept, worth = best(reduced[customer], had - cancelled, cancelled, len(had))
        assert len(set(after) & had) == kept
        assert sum(reduced[customer][k] for k in new) == pytest.approx(worth, abs=1e-5)
        several += len(new) > 1
    assert several > 5 and {row["customer"] for row in go} == set(out)
    for row in come:
        assert row["reduced"] == pytest.approx(reduced[row["customer"], row["offer"]], abs=1e-6)
    alone = result.replacements(table, threads=1)
    assert alone.come.equals(found.come) and alone.go.equals(found.go)


def test_an_offer_that_is_cancelled_comes_to_nobody() -> None:
    result = campaign().solve(threads=2)
    found = result.replacements({"offer": [0, 1]})
    given = held(result)
    who = {c for c, offers in given.items() if offers & {0, 1}}
    assert {row["customer"] for row in found.go.to_pylist()} == who
    assert not {0, 1} & set(found.come["offer"].to_pylist())
    left_alone = [row for row in found.go.to_pylist() if not row["cancelled"]]
    assert all(row["offer"] == 3 for row in left_alone)  # which needs offer 1


def test_households_keep_the_rules_of_each_customer() -> None:
    result = campaign("home").solve(threads=2)
    given = held(result)
    found = result.replacements({"offer": [2, 5]})
    for row in found.go.to_pylist():
        given[row["customer"]].remove(row["offer"])
    for row in found.come.to_pylist():
        assert row["home"] == row["customer"] // 2
        given[row["customer"]].add(row["offer"])
    assert len(found.come) > 5
    for offers in given.values():
        assert len(offers) <= 4 and not {2, 5} & offers
        assert max(np.bincount([BRAND[k] for k in offers], minlength=3), default=0) <= 2


def test_coupons_of_single_customers_of_households() -> None:
    result = campaign("home").solve(threads=1)
    given = held(result)
    who = sorted(given)[:5]
    gone = {"customer": who, "offer": [min(given[one]) for one in who]}
    found = result.replacements(gone)
    assert {row["customer"] for row in found.go.to_pylist()} == set(who)
    homes = {one // 2 for one in who}
    assert {row["home"] for row in found.come.to_pylist()} <= homes


def test_what_is_cancelled_takes_no_slot() -> None:
    """A mandatory coupon, and the only one that a minimum asks for."""
    rules = [CustomerRule("slots", max=2), CustomerRule("mail", where={"channel": "mail"}, min=1)]
    result = Campaign(
        {"offer": [1, 2, 3, 4], "channel": ["mail", "web", "web", "web"]},
        {
            "customer": [7] * 4 + [8] * 3,
            "offer": [1, 2, 3, 4, 2, 3, 4],
            "value": [1.0, 4.0, 3.0, 2.0, 1.0, 4.0, 3.0],
            "mandatory": [False] * 4 + [True, False, False],
        },
        rules=rules,
    ).solve(threads=1)
    assert held(result) == {7: {1, 2}, 8: {2, 3}}
    found = result.replacements({"customer": [7, 8], "offer": [1, 2]})
    rows = [(row["customer"], row["offer"]) for row in found.come.to_pylist()]
    assert rows == [(7, 3), (8, 4)]
    every = {"customer": [7] * 4 + [8] * 3, "offer": [1, 2, 3, 4, 2, 3, 4]}
    assert len(result.replacements(every).come) == 0


@pytest.mark.parametrize("unit", [None, "home"])
def test_messages_cost_what_they_do_beside_what_is_left(unit: str | None) -> None:
    """Every choice of every customer, or household, by what it is worth less what its messages cost."""
    rng, cost = np.random.default_rng(11), [0.0, 1.5, 2.0, 4.0]
    values = 5.0 * rng.random((20, 5))
    asked = Campaign(
        {"offer": np.arange(5), "brand": [0, 0, 1, 1, 1]},
        {
            "customer": np.repeat(np.arange(20), 5),
            "offer": np.tile(np.arange(5), 20),
            "value": values.ravel(),
        },
        {"customer": np.arange(20), "home": np.arange(20) // 2},
        unit=unit,
        rules=[
            CustomerRule("messages", cost=cost),
            CustomerRule("brand", by="brand", max=1, each="customer" if unit else None),
        ],
    )
    result = asked.solve(threads=1)
    given = {who: {(who, k) for k in offers} for who, offers in held(result).items()}
    gone = {max(pairs) for who, pairs in given.items() if who % 3}
    found = result.replacements(
        {"customer": [a for a, _ in sorted(gone)], "offer": [b for _, b in sorted(gone)]}
    )
    come = {(row["customer"], row["offer"]) for row in found.come.to_pylist()}
    seen = 0
    for house in {who // 2 if unit else who for who in given}:
        people = [2 * house, 2 * house + 1] if unit else [house]
        had = set().union(*(given.get(who, set()) for who in people))
        if not had & gone:
            continue
        left = had - gone
        free = [(who, k) for who in people for k in range(5) if (who, k) not in had]
        best = {
            sum(values[one] for one in new) - sum(cost[len(left) : len(left) + len(new)]): set(new)
            for size in range(len(had) - len(left) + 1)
            for new in itertools.combinations(free, size)
            if all(
                sum(a == who and (b > 1) == brand for a, b in left | set(new)) <= 1
                for who in people
                for brand in (False, True)
            )
        }
        assert come & set(free) == best[max(best)]
        seen += len(come & set(free))
    assert seen > 3 and not come & gone


def test_what_is_not_there_is_refused() -> None:
    result = campaign().solve(threads=1)
    nothing = result.replacements(
        {"customer": [3], "offer": [sorted(set(range(9)) - held(result)[3])[0]]}
    )
    assert len(nothing.come) == len(nothing.go) == 0
    with pytest.raises(InvalidInput, match="row 1: 77 is not in table offers"):
        result.replacements({"offer": [1, 77]})
    with pytest.raises(InvalidInput, match="row 0: 600 is not in table candidates"):
        result.replacements({"customer": [600], "offer": [1]})
    with pytest.raises(InvalidInput, match="'offer'"):
        result.replacements({"customer": [1]})


def test_from_folders_as_in_python(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = campaign().solve(threads=1)
    write_campaign(campaign(), tmp_path / "campaign")
    result.save(tmp_path / "result")
    (tmp_path / "cancelled.csv").write_text("offer\n0\n1\n")
    arguments = ["campaign", "result", "cancelled.csv"]
    command = ["replace", *(str(tmp_path / name) for name in arguments), "--json"]
    monkeypatch.setattr(entry, "end_in_order", nullcontext)  # signals stay as they are
    assert entry.run([*command, "-o", str(tmp_path / "out")]) == 0
    found = result.replacements({"offer": [0, 1]})
    assert json.loads(capsys.readouterr().out) == found.as_dict()
    for name, table in (("come", found.come), ("go", found.go)):
        assert pq.read_table(tmp_path / "out" / f"{name}.parquet").equals(table)
    assert str(len(found.come)) in found.summary()
    assert entry.run([*command, "-o", str(tmp_path / "out")]) == 2
    assert entry.run([*command, "-o", str(tmp_path / "out"), "--overwrite"]) == 0
