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

MEASURED = "docs/measured.md"
SOLVES = "benchmarks/measured/solves.md"
RULES = "benchmarks/measured/rules.md"
FILES = "benchmarks/measured/files.md"
AFFINITY = "benchmarks/measured/affinity.md"
OTHERS = "benchmarks/measured/other_machines.md"

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
            Statement(SOLVES, "gap reached (asked 0.01 %) | # % |", ("gap %",)),
            Statement(
                OTHERS,
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
            Statement(SOLVES, "| certified gap | # % | 0.0031 %", ("gap %",)),
            Statement(SOLVES, "samples by their share | # |", ("full_passes",)),
            Statement(SOLVES, "| packed bytes | # MB |", ("packed_bytes M",)),
        ),
        seconds=6,
    ),
    Command(
        "benchmarks/cases/matching.py",
        (
            Statement(MEASURED, "10,000 destinations | integer, certified gap # %", ("gap %",)),
            Statement(SOLVES, "| gap | # % certified", ("gap %",)),
            Statement(SOLVES, "| value | # | 50,496.41 |", ("objective",)),
            Statement(SOLVES, "| passes | # | 320 iterations |", ("full_passes",)),
            Statement(OTHERS, "matching, 1M x 10,000 | # % | # |", ("gap %", "full_passes")),
        ),
        seconds=8,
    ),
    Command(
        "benchmarks/cases/matching.py --sources 300000 --gap 0.0003",
        (Statement(SOLVES, "| 300,000 | # % | # |", ("gap %", "full_passes")),),
        seconds=6,
    ),
    Command(
        "benchmarks/cases/matching.py --sources 600000 --gap 0.0003",
        (Statement(SOLVES, "| 600,000 | # % | # |", ("gap %", "full_passes")),),
        seconds=9,
    ),
    Command(
        "benchmarks/cases/warm_start.py",
        (
            Statement(
                SOLVES,
                "budget, raised and lowered | #, # |",
                ("changes.0.passes_ratio", "changes.1.passes_ratio"),
            ),
            Statement(SOLVES, "the cap worth most, eased | # |", ("changes.2.passes_ratio",)),
            Statement(SOLVES, "the costliest minimum, eased | # |", ("changes.3.passes_ratio",)),
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
                RULES,
                "| certified gap (asked 0.05 %) | # % | | largest violation of a hard limit; rules",
                ("gap %",),
            ),
            Statement(RULES, "| passes | # | | a pass / one under", ("full_passes",)),
            Statement(RULES, "| bytes of sets a customer | # |", ("bytes_of_sets_a_customer",)),
            Statement(OTHERS, "mixed, 1M, `--contact-rules` | # % | # |", ("gap %", "full_passes")),
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
            Statement(SOLVES, "| certified gap (asked 0.1 %) | # % |", ("whole.gap %",)),
            Statement(
                SOLVES,
                "| minimums that bind | # of # |",
                ("whole.minimums_with_a_price", "minimums"),
            ),
            Statement(
                SOLVES,
                "| minimums missed | # | #, by # coupons; # shares in # chunks |",
                (
                    "whole.minimums_missed",
                    "chunked.minimums_missed",
                    "chunked.coupons_missing",
                    "chunked.shares_missed",
                    "chunked.chunks_that_miss_some",
                ),
            ),
            Statement(SOLVES, "| value | 1 | # % less |", ("chunked_value_below %",)),
        ),
        seconds=45,
    ),
    Command(
        "benchmarks/cases/portfolio.py",
        (
            Statement(MEASURED, "each of 640 brands | certified gap # %", ("gap %",)),
            Statement(
                SOLVES,
                "(asked 0.01 %) | # % | | coupons, largest violation | # million",
                ("gap %", "allocated M"),
            ),
            Statement(
                SOLVES,
                "| passes | # | | one pass / bare read of the same 1.6 GB",
                ("full_passes",),
            ),
            Statement(OTHERS, "| portfolio | # % | # |", ("gap %", "full_passes")),
        ),
        seconds=60,
    ),
    Command(
        "benchmarks/cases/end_to_end.py --customers 1000000 --memory-limit 8GiB",
        (
            Statement(
                FILES,
                "| transactions | #M, # GB |",
                ("transactions M", "transactions_bytes G"),
            ),
            Statement(FILES, "| candidates, coupons | #M, #M |", ("candidates M", "allocated M")),
            Statement(FILES, "largest violation | # %, # | 0.0053 %", ("gap %", "max_violation")),
        ),
        seconds=12,
    ),
    Command(
        "benchmarks/cases/affinity/affinity_scale.py --customers 1000000",
        (
            Statement(AFFINITY, "| pairs of customer and product | #M |", ("pairs M",)),
            Statement(AFFINITY, "| packed candidates | #M |", ("candidates M",)),
            Statement(AFFINITY, "| disk | # GB |", ("store_bytes G",)),
        ),
        seconds=15,
    ),
    Command(
        "benchmarks/cases/affinity/affinity_response.py",
        (
            Statement(
                AFFINITY,
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
                AFFINITY,
                "0.093 | | the same, shifted by what came lately | | | # | #",
                (
                    "response model.shifted.foretold / came",
                    "response model.shifted.off by campaign",
                ),
            ),
            Statement(
                AFFINITY,
                "| counts of redemptions and a ridge of 1 | # | # | # | # |",
                (
                    "counts, ridge 1.auc.all",
                    "counts, ridge 1.auc.types B+C",
                    "counts, ridge 1.plain.foretold / came",
                    "counts, ridge 1.plain.off by campaign",
                ),
            ),
            Statement(
                AFFINITY,
                "| p0 alone | # | # |",
                (
                    "p0 alone.all",
                    "p0 alone.types B+C",
                ),
            ),
            Statement(
                AFFINITY,
                "| coupon popularity | # | # |",
                (
                    "coupon popularity.all",
                    "coupon popularity.types B+C",
                ),
            ),
            Statement(
                AFFINITY,
                "of all campaigns over their redemptions, #.",
                ("response model.redeemed",),
            ),
            Statement(
                AFFINITY,
                "Number 16 had # redemptions where # were foretold",
                (
                    "campaigns.2.redeemed",
                    "campaigns.2.foretold",
                ),
            ),
            Statement(
                AFFINITY,
                "What was chosen, on # campaigns before August with # redemptions",
                (
                    "chosen on.ridge.100.campaigns",
                    "chosen on.ridge.100.redeemed",
                ),
            ),
            Statement(
                AFFINITY,
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
                AFFINITY,
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
            Statement(SOLVES, "Of # moves by a hundredth", ("moves",)),
            Statement(SOLVES, "what the price says, within 5 % | # |", ("within_tolerance",)),
            Statement(SOLVES, "it lies in the stated range | # |", ("in_range",)),
            Statement(SOLVES, "so that the range has no end | # |", ("out_of_reach",)),
        ),
        seconds=90,
    ),
    Command(
        "benchmarks/cases/affinity/affinity_quality.py",
        (
            Statement(
                AFFINITY,
                "products, decay x repeat rate | # | # |",
                ("product.decay x repeat rate.recall@20", "product.decay x repeat rate.ndcg@20"),
            ),
            Statement(
                AFFINITY, "products, `PersonalModel` (# features", ("product.personal.features",)
            ),
            Statement(
                AFFINITY,
                "fitted in 45 s on one thread) | # | # |",
                ("product.personal.recall@20", "product.personal.ndcg@20"),
            ),
            Statement(
                AFFINITY,
                "| products, `JointModel` | # | # |",
                ("product.joint list.recall@20", "product.joint list.ndcg@20"),
            ),
            Statement(
                AFFINITY,
                "product types, decay x repeat rate | # | # |",
                ("type.decay x repeat rate.recall@20", "type.decay x repeat rate.ndcg@20"),
            ),
            Statement(
                AFFINITY,
                "product types, `PersonalModel` (# features",
                ("type.personal.features",),
            ),
            Statement(
                AFFINITY,
                "fitted in 33 s on one thread) | # | # |",
                ("type.personal.recall@20", "type.personal.ndcg@20"),
            ),
            Statement(
                AFFINITY,
                "product types, `JointModel` | # | # |",
                ("type.joint list.recall@20", "type.joint list.ndcg@20"),
            ),
            Statement(
                AFFINITY,
                "products new to the household, `DiscoveryModel` (popularity #); # % of what is begun | # | # |",
                (
                    "product.new items.popularity.recall@20",
                    "product.new items.coverage %",
                    "product.new items.recall@20",
                    "product.new items.ndcg@20",
                ),
            ),
            Statement(
                AFFINITY,
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
