"""The report: its numbers are those that verify recomputes, and whatever is in the tables is text."""

from __future__ import annotations

import dataclasses
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support.pages import Element, parsed

import couponry
from couponry import Campaign, CustomerRule, Frontier, Limit, Result
from couponry.report.page import report_page
from couponry.report.sections import conflict_section

EVIL = '<script>alert("1")</script>'
CUSTOMERS, OFFERS, EACH = 300, 12, 6


def tables() -> dict[str, pa.Table]:
    """Offers, candidates and customers whose ids, titles and groups would do harm as HTML."""
    rng = np.random.default_rng(5)
    offers = [f"{EVIL}{n}" if n % 3 == 0 else f"offer & 'more' {n}" for n in range(OFFERS)]
    chosen = np.argsort(rng.random((CUSTOMERS, OFFERS)), axis=1)[:, :EACH].ravel()
    names = [f"<b>{n:04}</b>" for n in range(CUSTOMERS)]
    return {
        "offers": pa.table(
            {
                "offer": offers,
                "title": [f"</td>{n} % off <i>tea</i>" for n in range(OFFERS)],
                "supplier": [("A", "<img src=x onerror=alert(1)>", "C\u202ex\n")[n % 3] for n in range(OFFERS)],
                "tags": [["new", "<u>"] if n % 2 else ["new"] for n in range(OFFERS)],
                "margin": 1 + 2 * rng.random(OFFERS),
                "face_value": np.linspace(0.3, 0.9, OFFERS),
            }
        ),
        "candidates": pa.table(
            {
                "customer": np.repeat(names, EACH),
                "offer": [offers[n] for n in chosen],
                "response": rng.beta(2, 9, CUSTOMERS * EACH),
            }
        ),
        "customers": pa.table({"customer": names, "segment": [("old", "<new>")[n % 2] for n in range(CUSTOMERS)]}),
    }  # fmt: skip


@cache
def campaign() -> Campaign:
    return Campaign(
        *tables().values(),
        rules=[CustomerRule("slots", max=2)],
        limits=[
            Limit("kept", max=10_000),
            Limit("budget", sum="cost", max=25.0),
            Limit(EVIL, by="supplier", max=130),
            Limit("wish", where={"supplier": "A"}, sum="response", min=90, mode="soft", penalty=0.1),
            Limit("rate", by="supplier", ratio=("value", "cost"), min=0.5, mode="report"),
            Limit("none", where={"offer": f"{EVIL}0"}, max=0),
        ],
        name=f"spring {EVIL}",
    )  # fmt: skip


@cache
def solved() -> Result:
    return campaign().solve(threads=1)


@cache
def page() -> Element:
    return parsed(report_page(solved()))


def test_figures_are_those_that_verify_recomputes(tmp_path: Path) -> None:
    couponry.write_campaign(campaign(), tmp_path / "campaign")
    solved().write(tmp_path / "out")
    true = couponry.verify_result(tmp_path / "campaign", tmp_path / "out")
    assert true.ok
    (figures,) = [each for each in page().all("dl") if "figures" in each.classes]
    found = {each.all("dt")[0].text: each.value for each in figures.all("div")}
    cost = pq.read_table(tmp_path / "out" / "allocation.parquet")["cost"].to_numpy().sum()
    assert found == {
        "value": pytest.approx(true.objective, rel=1e-12),
        "cost": pytest.approx(cost, rel=1e-12),
        "coupons": true.allocated,
        "customers reached": true.customers_with_coupons,
        "gap": pytest.approx(true.gap, rel=1e-6),
        "penalties": pytest.approx(true.penalties, rel=1e-9),
    }
    assert true.penalties


def test_limits_are_those_that_verify_recomputes() -> None:
    assert solved().limits is not None
    expected = {
        row["name"] + ("" if row["group"] is None else f" · {row['group']}"): row
        for row in solved().limits.to_pylist()
    }
    shown = page().with_id("limits").rows()
    assert len(shown) == len(expected)
    for name, (_, achieved, _, price) in shown.items():
        row = expected[name.replace("\\u202e", "\u202e").replace("\\n", "\n")]
        assert (achieved.value, price.value) == (row["achieved"], row["price"])
    assert next(iter(shown)) == "wish"  # it is late
    late = [row for row in page().with_id("limits").all("tr") if "late" in row.classes]
    assert len(late) == 1 and "short by" in late[0].text


@pytest.mark.parametrize(("column", "table"), [("supplier", "offers"), ("segment", "customers")])
def test_breakdowns_add_the_allocation_up(column: str, table: str) -> None:
    assert solved().allocation is not None
    given = solved().allocation.to_arrow()
    key = "offer" if table == "offers" else "customer"
    joined = given.join(tables()[table].select([key, column]), key)
    sums = joined.group_by(column).aggregate(
        [("customer", "count"), ("customer", "count_distinct"), ("response", "sum"), ("cost", "sum"), ("value", "sum")]
    )  # fmt: skip
    shown = page().with_id("breakdown").figure(f"By {column}").rows()
    expected = {
        str(row.pop(column)).replace("\u202e", "\\u202e").replace("\n", "\\n"): list(row.values())
        for row in sums.to_pylist()
    }
    assert {*expected} <= {*shown} and len(shown) == len(tables()[table][column].unique())
    for name, cells in shown.items():
        numbers = [cell.value for cell in cells[1:]]
        assert numbers == pytest.approx(expected.get(name, [0] * len(numbers)), rel=1e-12)


def test_coupons_per_offer_and_customer() -> None:
    assert solved().allocation is not None
    given = solved().allocation.to_arrow()
    breakdown = page().with_id("breakdown")
    counts = dict.fromkeys(tables()["offers"]["offer"].to_pylist(), 0)
    for offer in given["offer"].to_pylist():
        counts[offer] += 1
    shown = breakdown.figure("Coupons per offer").rows()
    assert {name: cells[1].value for name, cells in shown.items()} == counts
    never = sum(count == 0 for count in counts.values())
    assert never and f"{never} offer" in breakdown.text.split("Coupons per offer")[1]
    each = np.bincount(
        np.unique(given["customer"].to_numpy(zero_copy_only=False), return_counts=True)[1]
    )
    each[0] = CUSTOMERS - each[1:].sum()
    shown = breakdown.figure("Coupons per customer").rows()
    expected = {str(number): count for number, count in enumerate(each) if count}
    assert {name: cells[1].value for name, cells in shown.items()} == expected


def test_who_got_nothing_is_named() -> None:
    nothing = solved().customers - solved().customers_with_coupons
    assert nothing > 10
    figure = page().with_id("breakdown").figure("Who got nothing")
    assert (
        f"{nothing} customers" in figure.text
        and f"and {nothing - 10} customers more" in figure.text
    )
    assert solved().allocation is not None
    reached = set(solved().allocation.to_arrow()["customer"].to_pylist())
    assert len(figure.rows()) == 10 and not reached & set(figure.rows())


def test_customers_below_a_minimum_are_named() -> None:
    few = {"customer": [1, 1, 2, 3], "offer": ["a", "b", "a", "b"], "value": [1.0, 2.0, 3.0, 4.0]}
    rules = [CustomerRule("slots", min=2, max=2)]
    result = Campaign({"offer": ["a", "b"]}, few, rules=rules).solve(threads=1)
    shown = parsed(report_page(result)).figure("Below a minimum of the rules: 2 customers").rows()
    assert list(shown) == ["2", "3"]


def test_whatever_is_in_the_tables_is_text() -> None:
    html = report_page(solved())
    names = {element for element in ["script", "img", "i", "b", "u", "new"] if page().all(element)}
    assert names == {"i"}  # of bars
    assert not [each for each in page().all("i") if each.text or not each.classes]
    assert "\u202e" not in html and "onerror" in page().text
    attributes = {name for each in page().all("body") for name in _attributes(each)}
    assert not [name for name in attributes if name.startswith("on")]


def _attributes(element: Element) -> set[str]:
    return set(element.attributes).union(*map(_attributes, element.children))


def test_it_refers_to_nothing_outside() -> None:
    html = report_page(solved())
    links = re.findall(r"(?:href|src|url)\s*[=(]\s*[\"']?([^\"'\s)>]*)", html)
    keys = {"#" + str(each.attributes["id"]) for each in page().all("section")}
    assert {link for link in links if link != "data:,"} - {
        "x"
    } == keys  # x: of a supplier's name, as text
    assert "@import" not in html and len(html) < 300_000


def test_ten_customers_differ_and_are_explained() -> None:
    figures = page().with_id("customers").all("figure")
    whys = [figure.all("bdi")[0].text.split(": ")[1] for figure in figures]
    assert len({figure.all("bdi")[0].text for figure in figures}) == 10
    assert whys[:4] == ["got nothing", "worth most", "in the middle", "worth least"]
    decided = [why.split()[1] for why in whys if why.startswith("limit ")]
    assert decided and {*decided} <= {"budget", "wish", EVIL.split()[0]}
    for figure in figures:
        customer = figure.all("bdi")[0].text.removeprefix("Customer ").split(":")[0]
        explanation = solved().explain(customer)
        cells = figure.rows().values()
        expected = [decision.value for decision in explanation.decisions]
        assert [row[0].value for row in cells] == expected


def test_it_is_the_same_every_time() -> None:
    reversed_rows = tables()
    rows = reversed_rows["candidates"]
    reversed_rows["candidates"] = rows.take(pa.array(range(len(rows))[::-1]))
    other = Campaign(
        *reversed_rows.values(), rules=campaign().rules, limits=campaign().limits, name=campaign().name
    ).solve(threads=2)  # fmt: skip
    same = {"seconds": {}, "threads": 1, "peak_memory_bytes": 0}
    first, second = (
        report_page(dataclasses.replace(result, **same)) for result in (solved(), other)
    )
    assert first == second


def test_inputs_have_digests() -> None:
    def digests(result: Result) -> dict[str, str]:
        names = parsed(report_page(result)).with_id("provenance").all("dl")[0].all("div")
        found = {each.all("dt")[0].text: each.all("dd")[0].text for each in names}
        return {name: text for name, text in found.items() if name.startswith("digest of")}

    parts = ["candidates", "offers", "customers", "what was agreed"]
    assert sorted(digests(solved())) == sorted(f"digest of {part}" for part in parts)
    small = plain()[0]
    now, then = (
        digests(each.solve(threads=1, gap=0.01))
        for each in (small, small.changed(limits={"budget": {"max": 4.0}}))
    )
    changed = {name for name, text in now.items() if text != then[name]}
    assert changed == {"digest of what was agreed"}


def test_what_is_not_shown_is_counted() -> None:
    offers = {"offer": list(range(60)), "brand": [f"brand {n:02}" for n in range(60)]}
    candidates = {"customer": [0] * 60, "offer": list(range(60)), "value": np.arange(60.0)}
    limits = [Limit("brands", by="brand", max=1)]
    result = Campaign(offers, candidates, limits=limits, rules=[CustomerRule(max=9)]).solve(
        threads=1
    )
    found = parsed(report_page(result))
    assert len(found.with_id("limits").rows()) == 40
    assert "and 20 limits more, all within their bounds and without a price" in found.text
    assert "and 45 offers more with 0 coupons; 51 offers were never given" in found.text
    assert "and 45 not given more" in found.text


def test_what_was_maximised_is_what_is_shown() -> None:
    offers = {"offer": ["a", "b"], "brand": ["A", "B"], "price": [5.0, 1.0]}
    candidates = {"customer": [1, 1, 2], "offer": ["a", "b", "b"], "response": [0.5, 0.25, 0.125]}
    for value, says, first in (
        ("response", "bring 0.875 expected redemptions", "A"),
        ("price", "are worth 7 of price", "B"),
    ):
        rules = [CustomerRule(max=2)]
        result = Campaign(offers, candidates, rules=rules, value=value).solve(threads=1)
        found = parsed(report_page(result))
        assert says in found.all("p")[0].text
        figure = found.figure("By brand")
        assert next(iter(figure.rows())) == first
        heads = [head.text for head in figure.all("thead")[0].all("th")]
        assert heads == ["brand", "", "coupons", "customers", "redemptions"]  # no value: it is 0


def test_infeasible() -> None:
    limits = [Limit("few", max=1), Limit(EVIL, min=2)]
    offers, candidates = (
        {"offer": ["a"]},
        {"customer": [1, 2, 3], "offer": ["a"] * 3, "value": [1.0] * 3},
    )
    result = Campaign(offers, candidates, limits=limits).solve(threads=1)
    assert result.infeasible is not None
    found = parsed(report_page(result))
    assert f"few and {EVIL} cannot hold together" in found.text and not found.all("script")
    conflict = found.with_id("conflict").rows()
    assert {name: cells[1].value for name, cells in conflict.items()} == {"few": 2.0, EVIL: 1.0}
    data = conflict_section(result.infeasible).charts[0].to_arrow()
    assert (data["max"].to_pylist(), data["min"].to_pylist()) == ([1, None], [None, 2])
    (change,) = result.infeasible["way_out"]
    (cells,) = found.with_id("way-out").rows().values()
    assert [cell.value for cell in cells[2:]] == [
        change[n] for n in ("would_do", "change", "share")
    ]


def test_unsolved() -> None:
    result = dataclasses.replace(
        solved(), status="unsolved", message="no time", objective=None, bound=None, gap=None,
        allocation=None, limits=None, plan=None,
    )  # fmt: skip
    found = parsed(report_page(result))
    assert "No allocation was found: no time." in found.text
    assert [each.attributes["id"] for each in found.all("section")] == ["provenance"]


@cache
def plain() -> tuple[Campaign, Frontier]:
    """A campaign that is solved fast, and a frontier of it."""
    data = tables()
    budget = Limit("budget", sum="cost", max=5.0)
    some = data["candidates"].slice(0, 60 * EACH)
    made = Campaign(data["offers"], some, rules=campaign().rules, limits=[budget])
    return made, made.frontier("budget", [3.0, 5.0, 7.0], gap=0.01, threads=1)


def test_frontiers_and_price_ranges_are_shown(tmp_path: Path) -> None:
    made, frontier = plain()
    result = made.solve(threads=1)
    ranges = result.price_ranges("budget", threads=1)
    path = result.report(tmp_path / "report.html", ranges=ranges, frontiers=[frontier])
    found = parsed(path.read_text(encoding="utf-8")).with_id("help")
    rows = found.figure("What budget is worth").rows()
    table = frontier.to_arrow()
    assert [cells[0].value for cells in rows.values()] == table["objective"].to_pylist()
    assert len(found.all("circle")) == 3
    moved = found.figure("What moves of bounds are worth").all("tbody")[0].all("tr")
    changes = [row.children[3].value for row in moved]
    assert changes == ranges.to_arrow()["change"].to_pylist()
    assert result.limits is not None
    (price,) = result.limits["price"].to_pylist()
    cells = found.figure("Dearest limits").rows()["budget"]
    assert cells[2].value == pytest.approx(0.01 * 5.0 * price)


def test_charts_of_notebooks() -> None:
    plot = solved().plot
    charts: list[Any] = [
        plot.limits(), plot.dearest(), plot.by("supplier"), plot.by("segment", table="customers"),
        plot.coupons_per_customer(), plot.coupons_per_offer(),
    ]  # fmt: skip
    for chart in charts:
        found = parsed(chart._repr_html_())
        assert found.all("h3")[0].text == chart.title and not found.all("script")
    assert plot.by("supplier").to_arrow().equals(solved().by("supplier").to_arrow())
    assert plot.limits().to_arrow().equals(solved().limits)


def test_a_chart_is_a_file_of_its_own(tmp_path: Path) -> None:
    path = solved().plot.limits().write(tmp_path / "limits.html")
    found = parsed(path.read_text(encoding="utf-8"))
    assert found.all("h1")[0].text == "Limits" and found.all("title")[0].text == "Limits"


def test_charts_need_an_allocation() -> None:
    result = dataclasses.replace(solved(), status="unsolved", limits=None, plan=None)
    for ask in (result.plot.limits, result.plot.dearest, result.plot.coupons_per_offer):
        with pytest.raises(couponry.InvalidInput, match="unsolved"):
            ask()


def test_the_style_touches_nothing_else_on_a_notebook_s_page() -> None:
    (style,) = parsed(solved().plot.limits()._repr_html_()).all("style")
    rules = re.sub(r"@media[^{]*", "", style.text)
    selectors = [
        one.strip() for rule in re.findall(r"([^{}]+)\{", rules) for one in rule.split(",")
    ]
    assert {one.split()[0].split(".")[1] for one in selectors if one and one != "@page"} == {
        "couponry"
    }
    assert json.dumps(selectors)
