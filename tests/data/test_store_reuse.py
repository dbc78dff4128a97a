"""A candidate store is used again while the input is the same, and only then."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from tests.support.campaigns import random_tables, replaced, shuffled, spec, write_folder
from tests.support.stores import BY_ROLE, LIMITS, RULES, fields, stamp, whole

from couponry import (
    Campaign,
    InvalidInput,
    Limit,
    read_campaign,
)


def test_a_store_is_used_again_until_the_input_changes(
    campaign_folder: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    first = read_campaign(campaign_folder, store=store)
    built = stamp(store)
    again = read_campaign(campaign_folder, store=store)
    assert stamp(store) == built
    assert fields(first.compile(), first) == fields(again.compile(), again)

    def rebuilt() -> bool:
        nonlocal built
        read_campaign(campaign_folder, store=store)
        built, before = stamp(store), built
        return built != before

    offers = pq.read_table(campaign_folder / "offers.parquet")
    pq.write_table(
        replaced(offers, "margin", offers["face_value"]), campaign_folder / "offers.parquet"
    )
    assert not rebuilt()  # the candidates do not know of it
    pq.write_table(offers.slice(0, 11), campaign_folder / "offers.parquet")
    with pytest.raises(InvalidInput, match="not in table offers"):
        read_campaign(campaign_folder, store=store)
    assert stamp(store) == built  # what is there stays until something else is whole
    pq.write_table(offers, campaign_folder / "offers.parquet")
    assert not rebuilt()
    candidates = pq.read_table(campaign_folder / "candidates.parquet")
    pq.write_table(shuffled(candidates), campaign_folder / "candidates.parquet")
    assert rebuilt()
    write_folder(campaign_folder, {}, spec(limit=[{"name": "w", "sum": "weight", "max": 9.0}]))
    assert rebuilt()
    manifest = json.loads((store / "store.json").read_text())
    (store / "store.json").write_text(json.dumps({**manifest, "format": 0}))
    assert rebuilt()
    (store / "store.json").write_text("{")
    assert rebuilt()
    assert not rebuilt()


def test_old_arrays_stay_while_a_store_is_replaced(tmp_path: Path) -> None:
    tables: dict[str, Any] = random_tables()
    how: dict[str, Any] = {"rules": RULES, "limits": LIMITS + BY_ROLE, "store": tmp_path / "store"}
    old = Campaign(**tables, **how)
    customers, values = old.candidates.customers.to_pylist(), old.candidates.columns["value"].copy()
    new = Campaign(**random_tables(seed=2), **how)
    assert old.candidates.customers.to_pylist() == customers
    assert np.array_equal(old.candidates.columns["value"], values)
    # what is packed of the old ones is not taken for the new ones
    assert fields(old.compile(), old) == whole(tables, limits=LIMITS + BY_ROLE)
    assert fields(new.compile(), new) == whole(dict(random_tables(seed=2)), limits=LIMITS + BY_ROLE)


def test_what_is_packed_is_used_again(campaign_folder: Path, tmp_path: Path) -> None:
    write_folder(
        campaign_folder, {}, spec(tables={**spec()["tables"], "customers": "customers.parquet"})
    )
    store = tmp_path / "store"

    def limited(limits: list[Limit]) -> tuple[dict[str, Any], set[tuple[str, int]]]:
        campaign = Campaign(
            pq.read_table(campaign_folder / "offers.parquet"),
            campaign_folder / "candidates.parquet",
            pq.read_table(campaign_folder / "customers.parquet"),
            rules=RULES,
            limits=limits,
            store=store,
        )
        found = fields(campaign.compile(), campaign)
        return found, {(path.name, path.stat().st_ino) for path in store.iterdir() if path.is_dir()}

    by_role = LIMITS + BY_ROLE
    first, made = limited(by_role)
    assert {name.split(".")[0] for name, _ in made} == {"item", "span", "packed"}
    again, made_again = limited(by_role)
    assert again == first and made_again == made
    other, made_other = limited(LIMITS)  # the same columns, roles not told apart
    assert other == whole(dict(random_tables()))
    packed = [name for name, _ in made_other if name.startswith("packed")]
    assert len(packed) == 1 and packed[0] not in {name for name, _ in made}  # the other one is gone
    assert limited(by_role)[0] == first


def test_what_was_packed_otherwise_is_packed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables: dict[str, Any] = random_tables()
    pq.write_table(tables["candidates"], tmp_path / "candidates.parquet")
    tables["candidates"] = tmp_path / "candidates.parquet"
    store, found = tmp_path / "store", []
    for packing in ("an earlier one", "this one"):
        monkeypatch.setattr("couponry.model.compiling.measures.PACKING", packing)
        whole(tables, store=store)
        found.append(
            ([path.name for path in store.glob("packed.*")], (store / "offer.npy").stat().st_ino)
        )
    (before, offer), (after, same_offer) = found
    assert len(before) == len(after) == 1 and before != after
    assert offer == same_offer  # candidates are those that were there


def test_amounts_made_of_other_offers_are_not_used_again(
    campaign_folder: Path, tmp_path: Path
) -> None:
    """The store is the same where only the money columns of offers change; what was made of them is not."""
    table = pq.read_table(campaign_folder / "candidates.parquet").drop("value")
    values = np.random.default_rng(2).uniform(0, 1, len(table))
    pq.write_table(replaced(table, "issue_cost", values), campaign_folder / "candidates.parquet")
    offers = pq.read_table(campaign_folder / "offers.parquet")
    found = []
    for margin in (offers["margin"], offers["face_value"], offers["margin"]):
        pq.write_table(replaced(offers, "margin", margin), campaign_folder / "offers.parquet")
        stored = read_campaign(campaign_folder, store=tmp_path / "store")
        plain = read_campaign(campaign_folder)
        found.append(fields(stored.compile(), stored))
        assert found[-1] == fields(plain.compile(), plain)
    assert found[0] == found[2] != found[1]


def test_a_folder_of_something_else_is_refused(campaign_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious.txt").write_text("precious")
    (tmp_path / "file").write_text("precious")
    for name in ("mine", "file"):
        with pytest.raises(InvalidInput, match=name):
            read_campaign(campaign_folder, store=tmp_path / name)
    assert (tmp_path / "mine" / "precious.txt").read_text() == "precious"
    (tmp_path / "empty").mkdir()
    read_campaign(campaign_folder, store=tmp_path / "empty")


def test_an_array_that_is_gone_or_cut_off(campaign_folder: Path, tmp_path: Path) -> None:
    store = tmp_path / "store"
    for spoil in (
        lambda path: path.unlink(),
        lambda path: path.write_bytes(path.read_bytes()[:300]),
        lambda path: path.write_bytes(b""),
    ):
        read_campaign(campaign_folder, store=store)
        spoil(store / "offer.npy")
        with pytest.raises(InvalidInput, match=r"store .*remove it"):
            read_campaign(campaign_folder, store=store)
        shutil.rmtree(store)
