"""Shards by a URI: copied to this machine once, by their digests, and written back whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest
from tests.support.cluster_campaigns import CUSTOMERS, fingerprint, solved, solved_on_cluster

from couponry import InvalidInput
from couponry.engines import Cluster, InProcessRunner
from couponry.engines.cluster.places import CACHE_VARIABLE


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(CACHE_VARIABLE, str(folder))
    return folder


def by_uri(uri: str) -> Cluster:
    return Cluster(InProcessRunner(1, 2), uri, CUSTOMERS // 4)


def spoil(path: Path) -> None:
    content = np.fromfile(path, np.uint8)
    content[4096:] ^= 1  # all arrays
    content.tofile(path)


def test_shards_by_a_uri(tmp_path: Path, cache: Path) -> None:
    store = tmp_path / "store"
    result = solved("segments", threads=1, engine=by_uri(f"file://{store}"))
    assert fingerprint(result) == fingerprint(solved("segments", threads=1))
    written = sorted(path.name for path in store.iterdir())
    assert len(written) == 5 and written[-1] == "shards.json"
    assert sorted(path.name for path in cache.iterdir()) == written[:-1]
    spoil(cache / written[1])
    (cache / written[2]).unlink()
    again = solved("segments", threads=1, engine=by_uri(f"file://{store}/"))
    assert fingerprint(again) == fingerprint(result)
    assert sorted(path.name for path in store.iterdir()) == written


def test_what_is_wrong_where_shards_are_is_one_error(tmp_path: Path, cache: Path) -> None:
    store = tmp_path / "store"
    engine = solved("segments", threads=1, engine=by_uri(f"file://{store}")).plan.engine
    price = solved("segments", threads=1).plan.price
    victims = sorted(store.glob("*.arrays"))
    for path in cache.iterdir():
        path.unlink()
    spoil(victims[1])
    with pytest.raises(
        InvalidInput,
        match="not as it was written; remove the folder, and have the",
    ):
        engine.evaluate(price)
    victims[1].unlink()
    (cache / victims[1].name).unlink()
    with pytest.raises(
        InvalidInput, match="it is missing; remove the folder, and have the shards written again"
    ):
        engine.evaluate(price)


def test_shards_by_fsspec(cache: Path) -> None:
    pytest.importorskip("fsspec")
    result = solved("segments", threads=1, engine=by_uri("memory://couponry/shards"))
    assert fingerprint(result) == fingerprint(solved("segments", threads=1))


def test_a_uri_that_nobody_knows(cache: Path) -> None:
    with pytest.raises(InvalidInput, match="shards 'gopher://hole'"):
        solved("segments", engine=by_uri("gopher://hole"))


def test_customers_and_coupons_by_uris(tmp_path: Path, cache: Path) -> None:
    """Everything of a campaign on a cluster is in an object store, coupons as well."""
    local = solved("segments", threads=1)
    result = solved_on_cluster("segments", by_uri(f"file://{tmp_path}/store"), threads=1)
    assert fingerprint(result) == fingerprint(local)
    assert result.allocation is not None and local.allocation is not None
    coupons = f"file://{tmp_path}/coupons"
    (tmp_path / "coupons").mkdir()
    (tmp_path / "coupons" / f"part-000001-{'0' * 32}.parquet").touch()  # of a run that was killed
    files = result.allocation.write_on_workers(coupons)
    paths = [str(file).removeprefix("file://") for file in files]
    assert sorted(map(str, (tmp_path / "coupons").iterdir())) == sorted(
        [f"{tmp_path}/coupons/_manifest.json", *paths]
    )
    assert ds.dataset(paths).to_table().equals(local.allocation.to_arrow())
    with pytest.raises(InvalidInput, match="expected a new one, but it holds something else"):
        result.allocation.write_on_workers(coupons)
