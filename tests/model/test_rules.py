"""Customer rules of every kind at once, with history and mandatory offers: each customer against all subsets."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.campaigns import Tables, random_tables, replaced, shuffled, write_folder

from couponry import (
    Campaign,
    CustomerRule,
    InvalidInput,
    Limit,
    kernels,
    read_campaign,
    write_campaign,
)
from couponry.verify import verify_result

Folder = Callable[..., Path]
ABOUT: list[dict[str, Any]] = [
    {"by": "product"}, {"by": "brand"}, {"by": "role"}, {"by": "tags"}, {"where": {"channel": "mail"}},
    {"where": {"role": ["reward", "activation"]}}, {"where": {"day": {"max": 16}}},
    {"where": {"day": {"min": 10, "max": 25}}}, {"by": "brand", "where": {"channel": "email"}},
    {"by": "tags", "where": {"day": {"min": 7}}},
]  # fmt: skip


def random_rules(random: np.random.Generator) -> list[dict[str, Any]]:
    """Rules about all coupons and about parts, at most and at least, by columns that nest and that do not."""
    rules: list[dict[str, Any]] = [{"name": "slots", "max": int(random.integers(2, 6))}]
    if random.random() < 0.4:
        rules[0]["min"] = int(random.integers(1, rules[0]["max"] + 1))
    for k in range(int(random.integers(1, 5))):
        rule = {"name": f"r{k}", **ABOUT[random.integers(len(ABOUT))]}
        if random.random() < 0.8:
            rule["max"] = ["slots", 0, 1, 1, 2, 3][random.integers(6)]
        if "max" not in rule or (rule["max"] != "slots" and random.random() < 0.4):
            rule["min"] = int(random.integers(0, rule.get("max", 3) + 1))
        rules.append(rule)
    return rules


def random_campaign(seed: int) -> tuple[Tables, list[dict[str, Any]], Tables]:
    """Tables, rules, and the tables that rules bring along: conflicts, history, mandatory candidates."""
    random = np.random.default_rng([seed, 11])
    tables = random_tables(seed, customers=10, offers=11, each=7)
    rules, more = random_rules(random), {}
    if seed % 4 == 0:  # ties, and coupons that are worth nothing
        value = np.round(np.array(tables["candidates"]["value"]) - 1.5)
        tables["candidates"] = replaced(tables["candidates"], "value", value)
    if random.random() < 0.5:
        flags = random.choice([True, False, None], 70, p=[0.15, 0.7, 0.15]).tolist()
        tables["candidates"] = replaced(
            tables["candidates"], "mandatory", pa.array(flags, pa.bool_())
        )
    offers = tables["offers"]["offer"].to_pylist()
    newer(np.random.default_rng([seed, 12]), rules)
    if random.random() < 0.6:
        pairs = np.array(list(itertools.combinations(offers, 2)))[random.random(55) < 0.15]
        more["conflicts"] = pa.table({"offer_a": pairs[:, 1], "offer_b": pairs[:, 0]})
        rules.append({"name": "never together", "conflicts": "conflicts.parquet"})
        if seed % 3 == 1:
            rules[-1] |= {"within": seed % 14, "customers": {"segment": ["gold", "silver"]}}
    if random.random() < 0.6:
        customers = [*tables["customers"]["customer"].to_pylist(), 5]  # nobody has the id 5
        size = int(random.integers(1, 12))
        day = [int(d) if random.random() < 0.5 else None for d in random.integers(1, 30, size)]
        more["history"] = pa.table(
            {
                "customer": random.choice(customers, size),
                "offer": random.choice(offers, size),
                "day": pa.array(day, pa.int64()),
            }
        )
    return tables, rules, more


def newer(random: np.random.Generator, rules: list[dict[str, Any]]) -> None:
    """Says of some rules whether they count the history, for whom they are, and for how many days on end."""
    for rule in rules:
        if random.random() < 0.6:
            rule["history"] = bool(random.random() < 0.8)
        if random.random() < 0.25 and len(rule) > 3:
            rule["customers"] = {"segment": ["gold", "silver"][random.integers(2)]}
        if random.random() < 0.4 and "min" not in rule and rule["name"] != "slots":
            rule["window"] = int(random.integers(1, 15))


def best_of_each(
    tables: Tables, rules: list[dict[str, Any]], more: Tables
) -> dict[Any, tuple[Any, ...]]:
    """What each customer misses at least, and what that is worth at most: by trying every subset."""
    offers = {row["offer"]: row for row in tables["offers"].to_pylist()}
    people = {row["customer"]: row for row in tables["customers"].to_pylist()}
    history: dict[Any, list[dict[str, Any]]] = {}
    for row in more["history"].to_pylist() if "history" in more else []:
        own = {key: value for key, value in row.items() if value is not None}
        history.setdefault(row["customer"], []).append({**offers[row["offer"]], **own})
    apart = {frozenset(row.values()) for row in more.get("conflicts", pa.table({})).to_pylist()}
    candidates: dict[Any, list[dict[str, Any]]] = {}
    for row in tables["candidates"].to_pylist():
        candidates.setdefault(row["customer"], []).append({**offers[row["offer"]], **row})
    return {
        customer: max(
            rated(subset, own, history.get(customer, []), rules, people[customer], apart)
            for size in range(len(own) + 1)
            for subset in itertools.combinations(own, size)
        )
        for customer, own in candidates.items()
    }


def rated(
    subset: tuple[dict[str, Any], ...],
    own: list[dict[str, Any]],
    history: list[dict[str, Any]],
    rules: list[dict[str, Any]],
    person: dict[str, Any],
    apart: set[frozenset[Any]],
) -> tuple[float, float, float]:
    """Minus the mandatory candidates missed, minus the coupons short of minimums, and the worth; broken: infinite."""
    broken = (-np.inf, -np.inf, -np.inf)
    short, least_of_all = 0, 0
    for rule in rules:
        whom = rule.get("customers", {}).get("segment", person["segment"])
        if person["segment"] not in (whom if isinstance(whom, list) else [whom]):
            continue
        if "conflicts" in rule:
            most = rule.get("within", np.inf)
            for a, b in [*itertools.combinations(subset, 2), *itertools.product(subset, history)]:
                if {a["offer"], b["offer"]} in apart and abs(a["day"] - b["day"]) <= most:
                    return broken
            continue
        dated = "window" in rule or "day" in rule.get("where", {})
        past = history if rule.get("history", dated) else []
        most = rule.get("max", np.inf)
        most = person[most] if isinstance(most, str) else most
        for group in {g for row in own for g in groups_of(rule, row)}:
            held = sum(group in groups_of(rule, row) for row in past)
            count = sum(group in groups_of(rule, row) for row in subset)
            if count > max(0, most - held):
                return broken
            lacking = max(0, rule.get("min", 0) - held - count)
            if set(rule) & {"by", "where", "window"}:
                short += lacking
            else:
                least_of_all = max(least_of_all, lacking)
    missed = sum(bool(row.get("mandatory")) for row in own) - sum(
        bool(row.get("mandatory")) for row in subset
    )
    return -missed, -(short + least_of_all), sum(row["value"] for row in subset)


def groups_of(rule: dict[str, Any], row: dict[str, Any]) -> list[Any]:
    """The groups of a rule that a coupon is in."""
    for name, test in rule.get("where", {}).items():
        value = row.get(name)
        if isinstance(test, dict):
            inside = value is not None and test.get("min", -1) <= value <= test.get("max", 99)
        else:
            inside = value in (test if isinstance(test, list) else [test])
        if not inside:
            return []
    value = row.get(rule["by"]) if "by" in rule else "all"
    groups = list(value) if isinstance(value, list) else [] if value is None else [value]
    if "window" in rule:
        begins = range(row["day"] - rule["window"] + 1, row["day"] + 1)
        return [(group, first) for group in groups for first in begins]
    return groups


def written(
    path: Path, tables: Tables, rules: list[dict[str, Any]], more: Tables, **sections: Any
) -> Path:
    names = {"offers": "offers.parquet", "candidates": "candidates.parquet"}
    if "history" in more:
        names["history"] = "history.parquet"
    content = {"schema": 1, "tables": names, "customer_rule": rules, **sections}
    return write_folder(path, tables, content, **more)


@pytest.mark.parametrize("seed", range(60))
def test_every_customer_gets_its_best_choice(seed: int, tmp_path: Path) -> None:
    tables, rules, more = random_campaign(seed)
    path = written(tmp_path / "campaign", tables, rules, more)
    result = read_campaign(path).solve(gap=1e-9)
    best = best_of_each(tables, rules, more)
    assert result.objective == pytest.approx(sum(one[2] for one in best.values()), abs=1e-9)
    assert result.status == "optimal" and result.customers_cut_off == 0
    assert result.customers_without_mandatory == sum(one[0] < 0 for one in best.values())
    result.write(tmp_path / "result")
    assert verify_result(path, tmp_path / "result").problems == []


@pytest.mark.parametrize("seed", range(12))
def test_limits_on_top_and_the_folder_again(seed: int, tmp_path: Path) -> None:
    """What couponry writes it reads as the same campaign; limits hold, and so do all rules."""
    tables, rules, more = random_campaign(seed)
    free = read_campaign(written(tmp_path / "free", tables, rules, more)).solve()
    limits = [
        {"name": "mail", "sum": "count", "where": {"channel": "mail"}, "max": free.allocated // 3},
        {"name": "points", "sum": "points", "max": 3.0 * free.allocated},
    ]
    path = written(tmp_path / "campaign", tables, rules, more, limit=limits)
    campaign = read_campaign(path)
    result = campaign.solve(gap=1e-3)
    again = write_campaign(campaign, tmp_path / "again")
    same = read_campaign(again).solve(gap=1e-3, threads=1)
    assert same.status == result.status
    if result.allocation is None:
        assert result.status == "infeasible"
        return
    assert (
        result.allocation.to_arrow().equals(same.allocation.to_arrow())
        and result.bound == same.bound
    )
    result.write(tmp_path / "result")
    for folder in path, again:
        assert verify_result(folder, tmp_path / "result").problems == []
    assert result.bound >= result.objective


@pytest.mark.parametrize("backend", ["native", "reference"])
def test_a_search_that_is_cut_off_is_counted_and_bounded(backend: str) -> None:
    tables = random_tables(8, customers=10, offers=16, each=14)
    random = np.random.default_rng(3)
    offers = tables["offers"]["offer"].to_pylist()
    pairs = np.array(list(itertools.combinations(offers, 2)))[random.random(120) < 0.5]
    campaign = Campaign(
        tables["offers"],
        replaced(tables["candidates"], "value", random.random(140) + 1),
        rules=[
            CustomerRule("slots", max=5),
            CustomerRule("apart", conflicts={"offer_a": pairs[:, 0], "offer_b": pairs[:, 1]}),
        ],
    )
    exact = campaign.solve(gap=0.0, backend=backend)
    problem = campaign.compile().problem
    once = replace(problem.packed, rules=problem.rules._replace(nodes=1))
    object.__setattr__(problem, "packed", once)
    cut = campaign.solve(gap=0.0, backend=backend)
    assert exact.customers_cut_off == 0 < cut.customers_cut_off
    assert cut.objective <= exact.objective <= cut.bound
    assert exact.bound == pytest.approx(exact.objective)


def test_any_order_of_rows_and_any_number_of_threads() -> None:
    tables, rules, more = random_campaign(4)
    made = [CustomerRule(**{**rule, "conflicts": more["conflicts"]} if "conflicts" in rule else rule)
            for rule in rules if "conflicts" not in rule or "conflicts" in more]  # fmt: skip

    def solved(mixed: bool, threads: int) -> Any:
        data = {
            name: shuffled(table, 5) if mixed else table
            for name, table in {**tables, **more}.items()
        }
        campaign = Campaign(
            data["offers"], data["candidates"], data["customers"], data.get("history"), rules=made,
            limits=[Limit("mail", where={"channel": "mail"}, max=5)],
        )  # fmt: skip
        return campaign.solve(threads=threads)

    first = solved(False, 1)
    for mixed, threads in (True, 1), (False, 3), (True, 2):
        other = solved(mixed, threads)
        assert (
            first.allocation.to_arrow().equals(other.allocation.to_arrow())
            and first.bound == other.bound
        )


# ---- history


def small(history: Any, *rules: CustomerRule) -> Campaign:
    offers = pa.table({"offer": [1, 2, 3], "channel": ["email", "email", "mail"], "day": [3, 9, 9]})
    candidates = pa.table({"customer": [7, 7, 7, 8, 8, 8], "offer": [1, 2, 3] * 2,
                           "value": [3.0, 2.0, 1.0] * 2})  # fmt: skip
    return Campaign(offers, candidates, history=history, rules=rules)


def given_to(campaign: Campaign, customer: int) -> list[int]:
    rows = campaign.solve().allocation.to_arrow().to_pylist()
    return [row["offer"] for row in rows if row["customer"] == customer]


def test_history_counts_by_its_own_attributes() -> None:
    rule = CustomerRule("mails", where={"channel": "email", "day": {"min": 1, "max": 7}}, max=1)
    history = {"customer": [7, 8], "offer": [2, 2], "day": [5, None]}
    campaign = small(history, rule)
    assert given_to(campaign, 7) == [2, 3]  # offer 2 was sent on day 5
    assert given_to(campaign, 8) == [1, 2, 3]  # on its own day, 9


def test_history_without_offers_needs_what_rules_ask_for() -> None:
    rule = CustomerRule("mails", where={"channel": "email"}, max=1, history=True)
    assert given_to(small({"customer": [7], "channel": ["email"]}, rule), 7) == [3]
    with pytest.raises(InvalidInput, match=r"table history.*'channel'"):
        small({"customer": [7]}, rule).solve()
    with pytest.raises(
        InvalidInput, match=r"table history, column 'offer', row 1: offer 99 .*'channel'"
    ):
        small({"customer": [7, 7], "offer": [1, 99]}, rule).solve()


def test_history_beyond_max_leaves_nothing_and_breaks_nothing() -> None:
    history = {"customer": [7, 7, 7], "offer": [1, 1, 2]}
    two = CustomerRule("two", max=2, history=True)
    assert given_to(small(history, two), 7) == []
    assert given_to(small(history, two), 8) == [1, 2]
    one = CustomerRule("one", by="channel", max=1, history=True)
    assert given_to(small(history, one), 7) == [3]


def test_nothing_in_conflict_with_history() -> None:
    apart = CustomerRule("apart", conflicts={"offer_a": [3, 1], "offer_b": [1, 1]})
    campaign = small({"customer": [7], "offer": [1]}, apart)
    assert given_to(campaign, 7) == [2]  # and not offer 1 again, which is in conflict with itself
    assert given_to(campaign, 8) == [1, 2]


def test_history_counts_towards_minimums() -> None:
    mail = CustomerRule("mail", where={"channel": "mail"}, min=1, history=True)
    rules = [CustomerRule("one", max=1, history=True), mail]
    campaign = small({"customer": [7], "offer": [3]}, *rules)
    assert given_to(campaign, 8) == [3]
    result = small({"customer": [7], "channel": ["mail"]}, rules[1]).solve()
    assert result.customers_below_min == 0
    assert given_to(small({"customer": [5], "offer": [3]}, *rules), 7) == [3]


# ---- infeasible campaigns


def many(customers: int, *rules: CustomerRule, limit: Limit, mandatory: bool = False) -> Campaign:
    offers = pa.table({"offer": [1, 2, 3], "channel": ["email", "email", "mail"]})
    n = np.repeat(np.arange(customers), 3)
    candidates = {"customer": n, "offer": [1, 2, 3] * customers, "value": np.ones(len(n)),
                  "mandatory": [False, mandatory, False] * customers}  # fmt: skip
    return Campaign(
        offers, candidates, rules=[CustomerRule("slots", max=2), *rules], limits=[limit]
    )


APART = CustomerRule("apart", conflicts={"offer_a": [1], "offer_b": [2]})
LOOSE = CustomerRule("loose", by="channel", min=1)


def test_a_conflict_that_leaves_a_limit_out_of_reach_is_named() -> None:
    limit = Limit("mails", where={"channel": "email"}, min=60)
    result = many(50, APART, LOOSE, limit=limit).solve()
    assert result.status == "infeasible"
    assert result.infeasible["customer_rules"] == [{"customer_rule": "apart"}]
    assert [entry["reachable"] for entry in result.infeasible["limits"]] == [50.0]


@pytest.mark.parametrize("mandatory", [False, True])
def test_a_proof_that_nobody_had_time_to_narrow_names_mandatory_offers_only_where_there_are_any(
    mandatory: bool,
) -> None:
    campaign = many(5, APART, limit=Limit("mails", min=60), mandatory=mandatory)
    names = campaign.compile(kernels.load(None)).problem.rule_names.all_names()
    assert ("mandatory offers" in names) == mandatory


def test_mandatory_offers_are_named_among_what_cannot_hold(tmp_path: Path) -> None:
    first = CustomerRule("first", where={"channel": "mail"}, max=0)
    limit = Limit("first", where={"channel": "email"}, max=20)
    campaign = many(50, APART, first, limit=limit, mandatory=True)
    result = campaign.solve()
    assert result.status == "infeasible"
    assert result.infeasible["customer_rules"] == [{"customer_rule": "mandatory offers"}]
    assert [entry["reachable"] for entry in result.infeasible["limits"]] == [50.0]
    result.write(tmp_path / "result")
    folder = write_campaign(campaign, tmp_path / "campaign")
    assert verify_result(folder, tmp_path / "result").problems == []
