"""Campaigns of synthetic customers under limits that are set from everybody's best choice, and their benchmark."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import files
import numpy as np
from numpy.typing import NDArray
from report import report, solved
from synthetic import Synthetic

import couponry
from couponry import kernels
from couponry.allocate.lagrangian import Lagrangian
from couponry.allocate.scales import Scales
from couponry.engines.local import LocalEngine
from couponry.engines.threads import thread_count

FILE_BLOCKS = 32  # of customers, in one Parquet file


@dataclass(frozen=True)
class FreeUse:
    """What everybody's best choice without limits uses.

    coupons, candidates: given and there, of each offer (k). brand: of each offer (k), of `brands`. cost: of all.
    """

    coupons: NDArray[np.float64]
    candidates: NDArray[np.float64]
    brand: NDArray[np.int64]
    brands: int
    cost: float

    def by_brand(self, of_offers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Summed over the offers of each brand (brands)."""
        return np.bincount(self.brand, of_offers, self.brands).astype(np.float64)


@dataclass(frozen=True)
class Kind:
    """A kind of campaign: its name, how many coupons a customer gets at most, and its limits.

    The random numbers are for the limits alone, so that they do not depend on how the customers were made.
    """

    name: str
    slots: int
    limits: Callable[[FreeUse, np.random.Generator], list[couponry.Limit]]

    def campaign(
        self, size: Synthetic, threads: int, folder: Path | None = None
    ) -> couponry.Campaign:
        """The campaign in memory, or from Parquet files and a store in a folder, made if they are not there."""
        rules = [couponry.CustomerRule("slots", max=self.slots)]
        name = f"{self.name}, {size.customers:,} customers"
        if folder is None:
            campaign = couponry.Campaign(
                size.offers_table(), size.batches(threads), rules=rules, name=name
            )
        else:
            if not files.is_written(folder):
                files.write(folder, size.offers_table(), size.batches(threads), FILE_BLOCKS)
            campaign = couponry.Campaign(
                folder / "offers.parquet",
                folder / "candidates",
                rules=rules,
                name=name,
                store=folder / "store",
            )
        if len(campaign.candidates) != size.customers * size.width:
            raise SystemExit(f"{folder} holds {len(campaign.candidates):,} candidates")
        random = np.random.default_rng([size.seed, 7])
        return campaign.with_limits(self.limits(free_use(campaign, threads, size.seed), random))


def free_use(campaign: couponry.Campaign, threads: int, seed: int) -> FreeUse:
    """What everybody's best choice uses, by one pass over the candidates."""
    problem = campaign.compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), threads, seed)
    used = Lagrangian(problem, engine).evaluate(np.zeros(0)).usage[:, 0, :]
    offers = campaign.offers
    brand = offers["brand"].to_numpy()
    cost = used[0] @ offers["issue_cost"].to_numpy() + used[1] @ offers["face_value"].to_numpy()
    return FreeUse(
        coupons=used[0],
        candidates=Scales.of(problem, engine).everything[0, 0],
        brand=brand,
        brands=int(brand.max()) + 1,
        cost=float(cost),
    )


def benchmark(kind: Kind, doc: str | None, *, customers: int, width: int, gap: float) -> None:
    """The command of a kind of campaign, with these sizes unless others are asked for: builds, solves, reports."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--customers", type=int, default=customers)
    parser.add_argument("--width", type=int, default=width)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--gap", type=float, default=gap)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="of the campaign's Parquet files and store")
    parser.add_argument("--write", action="store_true", help="write the result into the folder")
    parser.add_argument("--make-only", action="store_true", help="make the files and stop")
    arguments = parser.parse_args()
    threads, folder = thread_count(arguments.threads), arguments.folder
    size = Synthetic(arguments.customers, arguments.width, seed=arguments.seed)

    started = time.perf_counter()
    campaign = kind.campaign(size, threads, folder)
    built = time.perf_counter() - started
    print(f"built in {built:.1f} s", file=sys.stderr)
    if arguments.make_only:
        return
    result = solved(campaign, gap=arguments.gap, threads=threads, seed=arguments.seed)
    wrote = None
    if arguments.write and folder:
        started = time.perf_counter()
        result.write(folder / "result", overwrite=True)
        wrote = time.perf_counter() - started
    said = report(campaign, result, threads, build_seconds=built, write_seconds=wrote)
    print(json.dumps(said, indent=1))
