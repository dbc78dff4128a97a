"""Exact-search fuzzer: small campaigns with every rule and limit, against an exhaustive search in whole numbers.

Values, costs, bounds and penalties are of scales from 1e-12 to 1e12, mixed within one campaign. Each case is solved in
this process as its number says: gap, threads, backend, stages that are forced, a clock that ends it, a second solve
with another bound. What comes back is checked against every allocation that there is.

    python -m tests.fuzz.exact --cases 20000 --processes 2
    python -m tests.fuzz.exact --case 417
    python -m tests.fuzz.exact --script 417 > fault.py
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

from tests.fuzz.cases import Outcome, main
from tests.fuzz.checks import Checked, facts
from tests.fuzz.drawing import draw
from tests.fuzz.small_campaign import SmallCampaign
from tests.fuzz.solving import solve

import couponry
from couponry.result import Result
from couponry.utils.errors import InvalidInput


def run_case(number: int) -> Outcome:
    """Draw the campaign of a number, solve it, and check what comes back."""
    small = draw(number)
    try:
        results = solve(small)
    except InvalidInput as error:
        reason = re.sub(r"'[^']*'|-?\d[\d.e+-]*", "…", str(error))
        return Outcome((*sorted(small.features), f"refused: {reason}"))
    wrong = []
    for solved, result in results:
        wrong += Checked(solved, result).check()
    if small.is_written:
        wrong += verified(*results[0])
    return Outcome(tuple(facts(small, results)), tuple(wrong))


def verified(small: SmallCampaign, result: Result) -> list[str]:
    """What `couponry verify` finds wrong with campaign and result once both are written."""
    if result.status == "unsolved":
        return []
    with tempfile.TemporaryDirectory() as folder:
        campaign = couponry.write_campaign(small.campaign(), Path(folder) / "campaign")
        report = couponry.verify_result(campaign, result.write(Path(folder) / "result"))
    return [f"verify: {problem}" for problem in report.problems]


if __name__ == "__main__":
    if sys.argv[1:2] == ["--script"]:
        print(draw(int(sys.argv[2])).script())
        sys.exit(0)
    sys.exit(main("tests.fuzz.exact", __doc__ or ""))
