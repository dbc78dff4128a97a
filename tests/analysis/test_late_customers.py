"""Late customers: decided as the solve would, many at once or one at a time, and never beyond a hard limit."""

from __future__ import annotations

import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.late_campaigns import (
    NO_BOUNDS,
    Tables,
    known_of,
    late_campaign,
    people,
    request_of,
    requests,
)

import couponry
from couponry import InvalidInput, Prices, kernels
from couponry.engines.local import LocalEngine
from couponry.solver.dual.lagrangian import Lagrangian

LATE = np.arange(1000, 1060)


@pytest.fixture(scope="module", params=[0, 1, 6, 7])
def result(request: pytest.FixtureRequest) -> couponry.Result:
    return late_campaign(request.param, roles=request.param % 2 == 1).solve(threads=1)


@pytest.fixture(scope="module")
def first() -> couponry.Result:
    return late_campaign(4, roles=False).solve(threads=1)


def pairs(table: Any) -> list[tuple[Any, Any]]:
    table = table.to_arrow() if hasattr(table, "to_arrow") else table
    return list(zip(table["customer"].to_pylist(), table["offer"].to_pylist(), strict=True))


def late_of(result: couponry.Result, seed: int = 9, ids: Any = LATE, **more: Any) -> Tables:
    return requests(seed, ids, roles=result.campaign.candidates.role is not None, **more)


def one_by_one(prices: Prices, table: Tables, room: couponry.Room) -> list[tuple[int, int]]:
    decide = prices.decider(room)
    found = []
    for customer in LATE.tolist():
        offers, values, roles = request_of(table, customer)
        given = decide(customer, offers, values, known_of(customer), **roles).offers
        found += [(customer, offer) for offer in given]
    return found


def test_customers_of_the_solve_are_decided_as_their_best_choice_in_it(
    result: couponry.Result,
) -> None:
    problem = result.compiled.problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 1, result.seed)
    table = Lagrangian(problem, engine).choice_table(result.prices)
    chosen = np.flatnonzero(engine.choose(table)[0])
    offers = result.campaign.offers["offer"].to_numpy()
    expected = zip(
        problem.customer_of(chosen).tolist(),
        offers[result.campaign.candidates.offer[chosen]].tolist(),
        strict=True,
    )
    again = pa.concat_tables(result.campaign.candidates_tables())
    prices = Prices.of(result, NO_BOUNDS)
    decided = prices.decide(again, result.campaign.customers)
    assert pairs(decided) == list(expected)
    assert len(decided.full) == len(decided.refused) == 0


@pytest.mark.parametrize("beyond", [0.0, 0.2])
def test_one_at_a_time_is_as_many_at_once(result: couponry.Result, beyond: float) -> None:
    table, prices = late_of(result, beyond=beyond), Prices.of(result, NO_BOUNDS)
    decided = prices.decide(table, people(LATE), threads=1)
    assert len(decided) > 50
    room = prices.room()
    assert one_by_one(prices, table, room) == pairs(decided)
    assert room.to_arrow().equals(decided.room.to_arrow())


def test_every_backend_decides_the_same(first: couponry.Result) -> None:
    table = late_of(first, ids=LATE[:20], beyond=0.1)
    found = [
        Prices.of(first, backend=name).decide(table, people(LATE[:20]))
        for name in ("native", "reference")
        if kernels.available()[name] == "yes"
    ]
    assert pairs(found[0]) == pairs(found[-1])
    assert found[0].room.to_arrow().equals(found[-1].room.to_arrow())


def kept_back(seed: int) -> tuple[couponry.Result, Prices]:
    """A result that keeps something back for late customers."""
    campaign = late_campaign(seed, roles=False)
    more = {"print": {"max": 26.5}, "budget": {"max": 96.0}, "points": {"max": 260.0}}
    result = campaign.solve(threads=1)
    return result, Prices.of(result, more)


@pytest.mark.parametrize("seed", [2, 3])
def test_hard_maximums_hold_and_coupons_worth_least_are_refused(seed: int) -> None:
    result, prices = kept_back(seed)
    table = late_of(result, beyond=0.05)
    decided = prices.decide(table, people(LATE))
    assert len(decided) > 10 and len(decided.refused) > 10
    coupons = pa.concat_tables([result.allocation.to_arrow(), decided.to_arrow()])
    assert (
        pa.compute.max(
            coupons.group_by("offer").aggregate([([], "count_all")])["count_all"]
        ).as_py()
        <= 26
    )
    assert pa.compute.sum(coupons["cost"]).as_py() <= 96.0
    # the account agrees with the coupons, and the summary says what was refused
    room = {row["name"]: row for row in decided.room.to_arrow().to_pylist()}
    spent = pa.compute.sum(decided.to_arrow()["cost"]).as_py()
    assert room["budget"]["used"] == pytest.approx(spent, abs=room["budget"]["error"] + 1e-9)
    assert "refused" in decided.summary() and "refused" in decided._repr_html_()
    # rows in any order and threads of any number make no difference
    order = np.random.default_rng(1).permutation(len(table["customer"]))
    shuffled = {name: column[order] for name, column in table.items()}
    assert pairs(prices.decide(shuffled, people(LATE), threads=3)) == pairs(decided)


def test_what_is_worth_most_is_kept() -> None:
    offers = {"offer": [1, 2]}
    campaign = couponry.Campaign(
        offers,
        {"customer": [1, 1, 2], "offer": [1, 2, 1], "value": [5.0, 1.0, 4.0]},
        rules=[couponry.CustomerRule("one", max=1)],
        limits=[couponry.Limit("first", where={"offer": 1}, max=4)],
    )
    late = {
        "customer": [11, 12, 13, 14, 14],
        "offer": [1, 1, 1, 1, 2],
        "value": [1.0, 3.0, 1.0, 2.0, 1.5],
    }
    decided = campaign.solve().decide(late)
    # 14 is worth least beyond what it may have instead
    assert pairs(decided) == [(11, 1), (12, 1), (14, 2)]
    assert pairs(decided.refused) == [(13, 1), (14, 1)]
    assert decided.refused["limit"].to_pylist() == ["first", "first"]
    late["value"][4] = 0.9
    decided = campaign.solve().decide(late)
    assert pairs(decided) == [(12, 1), (14, 1)]
    assert pairs(decided.refused) == [(11, 1), (13, 1)]
    # the later one loses where both are worth the same, and takes what is left to it
    late["value"] = [3.0, 3.0, 1.0, 3.0, 1.5]
    decided = campaign.solve().decide(late)
    assert pairs(decided) == [(11, 1), (12, 1), (14, 2)]
    # nothing is left: said from the start
    after = Prices.of(campaign.solve()).decide(
        {"customer": [15, 15], "offer": [1, 2], "value": [9.0, 1.0]}, room=decided.room
    )
    assert pairs(after) == [(15, 2)]
    assert after.full.to_pylist() == [{"offer": 1, "limit": "first", "group": None}]
    decided.room.give_back(after)
    decided.room.give_back(decided)
    assert decided.room.to_arrow()["used"].to_pylist() == [0.0]


def test_minimums_are_not_harmed() -> None:
    campaign = couponry.Campaign(
        {"offer": [1, 2], "cost": [1.0, 1.0]},
        {"customer": [1, 2], "offer": [1, 2], "value": [3.0, 3.0], "gain": [1.0, 1.0]},
        limits=[couponry.Limit("return", ratio=("gain", "cost"), min=0.9)],
    )
    late = {"customer": [3, 4], "offer": [1, 1], "value": [1.0, 2.0], "gain": [0.75, 0.75]}
    decided = campaign.solve().decide(late)
    assert pairs(decided) == [(4, 1)]
    assert decided.refused["limit"].to_pylist() == ["return"]


@pytest.mark.parametrize("mandatory", [False, True])
def test_one_customer_without_room_is_decided_as_a_batch_of_one(mandatory: bool) -> None:
    result, prices = kept_back(3)
    table = late_of(result)
    decide, room = prices.decider(), prices.room()
    for customer in LATE[:25].tolist():
        offers, values, _ = request_of(table, customer)
        rows = {"customer": [customer] * len(offers), "offer": offers, **values}
        more: Tables = {}
        if mandatory:
            more["mandatory"] = [j % 5 == 0 for j in range(len(offers))]
        many = prices.decide({**rows, **more}, people([customer]), room=room)
        one = decide(customer, offers, values, known_of(customer), **more)
        assert one.offers == many.to_arrow()["offer"].to_pylist()
    assert decide.room.to_arrow().equals(room.to_arrow())


def balanced(kind: str) -> couponry.Campaign:
    """A campaign one of whose limits stands at its bound, on both sides of which coupons are."""
    random = np.random.default_rng(len(kind))
    customer, offer = (a.ravel() for a in np.mgrid[:40, :8])
    candidates = {"customer": customer, "offer": offer, **numbers(random, len(offer))}
    limit = {
        "share": couponry.Limit("share", where={"kind": "fresh"}, share=True, min=0.5),
        "most": couponry.Limit("most", where={"kind": "fresh"}, share=True, max=0.4),
        "ratio": couponry.Limit("ratio", ratio=("gain", "cost"), min=1.5),
        "falling": couponry.Limit("falling", sum="net", min=-1.0, max=2.0),
    }[kind]
    kinds = ["fresh", "dry", "dry", "dry", "fresh", "dry", "dry", "fresh"]
    net = [1.0, -1.0, -1.0, 2.0, -0.5, -1.0, 0.0, 1.0]
    offers = {"offer": np.arange(8), "kind": kinds, "net": net}
    rules = [couponry.CustomerRule("slots", max=4)]
    return couponry.Campaign(offers, candidates, rules=rules, limits=[limit])


def numbers(random: np.random.Generator, count: int) -> Tables:
    """What so many candidates are worth, cost and gain."""
    value, cost = random.random((2, count)) + 0.1
    return {"value": value, "cost": cost, "gain": 3.0 * random.random(count) - 0.5}


@pytest.mark.parametrize("kind", ["share", "most", "ratio", "falling"])
def test_one_coupon_may_make_up_for_another_one_at_a_time_as_in_bulk(kind: str) -> None:
    prices = Prices.of(balanced(kind).solve(threads=1))
    decide, room, helped = prices.decider(), prices.room(), 0
    random = np.random.default_rng(3)
    for customer in range(100, 160):
        values = numbers(random, 8)
        for account in decide.room.account, room.account:
            account.used[:] = account.above if kind == "most" else -account.below
            account.error[:] = 0
        too_much = set()
        for offer in range(8):
            asked = {name: values[name][[offer]] for name in decide.columns}
            alone = decide(customer, [offer], asked)
            decide.room.give_back(alone)
            too_much.update(alone.no_room)
        one = decide(customer, range(8), {name: values[name] for name in decide.columns})
        rows = {"customer": [customer] * 8, "offer": np.arange(8), **values}
        many = prices.decide(rows, room=room)
        assert one.offers == many.to_arrow()["offer"].to_pylist()
        helped += bool(too_much & set(one.offers))
    assert decide.room.to_arrow().equals(room.to_arrow())
    assert helped > 5


@pytest.mark.parametrize("most", [2, 1.5], ids=["room for all others", "room for some"])
def test_nothing_comes_without_what_it_requires(most: float) -> None:
    """A minimum asks for jam, which is full; tea, which is worth more, may not come without it."""
    offers = {"offer": ["tea", "jam", "oats"]}
    first = {
        "customer": [1, 1, 2, 2, 7, 8, 8],
        "offer": ["jam", "oats", "jam", "oats", "tea", "tea", "jam"],
        "value": [0.9, 0.9, 0.8, 0.1, 0.9, 0.1, 0.1],  # what late candidates are worth lies between
    }
    rules = [
        couponry.CustomerRule("slots", min=1, max=2),
        couponry.CustomerRule("needs", requires={"offer": ["tea"], "requires": ["jam"]}),
    ]
    limits = [
        couponry.Limit("jam printed", where={"offer": "jam"}, max=2),
        couponry.Limit("oats printed", where={"offer": "oats"}, max=2 + most),
    ]
    result = couponry.Campaign(offers, first, rules=rules, limits=limits, value="value").solve(
        gap=1e-9, threads=1
    )
    late = {
        "customer": [3, 3, 4, 4, 5, 6],
        "offer": ["tea", "jam", "tea", "oats", "oats", "tea"],
        "value": [0.9, 0.5, 0.9, 0.5, 0.4, 0.8],
    }
    for backend in ("native", "reference"):
        found = Prices.of(result, backend=backend).decide(late)
        assert pairs(found) == [(4, "oats"), (5, "oats")][: int(most)]
    decide = Prices.of(result).decider()
    assert decide(3, ["tea", "jam"], {"value": [0.9, 0.5]}).offers == []


def test_histories_and_texts_and_offers_nobody_had() -> None:
    offers = {"offer": ["a", "b", "c"], "channel": ["mail", "app", "app"]}
    campaign = couponry.Campaign(
        offers,
        {"customer": ["x", "y"], "offer": ["a", "b"], "value": [1.0, 2.0]},
        rules=[couponry.CustomerRule("app", where={"channel": "app"}, max=1, history=True)],
        limits=[couponry.Limit("c", where={"offer": "c"}, max=1, may_be_empty=True)],
    )
    late = {
        "customer": ["u", "u", "v", "v", "w"],
        "offer": ["a", "b", "b", "c", "c"],
        "value": [5.0, 1.0, 2.0, 3.0, 1.0],
    }
    history = {"customer": ["u", "z"], "offer": ["c", "b"]}
    result = campaign.solve()
    decided = result.decide(late, history=history)
    assert pairs(decided) == [("u", "a"), ("v", "c")]
    assert decided.to_arrow().schema == result.allocation.schema
    decide = Prices.of(result).decider()
    one = decide("u", ["a", "b"], {"value": [5.0, 1.0]}, history={"offer": ["c"]})
    assert one.offers == ["a"]
    assert decide("v", ["b", "c"], {"value": [2.0, 3.0]}).offers == ["c"]
    assert decide("w", ["c"], {"value": [1.0]}) == (([]), ["c"], {})
    for none in (1, 1.5, None):
        with pytest.raises(couponry.InvalidInput, match="customer: expected text, as the campaign"):
            decide(none, ["c"], {"value": [1.0]})  # type: ignore[arg-type]


def test_the_campaigns_own_history_of_late_customers_counts() -> None:
    """Unless another history says what a customer has had."""
    rule = couponry.CustomerRule("once", by="offer", max=1, history=True)
    campaign = couponry.Campaign(
        {"offer": ["a", "b"]},
        {"customer": [1], "offer": ["a"], "value": [1.0]},
        history={"customer": [1, 2, 3], "offer": ["b", "a", "b"]},
        rules=[rule],
    )
    late = {"customer": [2, 2, 3, 4], "offer": ["a", "b", "b", "a"], "value": [1.0, 1.0, 1.0, 1.0]}
    result = campaign.solve()
    assert pairs(result.decide(late)) == [(2, "b"), (4, "a")]
    again = {"customer": [2, 4], "offer": ["b", "b"]}
    assert pairs(result.decide(late, history=again)) == [(2, "a"), (4, "a")]


def test_segments_nobody_was_in_pay_the_prices_of_the_limits_about_them() -> None:
    limits = [
        couponry.Limit("rich", customers={"segment": "rich"}, max=1),
        couponry.Limit("old", customers={"old": True}, max=1),
    ]
    known = {
        "customer": [1, 2, 3, 4],
        "segment": ["rich", "rich", "poor", "poor"],
        "old": [False, False, True, True],
    }
    campaign = couponry.Campaign(
        {"offer": [1]},
        {"customer": [1, 2, 3, 4], "offer": [1] * 4, "value": [4.0, 2.0, 5.0, 3.0]},
        known,
        limits=limits,
    )
    prices = Prices.of(campaign.solve(), {"rich": {"max": 9}, "old": {"max": 9}})
    paid = prices.decider()._terms.price
    assert (paid >= 2.0).all()
    late = {"customer": [5, 6], "segment": ["rich", "poor"], "old": [True, False]}
    rows = {"customer": [5, 6], "offer": [1, 1], "value": [paid.sum() - 0.1, 0.1]}
    assert pairs(prices.decide(rows, late)) == [(6, 1)]
    rows["value"] = [paid.sum() + 0.1, 0.1]
    assert pairs(prices.decide(rows, late)) == [(5, 1), (6, 1)]


def test_prices_and_rooms_in_files(first: couponry.Result, tmp_path: Path) -> None:
    prices, table = Prices.of(first), late_of(first)
    path = prices.save(tmp_path / "campaign.prices")
    assert path.stat().st_size < 100_000 and list(tmp_path.iterdir()) == [path]
    again = Prices.load(path)
    decided = prices.decide(table, people(LATE))
    assert again.decide(table, people(LATE)).to_arrow().equals(decided.to_arrow())
    assert again.save(tmp_path / "again").read_bytes() == path.read_bytes()
    decided.room.save(tmp_path / "room.json")
    room = again.room(tmp_path / "room.json")
    assert room.to_arrow().equals(decided.room.to_arrow())
    other = Prices.of(late_campaign(6, 50, roles=False).solve())
    with pytest.raises(InvalidInput, match="expected one of these prices, got one of others"):
        other.room(tmp_path / "room.json")
    (tmp_path / "room.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"room .*: expected a file that Room.save wrote"):
        again.room(tmp_path / "room.json")


def test_files_that_hold_no_prices(first: couponry.Result, tmp_path: Path) -> None:
    path = Prices.of(first).save(tmp_path / "prices")
    whole = path.read_bytes()
    with pytest.raises(InvalidInput, match=r"prices .*: cannot read it: No such file"):
        Prices.load(tmp_path / "nothing")
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for spoilt in whole[:10], whole[:middle], whole[:-30], changed, b"":
        path.write_bytes(spoilt)
        with pytest.raises(InvalidInput, match=r"expected a file|damaged"):
            Prices.load(path)
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as file:
        parts = {name: file.read(name) for name in file.namelist()}
    parts["prices.json"] = parts["prices.json"].replace(b'"version": 1', b'"version": 7')
    with zipfile.ZipFile(path, "w") as file:
        for name, data in parts.items():
            file.writestr(name, data)
    with pytest.raises(InvalidInput, match="of version 1, got 'couponry prices' of version 7"):
        Prices.load(path)


def test_what_is_wrong_is_said(first: couponry.Result) -> None:
    table, prices = late_of(first), Prices.of(first)
    known = people(LATE)
    with pytest.raises(
        InvalidInput, match=r"customer 7 was in the solve, .*decide takes customers who were not"
    ):
        first.decide(late_of(first, ids=[7, 2000]), people([7, 2000]))
    with pytest.raises(
        InvalidInput, match="limit 'gold': expected other bounds, got another limit"
    ):
        Prices.of(first, {"gold": {"sum": "cost"}})
    with pytest.raises(InvalidInput, match="offer 999 is not in table offers"):
        prices.decide(
            {**table, "offer": np.where(table["offer"] == 100, 999, table["offer"])}, known
        )
    with pytest.raises(InvalidInput, match="expected a column 'points', which the prices are for"):
        prices.decide({k: v for k, v in table.items() if k != "points"}, known)
    with pytest.raises(InvalidInput, match="needs the table customers"):
        prices.decide(table)
    with pytest.raises(InvalidInput, match="expected at least one row, got none"):
        prices.decide({name: column[:0] for name, column in table.items()}, known)
    decide = prices.decider()
    assert decide.about == ("segment", "most") and set(decide.columns) == {"response", "points"}
    for change, sentence in {
        "offers": "offers: offer 'x' is not in table offers",
        "twice": "offers: expected each once, got 101 twice",
        "values": "values: expected 2 numbers for each of ",
        "nan": "values: expected finite numbers",
        "about": "about: expected segment, most, .* got none for 'most'",
    }.items():
        asked: list[Any] = (
            ["x"] if change == "offers" else [101, 101] if change == "twice" else [101, 102]
        )
        given = {"response": [0.1] * len(asked), "points": [0.5] * len(asked)}
        if change == "values":
            given["points"] = [0.5]
        if change == "nan":
            given["points"][0] = float("nan")
        about = {"segment": "gold"} if change == "about" else known_of(1000)
        with pytest.raises(InvalidInput, match=sentence):
            decide(1000, asked, given, about)
    assert decide(1000, [], {"response": [], "points": []}, known_of(1000)).offers == []


def test_many_threads_share_one_room() -> None:
    offers = {"offer": [1]}
    campaign = couponry.Campaign(
        offers,
        {"customer": [1], "offer": [1], "value": [1.0]},
        limits=[couponry.Limit("all", max=101)],
    )
    decide = Prices.of(campaign.solve()).decider()
    given: list[int] = []

    def ask(first: int) -> None:
        for customer in range(first, first + 60):
            given.extend(decide(customer, [1], {"value": [1.0]}).offers)

    threads = [threading.Thread(target=ask, args=(100 * t,)) for t in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(given) == 100
    assert decide.room.to_arrow()["left"].to_pylist() == [0.0]


def test_a_soft_limit_that_others_went_beyond_is_said() -> None:
    """A late customer's coupon is beyond its bound: as much as was used is beyond it."""
    campaign = couponry.Campaign(
        {"offer": [1]},
        {"customer": [1, 2], "offer": [1, 1], "value": [1.0, 1.0]},
        limits=[couponry.Limit("wish", max=2, mode="soft", penalty=0.1)],
    )
    found = campaign.solve().decide({"customer": [3], "offer": [1], "value": [1.0]})
    assert "given        1 coupons" in found.summary() and "'wish'" in found.summary()
