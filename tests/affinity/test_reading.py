"""Whose day, which rows, which windows: time zones, guests, what ends when, histories that do not go together."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.instances.synthetic_purchases import Shoppers
from tests.affinity.test_scores import shop, split
from tests.support.campaigns import replaced

from couponry import Campaign, InvalidInput, Targeting
from couponry.affinity import (
    Assortment,
    CandidateModel,
    DiscoveryModel,
    PersonalModel,
    PurchaseHistory,
    RepeatScore,
)
from couponry.affinity.history.period_counts import PeriodCounts

SIZE = Shoppers(150, rows=20, products=80, types=8, offers=12, weeks=20)
read = PurchaseHistory.from_transactions


def by_day(table: pa.Table) -> pa.Table:
    """The same purchases on Mondays, by day."""
    days = 7 * table["week"].to_numpy()
    return table.drop_columns("week").append_column("day", pa.array(days))


def test_days_are_the_shops() -> None:
    evening = datetime(
        2026, 3, 1, 22, 30, tzinfo=UTC
    )  # half past midnight in Helsinki, afternoon in Denver
    rows = {"customer": [1], "product": [5]}
    day = (evening.date() - date(1970, 1, 1)).days
    for zone, expected in ((None, day), ("Europe/Helsinki", day + 1), ("America/Denver", day)):
        stored = pa.array([evening], pa.timestamp("us", "UTC"))
        assert read(pa.table({**rows, "date": stored}), timezone=zone).until == expected
        elsewhere = stored.cast(pa.timestamp("us", "Asia/Tokyo"))
        assert read(pa.table({**rows, "date": elsewhere}), timezone=zone).until == expected
    local = pa.table({**rows, "date": pa.array([evening.replace(tzinfo=None)], pa.timestamp("us"))})
    assert read(local).until == day
    with pytest.raises(
        InvalidInput, match="timezone: expected timestamps with a time zone in table"
    ):
        read(local, timezone="Europe/Berlin")
    dates = pa.table({**rows, "date": pa.array([evening.date()])})
    assert read(dates, timezone="America/Denver").until == day
    later = pa.table(
        {**rows, "date": pa.array([evening + timedelta(1)], pa.timestamp("us", "UTC"))}
    )
    updated = read(dates, until=date(2026, 3, 1)).update(later, timezone="Europe/Helsinki")
    assert updated.until == day + 2
    with pytest.raises(InvalidInput, match="timezone: expected the name of a time zone"):
        read(dates, timezone="Berlin, Europe")
    with pytest.raises(InvalidInput, match="until: expected the number of a week, got the date"):
        read(shop(1, customers=3), until=date(2026, 3, 1))


@pytest.mark.parametrize("kind", [pa.int64(), pa.string(), pa.dictionary(pa.int32(), pa.string())])
def test_guests_are_left_out_and_counted(kind: pa.DataType, tmp_path: Path) -> None:
    who = pa.array([None, "7", None, "8", "7", None]).cast(pa.string())
    customer = who.cast(kind) if not pa.types.is_dictionary(kind) else who.dictionary_encode()
    rows = pa.table(
        {
            "customer": customer,
            "product": [1, 1, 2, 2, 3, 3],
            "week": [1, 1, 2, 2, 3, 4],
            "quantity": [1, 1, 0, 1, 0, 1],
        }
    )
    with pytest.raises(InvalidInput, match="row 0: expected an id, got null"):
        read(rows)
    for batches in (rows, pa.concat_tables([rows.slice(i, 1) for i in range(6)]).to_reader(1)):
        history = read(batches, null_customers="skip", folder=tmp_path / "history")
        assert [str(c) for c in history.customers.to_pylist()] == ["7", "8"]
        assert history.items.to_pylist() == [1, 2] and history.until == 2
        assert (history.guests, history.left_out) == (3, 1)
        assert PurchaseHistory.open(tmp_path / "history").guests == 3
    more = replaced(rows, "week", pa.array([5] * 6))
    assert history.update(more, null_customers="skip").guests == 6
    with pytest.raises(InvalidInput, match='null_customers: expected "refuse" or "skip"'):
        read(rows, null_customers="drop")
    wrong = replaced(rows, "product", pa.array([1, 1, 2, None, 3, 3]))
    with pytest.raises(InvalidInput, match="column 'product', row 3: expected an id"):
        read(wrong, null_customers="skip")


def made(transactions: Any, store: Path | None = None, **targeting: Any) -> Campaign:
    return Campaign.from_transactions(
        SIZE.offers_table(), transactions, SIZE.covers_table(), SIZE.products_table(),
        targeting=Targeting(reward=4, activation=0, innovation=2, **targeting), store=store,
    )  # fmt: skip


def bits(campaign: Campaign) -> list[Any]:
    found = campaign.candidates
    return [found.customers.to_pylist(), found.offer.tobytes(), found.columns["response"].tobytes()]


def test_an_incomplete_last_week_is_left_out_and_said() -> None:
    table = SIZE.block(0)
    last = int(table["week"].to_numpy().max())
    monday = np.random.default_rng(0).random(len(table)) < 0.3
    cut = table.filter(pa.array((table["week"].to_numpy() < last) | monday))
    found, told, taken = made(cut), made(cut, until=last - 1), made(cut, until=last)
    assert f"week {last} has" in found.summary() and "to be incomplete" in found.summary()
    assert bits(found) == bits(told)
    assert "transactions after week" in told.summary() and "incomplete" not in told.summary()
    assert "left out" not in taken.summary() and bits(taken) != bits(found)
    before = table.filter(pa.array(table["week"].to_numpy() < last))
    again = made(before)
    assert bits(again) == bits(found) and "left out" not in again.summary()
    assert bits(made(before, until=last)) != bits(found)  # a week in which nobody came


def test_guests_and_zones_of_a_campaign() -> None:
    table = SIZE.block(0)
    guests = pa.table({name: [None] * 5 if name == "customer" else table[name][:5] for name in table.column_names},
                      schema=table.schema)  # fmt: skip
    both = pa.concat_tables([table, guests])
    found = made(both, null_customers="skip")
    assert bits(found) == bits(made(table))
    assert "5 transactions without a customer were left out" in found.summary()
    at = [
        datetime(2026, 1, 5, 23, 30, tzinfo=UTC) + timedelta(weeks=int(week))
        for week in table["week"].to_numpy()
    ]
    days = table.drop_columns("week").append_column("date", pa.array(at, pa.timestamp("s", "UTC")))
    latest = max(at).date()
    here, there = made(days), made(days, timezone="Asia/Tokyo")
    assert bits(here) == bits(there) == bits(made(days, until=latest))
    before = made(days, until=latest - timedelta(days=1))
    assert (
        bits(before) != bits(here)
        and f"after day {latest - timedelta(days=1)} were left" in before.summary()
    )
    is_early = (np.arange(len(days)) % 3 == 0) | (
        table["week"].to_numpy() < table["week"].to_numpy().max()
    )
    cut = made(days.filter(pa.array(is_early)))
    assert bits(cut) == bits(before)
    assert f"day {latest} has" in cut.summary() and f"until = {latest} in" in cut.summary()


def test_a_store_that_is_used_again_says_what_was_left_out(tmp_path: Path) -> None:
    table = SIZE.block(0)
    week = table["week"].to_numpy()
    customer = pa.array(table["customer"].to_numpy(), mask=np.arange(len(table)) < 5)
    table = table.set_column(table.column_names.index("customer"), "customer", customer)
    table = table.filter(pa.array((week < week.max()) | (np.arange(len(table)) % 3 == 0)))
    pq.write_table(table, tmp_path / "rows.parquet")
    first, again = (
        made(tmp_path / "rows.parquet", tmp_path / "store", null_customers="skip") for _ in range(2)
    )
    assert "history" in first.data.seconds and "history" not in again.data.seconds
    said = "5 transactions without a customer were left out"
    for campaign in (first, again):
        assert said in campaign.summary() and "taken to be incomplete" in campaign.summary()
        assert any(found.severity == "note" and said in found.message for found in campaign.check())
    assert again.summary() == first.summary() and bits(again) == bits(first)


def test_a_shop_of_few_customers_does_without_a_personal_model() -> None:
    rows = SIZE.block(0)
    few = rows.filter(pa.array(rows["customer"].to_numpy() < np.unique(rows["customer"])[5]))
    assert len(made(few).candidates) > 0 and "not by a PersonalModel" in made(few).summary()
    once = pa.table({"customer": [1, 1, 2, 2], "product": [1, 2, 3, 4], "week": [1, 9, 1, 9]})
    assert len(made(once).candidates) > 0  # nothing was bought again


def test_counts_of_weeks() -> None:
    counts = PeriodCounts("week")
    assert counts.partial_last() is None
    for week, rows in ((3, 100), (4, 90), (2, 110), (5, 40), (1, 100), (0, 95), (-1, 100)):
        counts.add(pa.record_batch({"period": pa.array([week] * rows, pa.int32())}))
    found = counts.partial_last()
    assert found is not None and found.period == 5 and found.rows == 40
    counts.add(pa.record_batch({"period": pa.array([5] * 30, pa.int32())}))
    assert counts.partial_last() is None  # quieter than usual, and no more


def test_rows_are_counted_in_any_order() -> None:
    random = np.random.default_rng(3)
    for rows in (0, 1, 2, 500):
        periods = random.integers(-9, 60, rows).astype(np.int32)
        for given in (periods, np.sort(periods), np.sort(periods)[::-1]):
            counts = PeriodCounts("day")
            counts.add(pa.record_batch({"period": pa.array(given)}))
            values, expected = np.unique(periods, return_counts=True)
            assert counts.rows == dict(zip(values.tolist(), expected.tolist(), strict=True))


def test_counts_of_days() -> None:
    sundays = [70, 77, 84, 91, 98, 105, 112, 119]  # when few come, as on every seventh day
    counts = PeriodCounts("day")
    for day in range(70, 126):
        rows = 40 if day in sundays else 200
        counts.add(pa.record_batch({"period": pa.array([day] * rows, pa.int32())}))
    for day, rows, is_partial in ((126, 38, False), (127, 120, False), (128, 90, True)):
        counts.add(pa.record_batch({"period": pa.array([day] * rows, pa.int32())}))
        expected = (day, rows, 200) if is_partial else None
        assert counts.partial_last() == expected


@pytest.mark.parametrize(("units", "message"), [
    (("week", "day"), "history: expected one by day, as the model was fitted with, got one by week"),
    (("day", "week"), "history: expected one by week, as the model was fitted with, got one by day"),
])  # fmt: skip
def test_models_know_days_from_weeks(units: tuple[str, str], message: str) -> None:
    table = shop(21, customers=40)
    scored, fitted = ({"week": table, "day": by_day(table)}[unit] for unit in units)
    name, step = (units[1], 7 if units[1] == "day" else 1)
    at = fitted[name].to_numpy()
    window = (
        read(fitted.filter(pa.array(at <= 16 * step)), until=16 * step),
        read(fitted.filter(pa.array((at > 16 * step) & (at <= 20 * step)))),
    )
    history = read(scored)
    for model in (PersonalModel(), DiscoveryModel(keep=4)):
        with pytest.raises(InvalidInput, match=message):
            model.fit([window]).score(history)
    with pytest.raises(InvalidInput, match=message):
        RepeatScore().fit(window[0]).score(history)
    assortment = Assortment(pa.table({"offer": ["a", "b"], "product": [1, 2]}))
    candidates = CandidateModel(assortment, {"reward": 1, "innovation": 1}).fit([window])
    with pytest.raises(InvalidInput, match=message):
        list(candidates.blocks(history))
    same_unit = {"week": table, "day": by_day(table)}[units[1]]
    text = replaced(same_unit, "product", same_unit["product"].cast(pa.string()))
    with pytest.raises(InvalidInput, match="expected items that are integers, as the model"):
        PersonalModel().fit([window]).score(read(text))


def test_windows_that_are_not_alike() -> None:
    table = shop(22, customers=40)
    far = read(table.filter(pa.array(table["week"].to_numpy() > 19)))
    early, late = split(table, 12), split(table, 16)
    other = PurchaseHistory.from_transactions(
        table.filter(pa.array(table["week"].to_numpy() <= 12)), half_lives=[3.0], until=12
    )
    text = read(replaced(table, "customer", table["customer"].cast(pa.string())).filter(
        pa.array(table["week"].to_numpy() > 16)))  # fmt: skip
    for windows, message in (
        ([(late[0], far)], "expected purchases right after week 16, .* from week 20 on, 3 weeks later"),
        ([early, split(table, 16, window=8)], "windows of the same length, got 4 and 8 weeks"),
        ([late, (other, early[1])], "expected histories alike, got weeks with half-lives .* and .* 3"),
        ([(other, early[1])], "expected windows alike, got a history of weeks with half-lives 3 and what came after"),
        ([(late[0], text)], "windows: customers of a window: expected integers"),
    ):  # fmt: skip
        for model in (PersonalModel(), DiscoveryModel(keep=4)):
            with pytest.raises(InvalidInput, match=message):
                model.fit(windows)
    assert PersonalModel().fit([(other, early[1])], known=other).score(other).shape == (len(other),)
