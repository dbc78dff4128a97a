"""Each kind of rule alone and all together: campaigns of 300 to 2,000 customers beside HiGHS.

Kinds take turns with the number of a campaign. What comes back is checked from the tables by the oracle and by
`couponry verify`. Each campaign is a line as soon as it is done; with --json it is added to a file, which a later run
goes on with, and --summary adds files up.

    python -m tests.fuzz.rule_campaigns --first 0 --count 700 --json FILE
    python -m tests.fuzz.rule_campaigns --campaign 12
    python -m tests.fuzz.rule_campaigns --summary FILE ...
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.support.comparison import Comparison, compare, measure_by_highs
from tests.support.one_rule import KINDS, draw_kind
from tests.support.programme import Stop

LARGEST_SHORTFALL = 0.3
"""Percent of HiGHS's objective that a campaign may fall short by."""

MEAN_SHORTFALL = 0.03
"""Percent, on average."""

NOISE = 1e-7
"""Percent of an objective that sums of float64, and HiGHS's own tolerances, may be off."""


def run_campaign(
    number: int, largest: int, stop: Stop, time_limit: float | None, *, narrow: bool = False
) -> dict[str, Any]:
    """Solve the campaign of a number by couponry and by HiGHS; what is said of it in a line."""
    kind = KINDS[number % len(KINDS)]
    drawn = draw_kind(kind, number // len(KINDS), largest, narrow=narrow)
    with tempfile.TemporaryDirectory() as folder:
        by = measure_by_highs(drawn, stop)
        found = compare(drawn, by, time_limit=time_limit, folder=Path(folder))
    return {
        "number": number,
        "kind": kind,
        "customers": found.customers,
        "candidates": found.candidates,
        "status": found.status,
        "method": found.method,
        "shortfall": found.shortfall,
        "above": found.above,
        "highs": found.highs.status,
        "seconds": round(found.seconds, 2),
        "highs_seconds": round(found.highs_seconds, 2),
        "wrong": list(judged(found)),
    }


def judged(found: Comparison) -> Iterator[str]:
    """What is wrong with a comparison."""
    yield from found.wrong
    if found.shortfall is not None and found.shortfall > LARGEST_SHORTFALL:
        yield f"shortfall {found.shortfall:.4f} % ({found.method})"
    if found.above is not None and found.above < -NOISE:
        yield f"the bound is {-found.above:.2g} % below a known allocation ({found.method})"


def summary(lines: Sequence[dict[str, Any]]) -> tuple[str, bool]:
    """Campaigns by kind in words, and whether nothing is wrong."""
    told, wrong = [], []
    for kind in [*KINDS, None]:
        some = [line for line in lines if kind in (None, line["kind"])]
        falls = [max(0.0, line["shortfall"]) for line in some if line["shortfall"] is not None]
        above = [line["above"] for line in some if line["above"] is not None]
        if not some:
            continue
        sizes = [line["customers"] for line in some]
        mean = sum(falls) / max(1, len(falls))
        told.append(
            f"{kind or 'together'}: {len(some)} campaigns of {min(sizes)} to {max(sizes)} customers, "
            f"{sum(line['shortfall'] is None for line in some)} without an allocation, "
            f"{sum(line['highs'] == 'optimal' for line in some)} solved by HiGHS; shortfall at most "
            f"{max(falls, default=0.0):.4f} %, {mean:.4f} % on average; bound above the best known by "
            f"{min(above, default=0.0):.2g} % at least"
        )
        if mean > MEAN_SHORTFALL:
            wrong.append(f"{kind or 'together'}: mean shortfall {mean:.4f} %")
    wrong += [f"campaign {line['number']}: {what}" for line in lines for what in line["wrong"]]
    return "\n".join([*told, *wrong, f"{len(wrong)} wrong"]), not wrong


def read(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The lines of files, each campaign once: as it was said last."""
    lines = [json.loads(text) for path in paths for text in path.read_text("utf-8").splitlines()]
    return [*{line["number"]: line for line in lines}.values()]


def main(arguments: list[str] | None = None) -> int:
    """Run campaigns or add up what was run; 1 where anything is wrong."""
    parser = argparse.ArgumentParser("python -m tests.fuzz.rule_campaigns", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--count", type=int, default=3 * len(KINDS), help="how many")
    parser.add_argument("--campaign", type=int, help="only this one")
    parser.add_argument("--largest", type=int, default=2000, help="customers at most")
    parser.add_argument("--narrow", action="store_true", help="every hard limit is a corridor")
    parser.add_argument("--time-limit", type=float, help="seconds that couponry has for each")
    parser.add_argument("--highs-seconds", type=float, help="that HiGHS has for each")
    parser.add_argument("--highs-nodes", type=int, default=30, help="that HiGHS searches for each")
    parser.add_argument("--json", type=Path, help="a line a campaign is added to it")
    parser.add_argument("--summary", type=Path, nargs="+", help="files of --json to add up")
    given = parser.parse_args(arguments)
    if given.summary:
        told, right = summary(read(given.summary))
        print(told)
        return 0 if right else 1
    stop = Stop(1e-5, nodes=given.highs_nodes, seconds=given.highs_seconds)
    known = read([given.json]) if given.json is not None and given.json.exists() else []
    numbers = range(given.first, given.first + given.count)
    if given.campaign is not None:
        numbers, known = range(given.campaign, given.campaign + 1), []
    done = {line["number"] for line in known}
    lines = [line for line in known if line["number"] in numbers]
    for number in numbers:
        if number in done:
            continue
        line = run_campaign(number, given.largest, stop, given.time_limit, narrow=given.narrow)
        lines.append(line)
        print(json.dumps(line), flush=True)
        if given.json is not None:
            with given.json.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")
    told, right = summary(lines)
    print(told)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
