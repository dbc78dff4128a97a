"""Compares the figures of the documentation with what their commands print: those that depend on no machine.

    python benchmarks/cases/figures.py [--most-seconds 60] [--only mixed_campaign]

Runs every command below that takes at most so long on two cores, one after the other, and prints each figure that has
changed, at the precision of the page. Exit status 1 where there is any. Times, and ratios of them, are those of the
machine and day that the pages name.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys

import _paths  # noqa: F401
from benchmarks.support.documented import ROOT, Command, Statement

MEASURED, BENCHMARKS = "docs/measured.md", "benchmarks/README.md"

DEMO = Statement(
    MEASURED,
    "campaigns 13 and 18 | # and #; by coupon popularity # and #, at random # and #,",
    tuple(
        f"{number}.{score}" for score in ("couponry", "popularity", "random") for number in (13, 18)
    ),
)
"""What `couponry demo` prints: the suite runs it (tests/system/test_demo.py)."""

ESTIMATE = Statement(
    "docs/large_campaigns.md",
    "32 candidates with one float32 column come to # GiB of memory and # GiB of disk",
    ("memory_with_store", "disk"),
)
"""What `couponry estimate` says of such a folder (tests/data/test_memory_estimate.py)."""

COMMANDS = (
    Command(
        "benchmarks/cases/small_campaign.py --highs-seconds 1",
        (
            Statement(BENCHMARKS, "gap reached (asked 0.01 %) | # % |", ("gap %",)),
            Statement(
                BENCHMARKS,
                "20,000 customers, one thread, `--gap 0.0001` | # % | # |",
                ("gap %", "full_passes"),
            ),
        ),
        seconds=4,
    ),
    Command(
        "benchmarks/cases/mixed_campaign.py",
        (
            Statement(
                MEASURED, "the same with a million customers | certified gap # %", ("gap %",)
            ),
            Statement(BENCHMARKS, "| certified gap | # % | 0.0031 %", ("gap %",)),
            Statement(BENCHMARKS, "samples by their share | # |", ("full_passes",)),
            Statement(BENCHMARKS, "| packed bytes | # MB |", ("packed_bytes M",)),
        ),
        seconds=6,
    ),
    Command(
        "benchmarks/cases/matching.py",
        (
            Statement(MEASURED, "10,000 destinations | integer, certified gap # %", ("gap %",)),
            Statement(BENCHMARKS, "| gap | # % certified", ("gap %",)),
            Statement(BENCHMARKS, "| value | # | 50,496.41 |", ("objective",)),
            Statement(BENCHMARKS, "| passes | # | 320 iterations |", ("full_passes",)),
            Statement(BENCHMARKS, "matching, 1M x 10,000 | # % | # |", ("gap %", "full_passes")),
        ),
        seconds=8,
    ),
    Command(
        "benchmarks/cases/matching.py --sources 300000 --gap 0.0003",
        (Statement(BENCHMARKS, "| 300,000 | # % | # |", ("gap %", "full_passes")),),
        seconds=6,
    ),
    Command(
        "benchmarks/cases/matching.py --sources 600000 --gap 0.0003",
        (Statement(BENCHMARKS, "| 600,000 | # % | # |", ("gap %", "full_passes")),),
        seconds=9,
    ),
    Command(
        "benchmarks/cases/warm_start.py",
        (
            Statement(
                BENCHMARKS,
                "budget, raised and lowered | #, # |",
                ("changes.0.passes_ratio", "changes.1.passes_ratio"),
            ),
            Statement(BENCHMARKS, "the cap worth most, eased | # |", ("changes.2.passes_ratio",)),
            Statement(
                BENCHMARKS, "the costliest minimum, eased | # |", ("changes.3.passes_ratio",)
            ),
        ),
        seconds=16,
    ),
    Command(
        "benchmarks/cases/mixed_campaign.py --contact-rules",
        (
            Statement(
                MEASURED, "offers that conflict, 1,129 limits | certified gap # %", ("gap %",)
            ),
            Statement(
                BENCHMARKS,
                "| certified gap (asked 0.05 %) | # % | | largest violation of a hard limit; rules",
                ("gap %",),
            ),
            Statement(BENCHMARKS, "| passes | # | | a pass / one under", ("full_passes",)),
            Statement(
                BENCHMARKS, "| bytes of sets a customer | # |", ("bytes_of_sets_a_customer",)
            ),
            Statement(
                BENCHMARKS, "mixed, 1M, `--contact-rules` | # % | # |", ("gap %", "full_passes")
            ),
        ),
        seconds=20,
    ),
    Command(
        "benchmarks/cases/supplier_minimums.py",
        (
            Statement(
                MEASURED,
                "all kept, certified gap # %; in chunks of 1,000 with limits divided evenly # % less value",
                ("whole.gap %", "chunked_value_below %"),
            ),
            Statement(BENCHMARKS, "| certified gap (asked 0.1 %) | # % |", ("whole.gap %",)),
            Statement(
                BENCHMARKS,
                "| minimums that bind | # of # |",
                ("whole.minimums_with_a_price", "minimums"),
            ),
            Statement(
                BENCHMARKS,
                "| minimums missed | # | #, by # coupons; # shares in # chunks |",
                (
                    "whole.minimums_missed",
                    "chunked.minimums_missed",
                    "chunked.coupons_missing",
                    "chunked.shares_missed",
                    "chunked.chunks_that_miss_some",
                ),
            ),
            Statement(BENCHMARKS, "| value | 1 | # % less |", ("chunked_value_below %",)),
        ),
        seconds=45,
    ),
    Command(
        "benchmarks/cases/portfolio.py",
        (
            Statement(MEASURED, "each of 640 brands | certified gap # %", ("gap %",)),
            Statement(
                BENCHMARKS,
                "(asked 0.01 %) | # % | | coupons, largest violation | # million",
                ("gap %", "allocated M"),
            ),
            Statement(
                BENCHMARKS,
                "| passes | # | | one pass / bare read of the same 1.6 GB",
                ("full_passes",),
            ),
            Statement(BENCHMARKS, "| portfolio | # % | # |", ("gap %", "full_passes")),
        ),
        seconds=60,
    ),
    Command(
        "benchmarks/cases/end_to_end.py --customers 1000000 --memory-limit 8GiB",
        (
            Statement(
                BENCHMARKS,
                "| transactions | #M, # GB |",
                ("transactions M", "transactions_bytes G"),
            ),
            Statement(
                BENCHMARKS, "| candidates, coupons | #M, #M |", ("candidates M", "allocated M")
            ),
            Statement(
                BENCHMARKS, "largest violation | # %, # | 0.0052 %", ("gap %", "max_violation")
            ),
        ),
        seconds=12,
    ),
    Command(
        "benchmarks/cases/affinity/affinity_scale.py --customers 1000000",
        (
            Statement(BENCHMARKS, "| pairs of customer and product | #M |", ("pairs M",)),
            Statement(BENCHMARKS, "| packed candidates | #M |", ("candidates M",)),
            Statement(BENCHMARKS, "| disk | # GB |", ("store_bytes G",)),
        ),
        seconds=15,
    ),
    Command(
        "benchmarks/cases/affinity/affinity_response.py",
        (
            Statement(
                BENCHMARKS,
                "| `ResponseModel`, # campaigns from August on | # | # | # | # |",
                (
                    "response model.campaigns",
                    "response model.auc.all",
                    "response model.auc.types B+C",
                    "response model.plain.foretold / came",
                    "response model.plain.off by campaign",
                ),
            ),
            Statement(
                BENCHMARKS,
                "0.093 | | the same, shifted by what came lately | | | # | #",
                (
                    "response model.shifted.foretold / came",
                    "response model.shifted.off by campaign",
                ),
            ),
            Statement(
                BENCHMARKS,
                "| counts of redemptions and a ridge of 1 | # | # | # | # |",
                (
                    "counts, ridge 1.auc.all",
                    "counts, ridge 1.auc.types B+C",
                    "counts, ridge 1.plain.foretold / came",
                    "counts, ridge 1.plain.off by campaign",
                ),
            ),
            Statement(
                BENCHMARKS,
                "| p0 alone | # | # |",
                (
                    "p0 alone.all",
                    "p0 alone.types B+C",
                ),
            ),
            Statement(
                BENCHMARKS,
                "| coupon popularity | # | # |",
                (
                    "coupon popularity.all",
                    "coupon popularity.types B+C",
                ),
            ),
            Statement(
                BENCHMARKS,
                "of all campaigns over their redemptions, #.",
                ("response model.redeemed",),
            ),
            Statement(
                BENCHMARKS,
                "Number 16 had # redemptions where # were foretold",
                (
                    "campaigns.2.redeemed",
                    "campaigns.2.foretold",
                ),
            ),
            Statement(
                BENCHMARKS,
                "What was chosen, on # campaigns before August with # redemptions",
                (
                    "chosen on.ridge.100.campaigns",
                    "chosen on.ridge.100.redeemed",
                ),
            ),
            Statement(
                BENCHMARKS,
                "a ridge of 1: #, #, #; of 10: #, #, #; of 100: #, #, #; of 300: #, #, #.",
                (
                    "chosen on.ridge.1.auc.all",
                    "chosen on.ridge.1.auc.types B+C",
                    "chosen on.ridge.1.plain.off by campaign",
                    "chosen on.ridge.10.auc.all",
                    "chosen on.ridge.10.auc.types B+C",
                    "chosen on.ridge.10.plain.off by campaign",
                    "chosen on.ridge.100.auc.all",
                    "chosen on.ridge.100.auc.types B+C",
                    "chosen on.ridge.100.plain.off by campaign",
                    "chosen on.ridge.300.auc.all",
                    "chosen on.ridge.300.auc.types B+C",
                    "chosen on.ridge.300.plain.off by campaign",
                ),
            ),
            Statement(
                BENCHMARKS,
                "redemptions for rates: #, #, #; without purchases of the coupon's type and maker: #, #, #.",
                (
                    "chosen on.counts of redemptions for rates.auc.all",
                    "chosen on.counts of redemptions for rates.auc.types B+C",
                    "chosen on.counts of redemptions for rates.plain.off by campaign",
                    "chosen on.without purchases of its type and maker.auc.all",
                    "chosen on.without purchases of its type and maker.auc.types B+C",
                    "chosen on.without purchases of its type and maker.plain.off by campaign",
                ),
            ),
        ),
        seconds=90,
    ),
    Command(
        "benchmarks/cases/prices.py",
        (
            Statement(BENCHMARKS, "Of # moves by a hundredth", ("moves",)),
            Statement(BENCHMARKS, "what the price says, within 5 % | # |", ("within_tolerance",)),
            Statement(BENCHMARKS, "it lies in the stated range | # |", ("in_range",)),
            Statement(BENCHMARKS, "so that the range has no end | # |", ("out_of_reach",)),
        ),
        seconds=90,
    ),
    Command(
        "benchmarks/cases/affinity/affinity_quality.py",
        (
            Statement(
                BENCHMARKS,
                "products, decay x repeat rate | # | # |",
                ("product.decay x repeat rate.recall@20", "product.decay x repeat rate.ndcg@20"),
            ),
            Statement(
                BENCHMARKS, "products, `PersonalModel` (# features", ("product.personal.features",)
            ),
            Statement(
                BENCHMARKS,
                "fitted in 45 s on one thread) | # | # |",
                ("product.personal.recall@20", "product.personal.ndcg@20"),
            ),
            Statement(
                BENCHMARKS,
                "| products, `JointModel` | # | # |",
                ("product.joint list.recall@20", "product.joint list.ndcg@20"),
            ),
            Statement(
                BENCHMARKS,
                "product types, decay x repeat rate | # | # |",
                ("type.decay x repeat rate.recall@20", "type.decay x repeat rate.ndcg@20"),
            ),
            Statement(
                BENCHMARKS,
                "product types, `PersonalModel` (# features",
                ("type.personal.features",),
            ),
            Statement(
                BENCHMARKS,
                "fitted in 33 s on one thread) | # | # |",
                ("type.personal.recall@20", "type.personal.ndcg@20"),
            ),
            Statement(
                BENCHMARKS,
                "product types, `JointModel` | # | # |",
                ("type.joint list.recall@20", "type.joint list.ndcg@20"),
            ),
            Statement(
                BENCHMARKS,
                "products new to the household, `DiscoveryModel` (popularity #); # % of what is begun | # | # |",
                (
                    "product.new items.popularity.recall@20",
                    "product.new items.coverage %",
                    "product.new items.recall@20",
                    "product.new items.ndcg@20",
                ),
            ),
            Statement(
                BENCHMARKS,
                "product types new to the household, `DiscoveryModel` (popularity #); # % of it | # | # |",
                (
                    "type.new items.popularity.recall@20",
                    "type.new items.coverage %",
                    "type.new items.recall@20",
                    "type.new items.ndcg@20",
                ),
            ),
        ),
        seconds=600,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--most-seconds", type=int, default=60, help="of a command, on two cores")
    parser.add_argument("--only", default="", metavar="TEXT", help="commands that have it")
    arguments = parser.parse_args()
    chosen = [
        command
        for command in COMMANDS
        if command.seconds <= arguments.most_seconds and arguments.only in command.run
    ]
    report: dict[str, list[str]] = {}
    for command in chosen:
        print(f"python {command.run}", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, *command.run.split()], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            raise SystemExit(f"python {command.run}: exit status {done.returncode}")
        printed = json.loads(done.stdout)
        report[f"python {command.run}"] = [
            line for statement in command.statements for line in statement.differences(printed)
        ]
    figures = sum(len(s.printed) for command in chosen for s in command.statements)
    print(json.dumps({"figures": figures, "differences": report}, indent=1, ensure_ascii=False))
    if any(report.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
