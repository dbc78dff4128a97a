"""Campaigns of synthetic customers under limits that are set from everybody's best choice, and their benchmark."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from benchmarks.instances.contact_rules import Contacts
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support import files
from benchmarks.support.disk import OwnMemory
from benchmarks.support.report import report, solved
from benchmarks.support.timing import STATISTICS, interleaved
from numpy.typing import NDArray

import couponry
from couponry import kernels
from couponry.engines.local import LocalEngine
from couponry.engines.streamed import local_engine
from couponry.solver.dual.lagrangian import Lagrangian, as_float32
from couponry.solver.dual.scaling import Scales
from couponry.utils.threads import thread_count

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
    contacts: bool = False  # rules that overlap and conflict, of `contact_rules.py`

    def contacts_of(self, size: Synthetic) -> Contacts | None:
        """How, when and for what its offers go out, where that matters."""
        random = np.random.default_rng([size.seed, 8])
        return Contacts.drawn(size.offers, random) if self.contacts else None

    def campaign(
        self,
        size: Synthetic,
        threads: int,
        folder: Path | None = None,
        store: Path | None = None,
    ) -> couponry.Campaign:
        """The campaign in memory, or from Parquet files and a store in a folder, made if they are not there.

        store: a folder that candidates go into as they are made, without files.
        """
        rules = [couponry.CustomerRule("slots", max=self.slots)]
        name = f"{self.name}, {size.customers:,} customers"
        offers, contacts = size.offers_table(), self.contacts_of(size)
        if contacts is not None:
            rules += contacts.rules()
            for column, values in contacts.columns().items():
                offers = offers.append_column(column, pa.array(values))
        if store is not None:
            blocks: Any = size.candidate_blocks()
            campaign = couponry.Campaign(offers, blocks, rules=rules, name=name, store=store)
        elif folder is None:
            campaign = couponry.Campaign(offers, size.batches(threads), rules=rules, name=name)
        else:
            if not files.is_written(folder):
                files.write(folder, offers, size.batches(threads), FILE_BLOCKS)
            campaign = couponry.Campaign(
                folder / "offers.parquet",
                folder / "candidates",
                rules=rules,
                name=name,
                store=folder / "store",
            )
        if len(campaign.candidates) != size.customers * size.width:
            raise SystemExit(f"{store or folder} holds {len(campaign.candidates):,} candidates")
        random = np.random.default_rng([size.seed, 7])
        return campaign.with_limits(self.limits(free_use(campaign, threads, size.seed), random))


def under_rules(
    campaign: couponry.Campaign,
    result: couponry.Result,
    contacts: Contacts,
    slots: int,
    threads: int,
) -> dict[str, Any]:
    """What a pass under contact rules costs beside one under the slots alone, and which rules an allocation breaks."""
    assert result.limits is not None and result.allocation is not None
    problem = campaign.compile().problem
    slots_alone = kernels.Rules(
        np.zeros(1, np.int32),
        np.full(1, slots, np.int32),
        np.zeros((0, problem.rules.group.shape[1]), np.int32),
        0,
        np.zeros((0, 1), np.int32),
    )
    engines = {
        name: LocalEngine(problem.shard, rules, kernels.load(), threads, 0)
        for name, rules in (("with", problem.rules), ("without", slots_alone))
    }
    lagrangian = Lagrangian(problem, engines["with"])
    table = as_float32(
        lagrangian.price_table(lagrangian.reduced(result.limits["price"].to_numpy()))
    )
    seconds = interleaved({name: partial(e.evaluate, table) for name, e in engines.items()})
    customer = np.concatenate(
        [batch["customer"].to_numpy() for batch in result.allocation.batches()]
    )
    offer = np.concatenate([batch["offer"].to_numpy() for batch in result.allocation.batches()])
    broken = contacts.broken(customer, offer) | {
        "slots": int((np.bincount(customer) > slots).sum())
    }
    customers = len(problem.shard.indptr) - 1
    return {
        "pass_per_pass_without_rules": {
            name: float(of(seconds["with"]) / of(seconds["without"]))
            for name, of in STATISTICS.items()
        },
        "bytes_of_sets_a_customer": (
            problem.rules.constraints.nbytes + problem.rules.constraint_ptr.nbytes
        )
        / customers,
        "rules_broken": broken,
    }


def free_use(campaign: couponry.Campaign, threads: int, seed: int) -> FreeUse:
    """What everybody's best choice uses, by one pass over the candidates."""
    problem = campaign.compile().problem
    engine = local_engine(problem.shard, problem.rules, kernels.load(), threads, seed)
    used = Lagrangian(problem, engine).evaluate(np.zeros(0)).usage[:, 0, :]
    offers = campaign.offers
    brand = offers["brand"].to_numpy()
    cost = used[0] @ offers["issue_cost"].to_numpy() + used[1] @ offers["face_value"].to_numpy()
    return FreeUse(
        coupons=used[0],
        candidates=Scales.measure(problem, engine).everything[0, 0],
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
    parser.add_argument("--store", type=Path, help="for the candidates, made without files")
    parser.add_argument("--write", action="store_true", help="write the result into the folder")
    parser.add_argument(
        "--contact-rules", action="store_true", help="windows that overlap, and conflicts, on top"
    )
    parser.add_argument(
        "--page-cache",
        type=float,
        help="bytes of packed candidates that may stay in memory; default: as the system says",
    )
    parser.add_argument("--no-hash", action="store_true", help="of the allocation")
    parser.add_argument("--make-only", action="store_true", help="make the files and stop")
    arguments = parser.parse_args()
    threads, folder = thread_count(arguments.threads), arguments.folder
    size = Synthetic(arguments.customers, arguments.width, seed=arguments.seed)
    kind = replace(kind, contacts=arguments.contact_rules)

    started = time.perf_counter()
    campaign = kind.campaign(size, threads, folder, arguments.store)
    built = time.perf_counter() - started
    print(f"built in {built:.1f} s", file=sys.stderr)
    if arguments.make_only:
        return
    with OwnMemory() as own:
        result = solved(
            campaign,
            gap=arguments.gap,
            threads=threads,
            seed=arguments.seed,
            page_cache=arguments.page_cache,
        )
    wrote = None
    if arguments.write and folder:
        started = time.perf_counter()
        result.write(folder / "result", overwrite=True)
        wrote = time.perf_counter() - started
    more: dict[str, Any] = {
        "build_seconds": built,
        "write_seconds": wrote,
        "own_memory_bytes": own.peak,
    }
    contacts = kind.contacts_of(size)
    if contacts is not None:
        more |= under_rules(campaign, result, contacts, kind.slots, threads)
    said = report(campaign, result, threads, hashed=not arguments.no_hash, **more)
    print(json.dumps(said, indent=1))
