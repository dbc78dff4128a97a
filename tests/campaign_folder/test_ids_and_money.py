"""Ids keep their type and order; value and cost have defaults, which given columns override."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from tests.support.campaigns import random_tables, replaced, shuffled
from tests.support.folders import RULES, Folder, pairs, rows_of, solve

ID_TYPES = [
    pa.int8(), pa.uint8(), pa.int16(), pa.int32(), pa.uint32(), pa.int64(), pa.uint64(),
    pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string()),
]  # fmt: skip


@pytest.mark.parametrize("kind", ID_TYPES, ids=str)
def test_ids_keep_their_type(kind: pa.DataType, folder: Folder) -> None:
    tables = random_tables(customers=20)
    small = {name: {} for name in ("customer", "offer")}
    for name, numbers in small.items():
        values = tables[f"{name}s"][name].to_pylist()
        numbers.update({value: n for n, value in enumerate(values)})
    for name, table in tables.items():
        for column, numbers in small.items():
            if column in table.column_names:
                codes = pa.array([numbers[value] for value in table[column].to_pylist()])
                text = pa.types.is_string(kind) or pa.types.is_dictionary(kind)
                ids = codes.cast(pa.string()).cast(kind) if text else codes.cast(kind)
                tables[name] = replaced(tables[name], column, ids)
    result = solve(folder(tables, limit=[{"name": "all", "mode": "report"}], **RULES))
    expected = kind if pa.types.is_integer(kind) else pa.string()
    assert result.allocation.to_arrow()["customer"].type == expected
    assert result.allocation.to_arrow()["offer"].type == expected
    given = set(pairs(result.allocation.to_arrow().to_pylist()))
    candidates = tables["candidates"].select(["customer", "offer"])
    assert given <= set(pairs(candidates.to_pylist()))
    assert {customer for customer, _ in given} == set(candidates["customer"].to_pylist())


@pytest.mark.parametrize("strings", [False, True], ids=["integers", "strings"])
def test_allocation_is_ordered_by_customer(strings: bool, folder: Folder) -> None:
    tables = {name: shuffled(table) for name, table in random_tables(strings=strings).items()}
    given = solve(
        folder(tables, limit=[{"name": "all", "mode": "report"}], **RULES)
    ).allocation.to_arrow()
    found = given["customer"].to_pylist()
    assert found == sorted(found, key=str.encode if strings else None)
    assert len(found) == 60 * 3


MONEY = ("margin", "face_value", "issue_cost")


@pytest.mark.parametrize(
    "missing", [(), *itertools.combinations(MONEY, 1), ("margin", "issue_cost"), MONEY], ids=str
)
@pytest.mark.parametrize("per_candidate", [(), ("margin",), MONEY], ids=str)
def test_default_value_and_cost(
    missing: tuple[str, ...], per_candidate: tuple[str, ...], folder: Folder
) -> None:
    tables = random_tables(customers=20)
    tables["candidates"] = tables["candidates"].drop(["value"])
    rng = np.random.default_rng(2)
    for name in per_candidate:
        column = rng.uniform(0, 2, tables["candidates"].num_rows)
        tables["candidates"] = replaced(tables["candidates"], name, column)
    for name in missing:
        tables["offers"] = tables["offers"].drop([name])
    result = solve(
        folder(tables, limit=[{"name": "cost", "sum": "cost", "mode": "report"}], **RULES)
    )
    known = {(row["customer"], row["offer"]): row for row in rows_of(tables)}
    given = result.allocation.to_arrow().to_pylist()
    cost_known = any(name in known[pairs(given[:1])[0]] for name in MONEY[1:]) if given else False
    for row in given:
        of = known[row["customer"], row["offer"]]
        margin, face, issue = (of.get(name, 0.0) for name in MONEY)
        assert row["response"] == of["response"]
        assert row["value"] == pytest.approx(of["response"] * (margin - face) - issue, rel=1e-12)
        assert ("cost" in row) == cost_known
        if cost_known:
            assert row["cost"] == pytest.approx(issue + of["response"] * face, rel=1e-12)
    assert result.objective == pytest.approx(sum(row["value"] for row in given), rel=1e-12)
    total = sum(row.get("cost", 0.0) for row in given)
    assert result.limits["achieved"].to_pylist() == [pytest.approx(total, rel=1e-12)]
    # nothing that is worth less than nothing is given without being asked for
    assert all(row["value"] >= 0 for row in given)


def test_given_columns_come_before_the_defaults(folder: Folder) -> None:
    tables = random_tables(customers=20)
    tables["candidates"] = replaced(tables["candidates"], "cost", [0.25] * 120)
    tables["offers"] = replaced(
        tables["offers"], "value", [99.0] * 12
    )  # candidates' own comes first
    result = solve(
        folder(tables, limit=[{"name": "all", "sum": "cost", "mode": "report"}], **RULES)
    )
    assert set(result.allocation.to_arrow()["cost"].to_pylist()) == {0.25}
    assert result.limits["achieved"].to_pylist() == [0.25 * result.allocated]
    assert max(result.allocation.to_arrow()["value"].to_pylist()) < 99


def test_response_of_the_offers(folder: Folder) -> None:
    tables = random_tables(customers=20)
    tables["candidates"] = tables["candidates"].drop(["value", "response"])
    tables["offers"] = replaced(tables["offers"], "response", np.linspace(0.01, 0.12, 12))
    given = solve(
        folder(tables, limit=[{"name": "all", "mode": "report"}], **RULES)
    ).allocation.to_arrow()
    response = dict(
        zip(tables["offers"]["offer"].to_pylist(), np.linspace(0.01, 0.12, 12), strict=True)
    )
    assert given["response"].to_pylist() == [response[o] for o in given["offer"].to_pylist()]


def test_another_value_column(folder: Folder) -> None:
    tables = random_tables(customers=20)
    path = folder(
        tables,
        objective={"value": "weight"},
        limit=[{"name": "n", "max": 1, "mode": "report"}],
        **RULES,
    )
    result = solve(path)
    known = dict(zip(pairs(rows_of(tables)), rows_of(tables), strict=True))
    best = sum(
        sum(sorted((row["weight"] for row in group), reverse=True)[:3])
        for _, group in itertools.groupby(rows_of(tables), key=lambda row: row["customer"])
    )
    weights = [known[pair]["weight"] for pair in pairs(result.allocation.to_arrow().to_pylist())]
    assert result.objective == pytest.approx(sum(weights), rel=1e-12)
    assert best * (1 - 5e-4) <= result.objective <= best * (1 + 1e-12)
    # the allocation states value as it is, whatever is maximised
    values = [known[pair]["value"] for pair in pairs(result.allocation.to_arrow().to_pylist())]
    assert result.allocation.to_arrow()["value"].to_pylist() == values
