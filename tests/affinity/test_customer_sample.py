"""A sample of customers: the same for any order of the rows, all rows of each customer."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from couponry.affinity.history import customer_sample
from couponry.affinity.history.customer_sample import CustomerSample, ShareOfCustomers, hash_ids


@pytest.mark.parametrize("few", [100, 450, 600, 2000])
@pytest.mark.parametrize("text", [False, True])
def test_a_sample_is_the_same_for_any_order(text: bool, few: int) -> None:
    """An eighth of the customers, or the quarter that are few and have not twice as many rows."""
    ids = np.random.default_rng(3).integers(0, 2000, 20_000)
    table = pa.table(
        {
            "customer": pa.array([f"é{i}" for i in ids], pa.large_string()) if text else ids,
            "row": np.arange(20_000),
        }
    )
    kept = []
    for order in (np.arange(20_000), np.random.default_rng(4).permutation(20_000)):
        sample = CustomerSample(3000, few_customers=few)
        for batch in table.take(pa.array(order)).to_batches(1999):
            sample.add(batch)
        found = sample.table()
        assert found is not None
        kept.append(sorted(found["row"].to_pylist()))
    least, most = (700, 3000) if few < 500 else (3000, 6000)
    assert kept[0] == kept[1] and least < len(kept[0]) <= most
    mine = set(ids[kept[0]].tolist())
    assert set(kept[0]) == set(
        np.flatnonzero(np.isin(ids, list(mine))).tolist()
    )  # all rows of each
    hashed = hash_ids(table["customer"].combine_chunks())
    assert len(np.unique(hashed)) == len(np.unique(ids))
    assert (hash_ids(table["customer"].combine_chunks()[5:9]) == hashed[5:9]).all()


def test_the_share_of_customers_that_statistics_are_of() -> None:
    most = customer_sample.MOST_ROWS_OF_STATISTICS
    for rows, halvings in (
        (0, 0),
        (most, 0),
        (most + 1, 1),
        (2 * most, 1),
        (2 * most + 1, 2),
        (9 * most, 4),
    ):
        assert ShareOfCustomers.for_statistics(rows).halvings == halvings
    hashed = hash_ids(pa.array(np.arange(4096)))
    assert ShareOfCustomers(0).holds(hashed).all()
    assert 400 < ShareOfCustomers(3).holds(hashed).sum() < 620
