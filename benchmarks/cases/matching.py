"""Benchmark of DuaLip's matching problem: a destination for each source, within the capacity of every destination.

    python benchmarks/cases/matching.py [--sources 1000000] [--destinations 10000] [--sparsity 0.001] [--peer pdlp]
    python benchmarks/cases/matching.py --sources 25000000 --folder DIR

Sources are customers, destinations offers, and the capacities limits on the sum of the candidates' column `weight`;
the problem is bit for bit the one that DuaLip's generator draws from seed 42. DuaLip and PDLP solve the linear
relaxation, where a source can be shared out among destinations; couponry gives it one or none, so that its objective
is at most theirs, while its bound is one on theirs too. With --peer pdlp (needs `ortools`) the relaxation is solved
in the same run, to a relative tolerance of 0.0001. With --folder the edges are Parquet files there (made if they are
not there yet), packed into a store beside them. Prints JSON as `mixed_campaign.py` does.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.instances import bipartite
from benchmarks.peers.programme import programme
from benchmarks.peers.solvers import pdlp
from benchmarks.support import files
from benchmarks.support.report import report, solved

import couponry
from couponry.utils.threads import thread_count

TOLERANCE = 1e-4  # of the peer
FILE_BLOCKS = 4  # of sources, in one Parquet file


def files_or_tables(
    sources: int, destinations: int, sparsity: float, folder: Path | None
) -> tuple[pa.Table, pa.Table | Path]:
    """The offers with their capacities, and the candidates: in memory, or as files, made if they are not there."""
    if folder is None:
        matching = bipartite.draw(sources, destinations, sparsity)
        return matching.offers, pa.Table.from_batches(matching.batches())
    if not files.is_written(folder):
        matching = bipartite.draw(sources, destinations, sparsity)
        files.write(folder, matching.offers, matching.batches(), FILE_BLOCKS)
    return pq.read_table(folder / "offers.parquet"), folder / "candidates"


def campaign_of(
    offers: pa.Table, candidates: pa.Table | Path, folder: Path | None
) -> couponry.Campaign:
    """The matching problem as a campaign, named after what it holds."""
    return couponry.Campaign(
        offers,
        candidates,
        rules=[couponry.CustomerRule("one destination", max=1)],
        limits=limits_of(offers),
        name=f"matching, {offers.num_rows:,} destinations",
        store=None if folder is None else folder / "store",
    )


def limits_of(offers: pa.Table) -> list[couponry.Limit]:
    """The destinations' capacities."""
    table = pa.table({"offer": offers["offer"], "max": offers["capacity"]})
    return [couponry.Limit("capacities", sum="weight", by="offer", table=table)]


def peer(offers: pa.Table, candidates: pa.Table | Path, threads: int) -> dict[str, Any]:
    """What PDLP makes of the linear relaxation of the same tables."""
    table = candidates if isinstance(candidates, pa.Table) else pq.read_table(candidates)
    return pdlp(programme(offers, table, 1, limits_of(offers)), TOLERANCE, threads).figures


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sources", type=int, default=1_000_000)
    parser.add_argument("--destinations", type=int, default=10_000)
    parser.add_argument("--sparsity", type=float, default=0.001)
    parser.add_argument("--gap", type=float, default=5e-4)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--peer", choices=["pdlp"], help="solves the relaxation in the same run")
    parser.add_argument("--folder", type=Path, help="of the problem's Parquet files and store")
    parser.add_argument("--make-only", action="store_true", help="make the files and stop")
    arguments = parser.parse_args()
    threads, folder = thread_count(arguments.threads), arguments.folder

    started = time.perf_counter()
    offers, candidates = files_or_tables(
        arguments.sources, arguments.destinations, arguments.sparsity, folder
    )
    made = time.perf_counter() - started
    print(f"made in {made:.1f} s", file=sys.stderr)
    if arguments.make_only:
        return
    started = time.perf_counter()
    campaign = campaign_of(offers, candidates, folder)
    built = time.perf_counter() - started
    result = solved(campaign, gap=arguments.gap, threads=threads)
    said = report(campaign, result, threads, make_seconds=made, build_seconds=built)
    if arguments.peer:
        other = peer(offers, candidates, threads)
        said["peer"] = {**other, "seconds_per_solve": other["seconds"] / said["solve_seconds"]}
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
