"""From transactions in Spark to coupons in Spark, in one call, beside the pipeline of one machine: the same coupons.

    python benchmarks/cases/cluster_transactions.py --customers 1000000

A Spark of this machine (`--master`, by default local) reads 24 purchases a customer from Parquet files, which are made
first; customers are grouped, scored and solved by its workers, which write the coupons. Needs Java and PySpark.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import pyarrow as pa
import pyarrow.dataset as ds
from benchmarks.instances.synthetic_purchases import Shoppers
from benchmarks.support.hardware import describe

import couponry
from couponry.engines import Spark

GAP = 5e-4


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--shard-customers", type=int, default=100_000)
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--memory", default="3g", help="of Java")
    parser.add_argument("--folder", type=Path, help="of everything; default: a temporary one")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        print(json.dumps(compared(Path(name), arguments), indent=1))


def compared(folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Solve both ways."""
    size = Shoppers(arguments.customers)
    size.write(folder / "transactions", 2)
    rows = ds.dataset(folder / "transactions").count_rows()
    stated = {
        "offers": size.offers_table(),
        "covers": size.covers_table(),
        "products": size.products_table(),
        "targeting": couponry.Targeting(kind="type", reward=8, activation=12, innovation=12),
        "rules": [
            couponry.CustomerRule("slots", max=8),
            couponry.CustomerRule("rewards", where={"role": ["reward"]}, max=4),
        ],
        "limits": [
            couponry.Limit("print run", by="offer", max=12 * size.customers // size.offers),
            couponry.Limit("budget", sum="cost", max=0.15 * size.customers),
        ],
    }
    started = time.perf_counter()
    found = on_spark(stated, folder, arguments)
    here = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    local = couponry.Campaign.from_transactions(
        transactions=folder / "transactions", store=folder / "store", **stated
    ).solve(gap=GAP)
    assert local.allocation is not None
    ended = time.perf_counter()
    expected = digest(local.allocation.to_arrow())
    return {
        **describe(2),
        "customers": size.customers,
        "transactions": rows,
        "coupons": local.allocated,
        "gap": local.gap,
        "same_coupons": found == expected,
        "seconds_on_spark": round(here - started, 1),
        "seconds_on_one_machine": round(ended - here, 1),
        "driver_peak_mib": round(peak / 1024),
    }


def on_spark(stated: dict[str, Any], folder: Path, arguments: argparse.Namespace) -> str:
    """From a DataFrame of transactions to a data set of coupons; its digest."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(arguments.master).appName("couponry benchmark")
    settings = {
        "spark.driver.memory": arguments.memory,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.maxResultSize": "0",
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "16",
        "spark.local.dir": str(folder / "spark"),
    }
    session = builder.config(map=settings).getOrCreate()
    try:
        transactions = session.read.parquet(str(folder / "transactions"))
        engine = Spark(session, folder / "shards", arguments.shard_customers)
        campaign = couponry.ClusterCampaign.from_transactions(
            engine, transactions=transactions, **stated
        )
        result = campaign.solve(gap=GAP)
        assert result.allocation is not None
        files = result.allocation.write_on_workers(folder / "coupons")
    finally:
        session.stop()
    return digest(ds.dataset(files).to_table())


def digest(coupons: pa.Table) -> str:
    """SHA-256 of all coupons, by customer and offer."""
    ordered = coupons.sort_by([("customer", "ascending"), ("offer", "ascending")])
    found = hashlib.sha256()
    for column in ordered.combine_chunks().columns:
        found.update(column.combine_chunks().to_numpy(zero_copy_only=False).tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    main()
