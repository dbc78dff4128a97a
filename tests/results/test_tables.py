"""Tables of results: for every library, with HTML; and the limits that stand in the way."""

from __future__ import annotations

import copy
import pickle
import runpy
from pathlib import Path

import numpy as np
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import couponry
from couponry import Campaign, Limit, Result
from couponry.data.table_view import SHOWN_ROWS, TableView


@pytest.fixture(scope="module")
def result() -> Result:
    offers = {"offer": ["<tea>", "jam"], "supplier": ["A", "B"]}
    pairs = [(c, o) for c in range(20) for o in offers["offer"]]
    candidates = {
        "customer": [c for c, _ in pairs],
        "offer": [o for _, o in pairs],
        "value": [1.0 + (5 * c + len(o)) % 7 for c, o in pairs],
        "cost": [1.0] * len(pairs),
    }
    limits = [
        Limit("<tea>", where={"offer": "<tea>"}, max=6),
        Limit("budget", sum="cost", max=15.0),
        Limit("wide", max=1000),
        Limit("jam", where={"offer": "jam"}, min=12),
    ]
    return Campaign(offers, candidates, limits=limits).solve()


def test_every_table_is_one_for_every_library(result: Result) -> None:
    assert result.limits is not None and result.allocation is not None
    given = [
        result.limits,
        result.allocation,
        result.by("supplier"),
        result.per_customer(),
        result.binding(),
        result.explain(3),
        result.price_ranges(),
        result.frontier("budget", factors=[0.5, 1.0]),
        result.what_if(limits={"budget": {"max": 12}}).limits,
    ]
    for table in given:
        arrow = table.to_arrow()
        assert pa.table(table).equals(arrow)
        assert polars.DataFrame(table).equals(table.to_polars())
        assert table.to_pandas().shape == table.to_polars().shape == arrow.shape


def test_a_view_is_a_table_that_is_shown(result: Result) -> None:
    view = result.limits
    assert isinstance(view, TableView) and view._repr_html_().startswith("<table>")
    assert "&lt;tea&gt;" in view._repr_html_() and "<tea>" not in view._repr_html_()
    assert view.select(["name"]).num_rows == len(view) == view.num_rows == 4
    assert view == view.to_arrow() and view.equals(pickle.loads(pickle.dumps(view)))
    assert copy.copy(view) == view and view != view.slice(1) and "filter" in dir(view)
    with pytest.raises(AttributeError):
        view.nothing  # noqa: B018
    long = TableView(pa.table({"n": range(SHOWN_ROWS + 5)}))
    assert f"{SHOWN_ROWS} of {SHOWN_ROWS + 5} rows" in long._repr_html_()


def test_coupons_are_shown_without_all_being_made(result: Result) -> None:
    allocation = result.allocation
    assert allocation is not None and len(allocation) > 9
    assert (
        repr(allocation)
        == f"<Allocation: {len(allocation):,} rows of customer, offer, value, cost>"
    )
    page = allocation._repr_html_()
    assert page.startswith("<table>") and page.count("<tr>") == min(len(allocation), SHOWN_ROWS) + 1
    assert "<tea>" not in page and "&lt;tea&gt;" in page
    n = SHOWN_ROWS + 5
    many = {"customer": list(range(n)), "offer": [1] * n, "value": [1.0] * n}
    given = Campaign({"offer": [1]}, many).solve()
    assert f"{SHOWN_ROWS} of {SHOWN_ROWS + 5} rows" in given.allocation._repr_html_()  # type: ignore[union-attr]
    none = Campaign({"offer": [1]}, {"customer": [1], "offer": [1], "value": [-1.0]}).solve()
    assert none.allocation._repr_html_().count("<tr>") == 1  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["coupons", "customers", "redemptions", "value", "cost"])
def test_groups_of_a_column_that_is_called_like_a_sum(name: str) -> None:
    offers = {"offer": ["a", "b"], name: ["x", "y"]}
    candidates = {
        "customer": [1, 1, 2],
        "offer": ["a", "b", "a"],
        "value": [1.0, 2.0, 4.0],
        "cost": [0.5, 0.5, 0.5],
        "response": [0.25, 0.5, 0.75],
    }
    result = Campaign(offers, candidates).solve()
    expected = {"coupons": 2, "customers": 2, "redemptions": 1.0, "cost": 1.0, "value": 5.0}
    first, second = result.by(name).to_pylist()
    assert first == {"group": "x", **expected} and second["group"] == "y"
    assert result.plot.by(name).rows.rows[0][0] == ("x", "")


def test_binding_limits_are_those_with_a_price_dearest_first(result: Result) -> None:
    found = result.binding().to_pylist()
    assert result.limits is not None
    priced = [row for row in result.limits.to_pylist() if row["price"] != 0]
    assert {row["name"] for row in found} == {row["name"] for row in priced} and found
    assert [row["worth"] for row in found] == sorted((r["worth"] for r in found), reverse=True)
    for row in found:
        assert row["worth"] == pytest.approx(abs(row["price"] * row["bound"]))
        assert row["side"] == ("max" if row["price"] > 0 else "min")
    free = Campaign({"offer": [1]}, {"customer": [1], "offer": [1], "value": [1.0]}).solve()
    assert len(free.binding()) == 0


def test_a_campaign_is_shown_in_one_line_and_as_a_table(result: Result) -> None:
    campaign = Campaign.from_data(result.campaign)
    assert repr(campaign) == (
        "<Campaign 'campaign': 2 offers, 20 customers, 40 candidates, 0 rules, 4 limits>"
    )
    assert "&lt;tea&gt;" in campaign._repr_html_()


def test_the_script_that_type_checkers_read_runs() -> None:
    names = runpy.run_path(str(Path(__file__).parents[1] / "typing" / "user_script.py"))
    with pytest.raises(couponry.InvalidInput):
        names["wrong"]()


@pytest.mark.parametrize("is_held", [False, True], ids=["made of the plan", "held as a table"])
def test_row_groups_of_a_file(
    is_held: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    customers = 250
    candidates = {"customer": np.arange(customers), "offer": ["tea"] * customers}
    campaign = Campaign({"offer": ["tea"]}, candidates | {"value": np.ones(customers)})
    given, expected = campaign.solve().allocation, campaign.solve().allocation
    assert given is not None and expected is not None
    if is_held:
        given.to_arrow()
    for rows, groups in ((100, 3), (125, 2), (250, 1), (1000, 1)):
        monkeypatch.setattr("couponry.results.allocation.GROUP_ROWS", rows)
        given.write(tmp_path / "file")
        assert pq.ParquetFile(tmp_path / "file").num_row_groups == groups
        assert pq.read_table(tmp_path / "file").equals(expected.to_arrow())


def test_rows_of_an_allocation_are_those_of_single_coupons_in_any_blocks(tmp_path: Path) -> None:
    random, customers, offers = np.random.default_rng(3), 3000, 40
    who = np.repeat(np.arange(customers) * 7, 6)
    what = np.concatenate([np.sort(random.permutation(offers)[:6]) for _ in range(customers)])
    campaign = Campaign(
        {"offer": np.arange(offers), "face_value": 1.0 + np.arange(offers) % 3},
        {
            "customer": who,
            "offer": what,
            "response": random.random(len(who)),
            "margin": 4.0 + random.random(len(who)),
        },
        limits=[Limit("budget", sum="cost", max=700.0)],
    )
    result = campaign.solve()
    assert result.allocation is not None and result.compiled is not None
    rows = result.allocation.to_arrow()
    plan, indptr = result.plan, campaign.data.candidates.indptr
    assert plan is not None
    chosen = np.flatnonzero(plan.whole_choice())
    whose = np.searchsorted(indptr, chosen, side="right") - 1
    assert rows["customer"].to_pylist() == (whose * 7).tolist()
    names = ["value", "response", "cost"]
    together = result.compiled.coupon_values([*names, "what no campaign has"], chosen)
    assert [*together] == names
    for name in names:
        alone = result.compiled.coupon_values([name], chosen)[name]
        assert np.array_equal(alone, together[name])
        assert np.array_equal(rows[name].to_numpy(), alone)
    result.allocation.write(tmp_path / "rows.parquet")
    assert pq.read_table(tmp_path / "rows.parquet").equals(rows)
    group = pq.read_metadata(tmp_path / "rows.parquet").row_group(0)
    customers, offers = (
        group.column(rows.column_names.index(name)).encodings for name in ("customer", "offer")
    )
    assert "DELTA_BINARY_PACKED" in customers and "RLE_DICTIONARY" in offers
