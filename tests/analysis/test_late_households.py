"""Late customers who are decided together: households, what they have already, and what messages cost."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import couponry
from couponry import CustomerRule, InvalidInput, LateMember, Limit, Prices
from couponry.result import Result

OFFERS, CUSTOMERS, LATE, OF_A_HOUSE = 6, 60, 9, 3
COSTS = [0.0, 0.1, 0.25, 0.5]
RULES = [
    CustomerRule("house", max=4),
    CustomerRule("each", max=2, each="customer"),
    CustomerRule("product", by="product", max=2),
    CustomerRule("mails", cost=COSTS, where={"channel": "mail"}),
]
pytestmark = pytest.mark.filterwarnings("ignore::couponry.CampaignWarning")


def offers() -> dict[str, Any]:
    return {
        "offer": np.arange(OFFERS),
        "product": np.arange(OFFERS) // 2,
        "channel": ["mail", "email"] * 3,
    }


def rows(ids: np.ndarray, rng: np.random.Generator, more: float = 0.0) -> dict[str, Any]:
    """Candidates of customers for all offers."""
    count = len(ids) * OFFERS
    return {
        "customer": np.repeat(ids, OFFERS),
        "offer": np.tile(np.arange(OFFERS), len(ids)),
        "value": rng.random(count) + more,
        "cost": rng.random(count),
    }


def people(ids: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    """Customers, three of whom live in a house."""
    return {
        "customer": ids,
        "house": ids // OF_A_HOUSE,
        "segment": rng.choice(["gold", "new"], len(ids)),
    }


def solved(
    seed: int, rules: Any = RULES, unit: str | None = "house", most: float = 55, cost: float = 18.0
) -> Result:
    rng = np.random.default_rng(seed)
    ids = np.arange(CUSTOMERS)
    limits = [
        Limit("all", max=most),
        Limit("gold", sum="cost", max=cost, customers={"segment": "gold"}),
    ]
    campaign = couponry.Campaign(
        offers(), rows(ids, rng), people(ids, rng), rules=rules, limits=limits, unit=unit
    )
    return campaign.solve()


def prices_of(result: Result) -> Prices:
    """With room for all."""
    return Prices.of(result, limits={"all": {"max": 500}, "gold": {"max": 300}})


def late(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    rng = np.random.default_rng(seed)
    ids = np.arange(900, 900 + LATE)
    return rows(ids, rng, 0.2), people(ids, rng)


def best_of(
    result: Result,
    candidates: dict[str, Any],
    customers: dict[str, Any],
    house: int,
    had: list[tuple[int, int]],
) -> list[tuple[int, int]]:
    """The best choice of a house among all, beside what it has."""
    price = {row["name"]: row["price"] for row in result.limits.to_pylist()}
    segment = dict(zip(customers["customer"].tolist(), customers["segment"], strict=True))
    home = dict(zip(customers["customer"].tolist(), customers["house"].tolist(), strict=True))
    own = [
        n
        for n, who in enumerate(candidates["customer"].tolist())
        if home[who] == house and (who, int(candidates["offer"][n])) not in had
    ]
    worth = {
        n: candidates["value"][n]
        - price["all"]
        - price["gold"] * candidates["cost"][n] * (segment[candidates["customer"][n]] == "gold")
        for n in own
    }
    pair = {n: (int(candidates["customer"][n]), int(candidates["offer"][n])) for n in own}
    mails = sum(offer % 2 == 0 for _, offer in had)
    best, found = 0.0, []
    for size in range(5 - len(had)):
        for some in itertools.combinations(own, size):
            given = [*had, *(pair[n] for n in some)]
            each = np.bincount([who for who, _ in given]) if given else np.zeros(1)
            product = np.bincount([offer // 2 for _, offer in given]) if given else np.zeros(1)
            mailed = sum(offer % 2 == 0 for _, offer in given)
            if each.max() > 2 or product.max() > 2 or mailed > len(COSTS):
                continue
            total = sum(worth[n] for n in some) - sum(COSTS[mails:mailed])
            if total > best + 1e-9:
                best, found = total, sorted(pair[n] for n in some)
    return found


def pairs_of(table: pa.Table) -> list[tuple[int, int]]:
    return sorted(zip(table["customer"].to_pylist(), table["offer"].to_pylist(), strict=True))


@pytest.mark.parametrize("has_coupons", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_households_get_their_best_choice(seed: int, has_coupons: bool) -> None:
    """Among all that there are, in bulk and one after another, and from a file."""
    result = solved(seed)
    prices, (candidates, customers) = prices_of(result), late(seed)
    had = [(900, 0), (900, 2), (901, 4), (905, 3)] if has_coupons else []
    keep = np.array(
        [
            (who, offer) not in had
            for who, offer in zip(
                candidates["customer"].tolist(), candidates["offer"].tolist(), strict=True
            )
        ]
    )
    asked = {name: values[keep] for name, values in candidates.items()}
    given = None
    if had:
        given = {"customer": [who for who, _ in had], "offer": [offer for _, offer in had]}
    decisions = prices.decide(asked, customers, given=given)
    table = decisions.to_arrow()
    assert table.column_names[:3] == ["customer", "house", "offer"]
    assert (decisions.customers, decisions.candidates) == (LATE, int(keep.sum()))
    for house in range(300, 303):
        theirs = [one for one in had if one[0] // OF_A_HOUSE == house]
        got = [one for one in pairs_of(table) if one[0] // OF_A_HOUSE == house]
        assert got == best_of(result, candidates, customers, house, theirs)
    decide, found = prices.decider(), []
    for house in range(300, 303):
        members = [
            LateMember(
                who,
                asked["offer"][asked["customer"] == who].tolist(),
                {name: asked[name][asked["customer"] == who] for name in ("value", "cost")},
                {"house": house, "segment": customers["segment"][who - 900]},
            )
            for who in range(house * 3, house * 3 + 3)
        ]
        theirs = [one for one in had if one[0] // OF_A_HOUSE == house]
        before = {"customer": [w for w, _ in theirs], "offer": [o for _, o in theirs]}
        found += pairs_of(decide.together(members, given=before if theirs else None).to_arrow())
    assert found == pairs_of(table)
    assert decide.room.to_arrow().equals(decisions.room.to_arrow())
    assert decisions.room.to_arrow()["used"][0].as_py() == len(table)


def test_prices_of_households_are_saved(tmp_path: Path) -> None:
    prices, (candidates, customers) = prices_of(solved(5)), late(5)
    again = Prices.load(prices.save(tmp_path / "prices"))
    expected = prices.decide(candidates, customers)
    found = again.decide(candidates, customers)
    assert found.to_arrow().equals(expected.to_arrow())
    assert found.room.to_arrow().equals(expected.room.to_arrow())
    saved = found.save(tmp_path / "late")
    assert (saved / "allocation.parquet").exists()


def test_limits_hold_where_room_is_scarce() -> None:
    result, (candidates, customers) = solved(6), late(6)
    free = prices_of(result).decide(candidates, customers)
    assert len(free) > 6
    prices = Prices.of(result, limits={"all": {"max": 55 + 6}, "gold": {"max": 300}})
    decisions = prices.decide(candidates, customers)
    assert len(decisions) == 6 and len(decisions.refused) > 0
    houses = decisions.to_arrow().group_by("house").aggregate([("offer", "count")])
    assert max(houses["offer_count"].to_pylist()) <= 4
    room = decisions.room
    assert len(prices.decide(candidates, customers, room=room)) == 0
    room.give_back(decisions)
    assert len(prices.decide(candidates, customers, room=room)) == 6


def test_what_the_result_gave_others_of_the_household_counts() -> None:
    """Nothing is asked of the user but whose household it is."""
    there = solved(7, RULES[:3], most=400, cost=300.0)
    given = there.allocation.to_arrow()
    house = int(given["house"].value_counts()[0]["values"].as_py())
    had = sum(one == house for one in given["house"].to_pylist())
    rng = np.random.default_rng(8)
    candidates = rows(np.array([900]), rng, 3.0)
    customers = {"customer": [900], "house": [house], "segment": ["new"]}
    decisions = there.decide(candidates, customers)
    assert had > 0 and len(decisions) == min(2, 4 - had)
    alone = there.decide(candidates, {**customers, "house": [10_000]})
    assert len(alone) == 2
    beside = {"customer": [int(x) for x in range(house * 3, house * 3 + 3)] + [900]}
    beside |= {"house": [house] * 4, "segment": ["new"] * 4}
    own = given.filter(pa.array([one == house for one in given["house"].to_pylist()]))
    by_hand = Prices.of(there).decide(candidates, beside, given=own)
    assert by_hand.to_arrow().equals(decisions.to_arrow())


def test_costs_of_messages_without_households() -> None:
    """One at a time as in bulk, of a customer who has had messages, too."""
    rules = [CustomerRule("mails", cost=COSTS, history=True), CustomerRule("slots", max=3)]
    result = solved(9, rules, None)
    prices, (candidates, customers) = prices_of(result), late(9)
    past = {"customer": [900, 900, 903], "offer": [0, 2, 4]}
    table = prices.decide(candidates, customers, past).to_arrow()
    price = {row["name"]: row["price"] for row in result.limits.to_pylist()}
    decide = prices.decider()
    for who in range(900, 900 + LATE):
        own = candidates["customer"] == who
        gold = customers["segment"][who - 900] == "gold"
        worth = (
            candidates["value"][own] - price["all"] - price["gold"] * candidates["cost"][own] * gold
        )
        order, had = np.argsort(-worth), past["customer"].count(who)
        expected = [
            int(offer)
            for k, offer in enumerate(order[:3])
            if had + k < len(COSTS) and worth[offer] > COSTS[had + k]
        ]
        assert sorted(expected) == [offer for one, offer in pairs_of(table) if one == who]
        decision = decide(
            who,
            list(range(OFFERS)),
            {name: candidates[name][own] for name in ("value", "cost")},
            {"segment": customers["segment"][who - 900]},
            history={"offer": [o for w, o in zip(*past.values(), strict=True) if w == who]},
        )
        assert decision.offers == sorted(expected) and decision.no_room == []


def test_why() -> None:
    prices, (candidates, customers) = prices_of(solved(4)), late(4)
    own = candidates["customer"] != 900
    given = {"customer": [900, 900], "offer": [1, 3]}
    decisions = prices.decide(
        {name: values[own] for name, values in candidates.items()}, customers, given=given
    )
    for customer in range(901, 900 + LATE):
        said = decisions.explain(customer).as_dict()
        assert said["customer"] == customer
        got = {(row["customer"], row["offer"]) for row in said["decisions"] if row["given"]}
        expected = set(pairs_of(decisions.to_arrow())) | {(900, 1), (900, 3)}
        assert got == {one for one in expected if one[0] // 3 == customer // 3}
        alone = prices.explain(
            customer,
            {name: values[own] for name, values in candidates.items()},
            customers,
            given=given,
        )
        assert alone.as_dict() == said


def test_earlier_coupons_of_single_customers() -> None:
    """They count in the rules, and use no more room."""
    result = solved(2, [CustomerRule("slots", max=2)], None)
    prices, (candidates, customers) = prices_of(result), late(2)
    before = prices.decide(candidates, customers).to_arrow()
    first = before.slice(0, 1)
    who, offer = first["customer"][0].as_py(), first["offer"][0].as_py()
    keep = (candidates["customer"] != who) | (candidates["offer"] != offer)
    rest = {name: values[keep] for name, values in candidates.items()}
    decisions = prices.decide(rest, customers, given=first.select(["customer", "offer"]))
    assert decisions.to_arrow().equals(before.slice(1))
    assert decisions.room.to_arrow()["used"][0].as_py() == len(before) - 1


@pytest.mark.parametrize("must", [False, True])
def test_others_keep_their_coupons_whatever_is_asked_at_least(must: bool) -> None:
    """Neither a minimum nor mandatory offers of late customers take back what others of the household have."""
    rules = [
        CustomerRule("each", min=2, max=3, each="customer"),
        CustomerRule("product", by="product", max=1),
    ]
    result = solved(3, rules, most=500, cost=300.0)
    candidates, rng = {name: np.asarray(v) for name, v in late(3)[0].items()}, late(3)[1]
    ids = candidates["customer"]
    customers = {**rng, "house": rng["customer"] % (CUSTOMERS // OF_A_HOUSE)}
    if must:
        candidates["mandatory"] = np.ones(len(ids), bool)
    given, found = result.allocation.to_arrow(), result.decide(candidates, customers).to_arrow()
    both = pa.concat_tables([given.select(["house", "offer"]), found.select(["house", "offer"])])
    product = np.array(both["offer"]) // 2
    of_house = np.array(both["house"]) * OFFERS + product
    assert len(given) > 40 and np.unique(of_house).size == len(of_house)


def test_a_history_that_is_given_again_counts_once() -> None:
    """Whoever is in the history that comes with late customers has no other."""
    rng, ids = np.random.default_rng(5), np.arange(CUSTOMERS)
    everybody = people(np.arange(CUSTOMERS + 3), rng)
    everybody["house"][-3:] = [0, 1, 2]
    past = {"customer": ids, "offer": np.zeros(CUSTOMERS, int), "day": np.zeros(CUSTOMERS, int)}
    past = {name: np.append(values, [0]) for name, values in past.items()}
    past["customer"][-1] = CUSTOMERS  # of a late customer, whom the campaign knows as well
    dated = {**offers(), "day": np.full(OFFERS, 3)}
    rules = [CustomerRule("in a week", window=7, max=2, each="customer")]
    campaign = couponry.Campaign(
        dated, rows(ids, rng), everybody, past, rules=rules, unit="house",
        limits=[Limit("all", max=500)],
    )  # fmt: skip
    result, late_ids = campaign.solve(), np.arange(CUSTOMERS, CUSTOMERS + 3)
    home = {name: np.asarray(values)[-3:] for name, values in everybody.items()}
    candidates = rows(late_ids, rng, 3.0)
    whole = result.decide(candidates, home, past).to_arrow()
    assert whole.equals(result.decide(candidates, home).to_arrow())
    assert np.bincount(np.array(whole["customer"]))[-3:].tolist() == [1, 2, 2]


def test_history_of_households_nobody_of_whom_was_in_the_solve() -> None:
    """What the campaign's own history says of late customers and others at home counts, candidates or none."""
    everybody = {"customer": [0, 1, 2, 3], "house": [7, 8, 8, None]}
    past = {"customer": [1, 1, 3], "offer": [0, 1, 0], "day": [2, 3, 2]}
    dated = {"offer": [0, 1, 2], "day": [4, 4, 5]}
    campaign = couponry.Campaign(
        dated, {"customer": [0], "offer": [0], "value": [1.0]}, everybody, past, unit="house",
        rules=[CustomerRule("in a week", window=7, max=3), CustomerRule("slots", max=9)],
    )  # fmt: skip
    result = campaign.solve()
    late = {
        "customer": [2, 2, 2, 3, 3, 3],
        "offer": [0, 1, 2] * 2,
        "value": [1.0, 2.0, 3.0] * 2,
    }
    home = {"customer": [2, 3], "house": [8, None]}
    given = result.decide(late, home).to_arrow()
    assert given["customer"].to_pylist() == [2, 3, 3]
    assert given["offer"].to_pylist() == [2, 1, 2]
    nothing = {"customer": [1, 3], "offer": [2, 2], "day": [-90, -90]}  # that is in the window
    assert len(result.decide(late, home, nothing).to_arrow()) == 6


def test_sums_of_earlier_coupons() -> None:
    """A household's purse is what earlier coupons have left of it."""
    result = solved(1, [CustomerRule("purse", sum="cost", max=1.5)])
    prices, (candidates, customers) = prices_of(result), late(1)
    keep = candidates["customer"] != 900
    asked = {name: values[keep] for name, values in candidates.items()}
    given = {"customer": [900, 900], "offer": [0, 1], "cost": [0.9, 0.5]}
    table = prices.decide(asked, customers, given=given).to_arrow()
    spent = dict.fromkeys(table["house"].to_pylist(), 0.0)
    for row in table.to_pylist():
        spent[row["house"]] += row["cost"]
    assert spent.pop(300, 0.0) <= 0.1 + 1e-9 < 0.2 < max(spent.values()) <= 1.5 + 1e-9
    with pytest.raises(
        InvalidInput, match="table given: expected a column 'cost', which customer_"
    ):
        prices.decide(asked, customers, given={"customer": [900], "offer": [0]})


def test_refusals() -> None:
    result, (candidates, customers) = solved(3), late(3)
    prices = prices_of(result)
    with pytest.raises(InvalidInput, match="expected what is known of the late customers"):
        prices.decide(candidates)
    with pytest.raises(InvalidInput, match="is there twice"):
        prices.decide(candidates, customers, given={"customer": [900], "offer": [0]})
    with pytest.raises(InvalidInput, match="table given: expected a column 'offer'"):
        prices.decide(candidates, customers, given={"customer": [900]})
    with pytest.raises(InvalidInput, match="table given: expected ids as table candidates has"):
        prices.decide(candidates, customers, given={"customer": ["x"], "offer": [0]})
    with pytest.raises(InvalidInput, match="late customers of a house together"):
        prices.decider()(900, [0], {"value": [1.0], "cost": [1.0]}, {"house": 1, "segment": "new"})
    with pytest.raises(InvalidInput, match=r"members: expected of each .*house"):
        prices.decider().together([LateMember(900, [0], {"value": [1.0], "cost": [1.0]})])
    with pytest.raises(InvalidInput, match="customer 1 was in the solve"):
        result.decide(
            rows(np.array([1]), np.random.default_rng(1)),
            people(np.array([1]), np.random.default_rng(1)),
        )


@pytest.mark.parametrize("unit", [None, "house"])
def test_a_decider_says_all_columns_that_it_needs(unit: str | None) -> None:
    """Costs of coupons, which nothing sums, are in what it decides, where it makes tables of what it is given."""
    candidates = {
        "customer": [1, 2],
        "offer": ["tea", "jam"],
        "value": [2.0, 1.0],
        "cost": [0.5, 0.2],
    }
    campaign = couponry.Campaign(
        {"offer": ["tea", "jam"]},
        candidates,
        {"customer": [1, 2], "house": [7, 7]},
        rules=[CustomerRule("messages", cost=[0.0, 1.5])],
        unit=unit,
    )
    decide = Prices.of(campaign.solve()).decider()
    about = {"house": 8} if unit else {}
    assert decide.columns == ("cost", "value") and decide.about == tuple(about)
    values = {"value": [2.0, 1.0], "cost": [0.5, 0.2]}
    if unit:
        members = [LateMember(3, ["tea", "jam"], values, about)]
        assert decide.together(members).to_arrow()["offer"].to_pylist() == ["tea"]
    else:
        assert decide(3, ["tea", "jam"], values, about).offers == ["tea"]


HOMES = [
    (["x", "x", "y"], pa.string(), ["x", "z"], pa.large_string(), 1),
    (["x", "x", "y"], pa.string(), ["x", "z"], pa.dictionary(pa.int32(), pa.string()), 1),
    (["x", "x", "y"], pa.dictionary(pa.int8(), pa.string()), ["x", "y"], pa.string(), 0),
    (["x", "x", "y"], pa.string(), [None, None], pa.null(), 2),
    ([None, None, None], pa.null(), [1, 1], pa.int64(), 1),
    ([1, 1, 2], pa.int32(), [1, 2], pa.uint64(), 0),
]


@pytest.mark.parametrize(("home", "kind", "late_home", "late_kind", "coupons"), HOMES)
def test_households_by_columns_of_other_types(
    home: list[Any], kind: pa.DataType, late_home: list[Any], late_kind: pa.DataType, coupons: int
) -> None:
    """A single slot each, which those of the solve have."""
    result = couponry.Campaign(
        {"offer": ["a"]},
        {"customer": [1, 3], "offer": ["a", "a"], "value": [1.0, 1.0]},
        customers=pa.table({"customer": [1, 2, 3], "home": pa.array(home, kind)}),
        unit="home",
        rules=[couponry.CustomerRule("slots", max=1)],
        value="value",
    ).solve(gap=1e-9, threads=1)
    late = {"customer": [7, 8], "offer": ["a", "a"], "value": [1.0, 1.0]}
    people = pa.table({"customer": [7, 8], "home": pa.array(late_home, late_kind)})
    assert len(result.decide(late, people).to_arrow()) == coupons
    wrong = pa.table({"customer": [7, 8], "home": pa.array([[1], [2]])})
    with pytest.raises(couponry.InvalidInput, match="column 'home'"):
        result.decide(late, wrong)
