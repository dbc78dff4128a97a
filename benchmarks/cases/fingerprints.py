"""Fingerprints of what couponry computes, so that a change of its code can be shown to change no bit.

    python benchmarks/cases/fingerprints.py --json before.json                 then, with the changed code:
    python benchmarks/cases/fingerprints.py --against before.json              exit status 1 where anything differs
    python benchmarks/cases/fingerprints.py --quick --backend numba --against before.json
    python benchmarks/cases/fingerprints.py --only random instances --instances DIR

Each case makes campaigns or purchase histories, and each of those a record: the figures of its certificate, and
SHA-256 of its allocation, prices, limits or conflict, by the public API alone. Nothing in a record depends on the
clock, on the backend or on the number of threads: solves have no time limit, and gaps that are reached soon. HiGHS and
BLAS take part, so records are to be compared on one machine, with the same versions of SciPy and NumPy.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import pyarrow as pa
import pyarrow.compute as pc
from benchmarks.cases import matching
from benchmarks.cases.affinity import affinity_scale
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.cases.portfolio import PORTFOLIO
from benchmarks.instances.synthetic import Synthetic
from benchmarks.instances.synthetic_campaign import Kind
from benchmarks.instances.synthetic_purchases import Shoppers
from benchmarks.support.digests import as_table, digest, digest_arrays, digest_json
from tests.support.contradictions import Contradiction
from tests.support.random_campaigns import draw

import couponry as cp
from couponry import affinity

FIGURES = (
    "status",
    "objective",
    "objective_error",
    "bound",
    "gap",
    "max_violation",
    "allocated",
    "customers",
    "candidates",
    "full_passes",
    "nit",
    "method",
)
RANDOM_GAP = 2e-3  # at which every seed is done in seconds, some by HiGHS
LARGEST = 500  # customers of infeasible campaigns: a smallest conflict takes many proofs
INSTANCE_GAP = 1e-4
SHOPPERS = 20_000

Record = dict[str, Any]
Records = Iterator[tuple[str, Record]]


@dataclass(frozen=True)
class Settings:
    """What everything is computed by, and where the public instances are."""

    backend: str
    threads: int
    instances: Path | None


@dataclass(frozen=True)
class Case:
    """records: of these settings, each with a name of its own. quick: whether the smaller half has it, too."""

    name: str
    records: Callable[[Settings], Records]
    quick: bool = False


def of_candidates(campaign: cp.Campaign) -> str:
    """SHA-256 of a campaign's candidates."""
    return digest(pa.concat_tables(campaign._data.candidates_tables()))


def solved(settings: Settings, campaign: cp.Campaign, gap: float = 5e-4) -> Record:
    """What a campaign's solve comes to."""
    found = campaign.solve(gap=gap, threads=settings.threads, seed=0, backend=settings.backend)
    record: Record = {name: getattr(found, name) for name in FIGURES}
    if found.allocation is not None and found.limits is not None:
        limits = as_table(found.limits)
        record["allocation"] = digest(as_table(found.allocation))
        record["limits"] = digest(limits)
        record["prices"] = digest_arrays(limits["price"].to_numpy())
    if found.infeasible is not None:
        record["infeasible"] = digest_json(found.infeasible)
    return record


# ---- cases


def demo(settings: Settings) -> Records:
    """Both demo campaigns, as the command writes them, with candidates that it has scored."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "demo"
        command = [sys.executable, "-m", "couponry", "demo", "--out", str(folder)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for number in (13, 18):
            campaign = cp.read_campaign(folder / f"campaign-{number}")
            candidates = of_candidates(campaign)
            yield str(number), {**solved(settings, campaign), "scored": candidates}


def synthetic(kind: Kind, customers: int, width: int, settings: Settings) -> Records:
    """A campaign of synthetic customers."""
    campaign = kind.campaign(Synthetic(customers, width), settings.threads)
    yield f"{customers:,} customers", solved(settings, campaign)


def matching_problem(settings: Settings) -> Records:
    """DuaLip's matching problem, of ten edges a source."""
    offers, candidates = matching.files_or_tables(200_000, 2_000, 0.005, None)
    yield "200,000 sources", solved(settings, matching.campaign_of(offers, candidates, None))


def instances(settings: Settings) -> Records:
    """Public instances with contact rules and conflicts; nothing comes of GS1_prime."""
    if settings.instances is None:
        print("instances: skipped, for want of --instances", flush=True)
        return
    for name in ("GS1", "GS1_prime", "GS5"):
        campaign = cp.read_campaign(settings.instances / name)
        yield name, solved(settings, campaign, INSTANCE_GAP)


def random(seeds: Iterable[int], settings: Settings) -> Records:
    """Random campaigns with every kind of rule and limit."""
    for seed in seeds:
        campaign = draw(seed).campaign()
        yield f"{seed:02}", solved(settings, campaign, RANDOM_GAP)


def infeasible(seeds: Iterable[int], settings: Settings) -> Records:
    """Random campaigns in which something cannot hold; drawing one takes far less than the 20 s that HiGHS may take."""
    for seed in seeds:
        drawn = draw(seed, LARGEST)
        kind, limits = Contradiction(drawn).limits()
        yield f"{seed:02} {kind}", solved(settings, drawn.campaign(limits=limits))


def purchases(settings: Settings) -> Records:
    """Histories of synthetic shoppers, models that are fitted on them, and their scores."""
    size = Shoppers(SHOPPERS, scattered=False)
    rows = pa.concat_tables(size.batches())
    whole = history_of(settings, rows)
    yield "history", of_history(whole)
    last = size.weeks - affinity_scale.WINDOW
    before = pc.less(rows["week"], last)
    earlier, window = (
        history_of(settings, rows.filter(part)) for part in (before, pc.invert(before))
    )
    later = rows.filter(pc.invert(before))
    yield "updated", of_history(earlier.update(later, threads=settings.threads))
    pairs, trips = whole.aggregates()
    taken = affinity.PurchaseHistory.from_aggregates(
        pairs, unit="week", trips=trips, threads=settings.threads
    )
    yield "from aggregates", of_history(taken)
    yield "repeat score", {"scores": digest_arrays(affinity.RepeatScore().fit(whole).score(whole))}
    personal = affinity.PersonalModel().fit([(earlier, window)])
    yield "personal", {**of_regression(personal), "scores": digest_arrays(personal.score(whole))}
    discovery = affinity.DiscoveryModel(items=500, keep=50).fit([(earlier, window)])
    begun = discovery.score(whole)
    scores = digest_arrays(begun.customer, begun.item, begun.score)
    yield "discovery", {**of_regression(discovery), "scores": scores}
    model = affinity_scale.fitted(size, plain=False)
    campaign = cp.Campaign(size.offers_table(), model.candidates(history_of(settings, rows)))
    yield "candidate model", {**of_model(model), "candidates": of_candidates(campaign)}


def transactions(settings: Settings) -> Records:
    """From synthetic shoppers' transactions to an allocation."""
    size = Shoppers(SHOPPERS)
    campaign = cp.Campaign.from_transactions(
        size.offers_table(),
        pa.concat_tables(size.batches()),
        size.covers_table(),
        size.products_table(),
        targeting=cp.Targeting(kind="type"),
        rules=[
            cp.CustomerRule("slots", max=8),
            cp.CustomerRule("rewards", where={"role": ["reward"]}, max=4),
        ],
        limits=[
            cp.Limit("print run", by="offer", max=12 * SHOPPERS // size.offers),
            cp.Limit("budget", sum="cost", max=0.15 * SHOPPERS),
        ],
    )
    candidates = of_candidates(campaign)
    yield f"{SHOPPERS:,} shoppers", {**solved(settings, campaign), "scored": candidates}


def history_of(settings: Settings, rows: pa.Table) -> affinity.PurchaseHistory:
    return affinity.PurchaseHistory.from_transactions(rows, threads=settings.threads)


def of_history(history: affinity.PurchaseHistory) -> Record:
    """Sizes and digests of a history."""
    pairs, trips = history.aggregates()
    ids = pa.table({"customer": history.customers}), pa.table({"item": history.items})
    return {
        "pairs": len(history),
        "covers": f"{history.unit}s {history.start} to {history.until}",
        "ids": [digest(table) for table in ids],
        "places": digest_arrays(history.indptr, history.item),
        "aggregates": [digest(pairs), digest(trips)],
    }


def of_regression(model: Any) -> Record:
    """Names and coefficients of a fitted model's features."""
    fitted = model.regression_
    return {"names": model.names_, "fitted": digest_arrays(fitted.coef_, fitted.intercept_)}


def of_model(model: affinity.CandidateModel) -> Record:
    """Digests of what a candidate model has learned."""
    like = model.similarity_
    return {
        "rates": digest_arrays(model.repeat_rate_, model.popularity_),
        "similarity": digest_arrays(like.indptr, like.indices, like.data),
        "fitted": {
            role: digest_arrays(one.coef_, one.intercept_)
            for role, one in model.regressions_.items()
        },
    }


CASES = (
    Case("demo", demo, quick=True),
    Case("mixed", partial(synthetic, MIXED, 200_000, 32), quick=True),
    Case("contact-rules", partial(synthetic, replace(MIXED, contacts=True), 200_000, 32)),
    Case("mixed-million", partial(synthetic, MIXED, 1_000_000, 32)),
    Case("portfolio", partial(synthetic, PORTFOLIO, 100_000, 200)),
    Case("matching", matching_problem, quick=True),
    Case("instances", instances, quick=True),
    Case("random", partial(random, range(30)), quick=True),
    Case("random-more", partial(random, range(30, 60))),
    Case("infeasible", partial(infeasible, (0, 1, 3, 4, 5, 6)), quick=True),
    Case("infeasible-more", partial(infeasible, (2, *range(7, 20)))),
    Case("purchases", purchases, quick=True),
    Case("transactions", transactions, quick=True),
)


# ---- running and comparing


def records_of(case: Case, settings: Settings) -> Records:
    """A case's records by their full names, printed as they come; a crash is a record, and the case's last one."""
    begun = started = time.perf_counter()
    try:
        for name, record in case.records(settings):
            seconds = time.perf_counter() - started
            shown = " ".join(
                f"{key} {record[key][:12]}"
                for key in ("allocation", "prices", "infeasible", "scores")
                if key in record
            )
            status = record.get("status", "made")
            print(f"{case.name}/{name}: {status} {shown} {seconds:.1f} s", flush=True)
            yield f"{case.name}/{name}", record
            started = time.perf_counter()
    except Exception as error:  # one crash must not hide what the other cases show
        traceback.print_exc()
        yield f"{case.name}/crash", {"error": f"{type(error).__name__}: {error}"}
    print(f"{case.name}: {time.perf_counter() - begun:.1f} s in all", flush=True)


def differences(before: dict[str, Record], now: dict[str, Record], cases: set[str]) -> list[str]:
    """A line for each record of these cases that is not the same in both."""
    found = []
    for name in sorted({*before, *now}):
        if name.split("/")[0] not in cases:
            continue
        if name not in now or name not in before:
            found.append(f"{name}: only {'before' if name in before else 'now'}")
            continue
        one, other = before[name], now[name]
        pairs = {key: (repr(one.get(key)), repr(other.get(key))) for key in {**one, **other}}
        changes = [f"{key} {a} -> {b}" for key, (a, b) in pairs.items() if a != b]
        if changes:
            found.append(f"{name}: {'; '.join(changes)}")
    return found


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    names = [case.name for case in CASES]
    parser.add_argument("--backend", choices=["native", "numba", "reference"], default="native")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--quick", action="store_true", help="the smaller half of the cases")
    parser.add_argument("--instances", type=Path, help="folder of GS1, GS1_prime and GS5")
    parser.add_argument("--json", type=Path, metavar="FILE", help="to write the records to")
    parser.add_argument("--against", type=Path, metavar="FILE", help="of an earlier run's records")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 1 where anything crashed, or differs from the earlier run."""
    options = parsed(arguments)
    before = json.loads(options.against.read_text()) if options.against else None
    os.environ["COUPONRY_BACKEND"] = options.backend  # of what takes no argument, as affinity does
    os.environ["COUPONRY_THREADS"] = str(options.threads)
    settings = Settings(options.backend, options.threads, options.instances)
    cases = [case for case in CASES if not options.only or case.name in options.only]
    cases = [case for case in cases if case.quick or not options.quick]
    started = time.perf_counter()
    now = {name: record for case in cases for name, record in records_of(case, settings)}
    print(f"{len(now)} records, {options.backend}: {time.perf_counter() - started:.1f} s")
    now = json.loads(json.dumps(now))  # as they will be read again
    if options.json:
        options.json.write_text(json.dumps(now, indent=1) + "\n", encoding="utf-8")
    crashed = any("error" in record for record in now.values())
    if before is None:
        return int(crashed)
    found = differences(before, now, {case.name for case in cases})
    print("\n".join(f"DIFFERS {line}" for line in found) or f"{len(now)} records: all the same")
    return int(crashed or bool(found))


if __name__ == "__main__":
    sys.exit(main())
