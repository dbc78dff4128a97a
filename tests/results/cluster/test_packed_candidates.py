"""Candidates as bytes, a row for each customer: what comes out is what went in, whatever the order of the rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from couponry.data.candidates import Candidates
from couponry.data.earlier.previous_pairs import PREVIOUS
from couponry.results.cluster import packed_candidates
from couponry.results.cluster.ingestion import stated_without_customers
from couponry.results.cluster.packed_candidates import packed, schema_of_packed, unpacked
from couponry.results.cluster.stated_customers import StatedCustomers

OFFERS = {"offer": list(range(9))}


@settings(max_examples=40, deadline=None)
@given(st.data(), st.lists(st.integers(0, 9), max_size=20), st.booleans(), st.booleans())
def test_bytes_come_back(data: st.DataObject, counts: list[int], text: bool, plan: bool) -> None:
    kinds = {"customer": pa.string() if text else pa.int64(), "offer": pa.int64()}
    kinds |= {"role": pa.string(), "value": pa.float32()}
    schemas = {"candidates": pa.schema(kinds)}
    if plan:
        schemas[PREVIOUS] = pa.schema([*list(schemas["candidates"])[:2]])
    campaign = stated_without_customers(OFFERS, schemas)
    nobody, random = campaign.candidates, np.random.default_rng(len(counts))
    ids = [f"c{n:03}" for n in range(len(counts))] if text else [3 * n for n in range(len(counts))]
    rows = sum(counts)
    made = Candidates(
        pa.array(ids, nobody.customers.type),
        np.append(0, np.cumsum(counts)).astype(np.int64),
        random.integers(0, 9, rows).astype(nobody.offer.dtype),
        random.integers(0, 4, rows).astype(np.uint8),
        None,
        {"value": random.random(rows).astype(np.float32)},
    )
    schema = schema_of_packed(campaign)
    batches = list(packed(StatedCustomers(made, None, None).arrays(), schema))
    sent = pa.Table.from_batches(batches, schema)
    order = data.draw(st.permutations(range(len(counts))))
    found = unpacked(sent.take(pa.array(order, pa.int64())).to_batches(max_chunksize=3), campaign)
    if not counts:
        assert found is None
        return
    assert found is not None and found.customers.equals(made.customers)
    assert found.mandatory is None and set(found.columns) == {"value"}
    for name in ("indptr", "offer", "role"):
        same, other = getattr(made, name), getattr(found, name)
        assert same.dtype == other.dtype and np.array_equal(same, other)
    assert np.array_equal(found.columns["value"], made.columns["value"])


def test_batches_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed_candidates, "ROWS_IN_BATCH", 4)
    schema = pa.schema({"customer": pa.int64(), "offer": pa.binary()})
    arrays = {
        "customer": np.arange(10),
        "indptr": np.arange(0, 22, 2),
        "offer": np.arange(20, dtype=np.uint16),
    }
    found = list(packed(arrays, schema))
    assert [len(batch) for batch in found] == [4, 4, 2]
    joined = b"".join(value for batch in found for value in batch.column(1).to_pylist())
    assert joined == arrays["offer"].tobytes()
