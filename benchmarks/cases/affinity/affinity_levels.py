"""How much the purchases of a window differ from those of the windows before: what bounds any calibration.

    python benchmarks/cases/affinity/affinity_levels.py [--level product] [--weeks 4] [--from 12]

No model takes part. Of each window of the Complete Journey: what households bought that they had bought before
(rewards), that was new to them but of a kind they knew (activations), and of a new kind (innovations). Foretold from
the past alone: as much as in the window before, as in the two before on average, or as these let expect by a power of
the weeks known. The deviation is that of log(foretold / happened); beside it, the deviation from a line of
log(purchases) by log(weeks) that was fitted to all windows, the foretold ones too, which nobody knows beforehand.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import _paths  # noqa: F401
import numpy as np
from benchmarks.instances.affinity_data import WINDOW, Level, levels
from numpy.typing import NDArray

from couponry.data.roles import ROLES

Floats = NDArray[np.float64]
Rule = Callable[[Floats, Floats, float], float]
"""From the weeks known before each past window, the logarithms of what was bought in it, and the weeks known now."""

RULES: dict[str, Rule] = {
    "the window before": lambda weeks, bought, now: float(bought[-1]),
    "two windows before": lambda weeks, bought, now: float(bought[-2:].mean()),
    "their power of weeks": lambda weeks, bought, now: float(
        bought[-1]
        + (bought[-1] - bought[-2]) * np.log(now / weeks[-1]) / np.log(weeks[-1] / weeks[-2])
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--level", choices=["product", "type"], action="append")
    parser.add_argument("--weeks", type=int, default=WINDOW)
    parser.add_argument("--from", type=int, default=12, dest="first", help="first week known")
    arguments = parser.parse_args()
    data = levels()
    report = {
        name: _roles(data[name], arguments.weeks, arguments.first)
        for name in arguments.level or list(data)
    }
    print(json.dumps(report, indent=1))


def _roles(level: Level, length: int, first: int) -> dict[str, Any]:
    weeks = np.arange(length, int(level.purchases["week"].max()) - length + 1, length)
    bought = _bought(level, weeks, length)
    return {
        role: _figures(weeks.astype(np.float64), np.log(counts), first)
        for role, counts in zip(ROLES, bought.T.astype(np.float64), strict=True)
    }


def _bought(level: Level, weeks: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Pairs of household and item of each window, by role; of items that anybody had bought before."""
    rows = level.purchases[["customer", "item", "week"]].drop_duplicates()
    groups = level.groups.to_pandas()
    kind = groups.set_index("item")[groups.columns[1]]
    rows = rows.assign(kind=rows["item"].map(kind))
    first = {
        name: rows.groupby(keys)["week"].transform("min")
        for name, keys in {
            "item": ["item"],
            "own": ["customer", "item"],
            "kind": ["customer", "kind"],
        }.items()
    }
    found = []
    for last in weeks.tolist():
        within = (rows["week"] > last) & (rows["week"] <= last + length) & (first["item"] <= last)
        window = rows[within].drop_duplicates(["customer", "item"]).index
        own, known = (first[name].loc[window] <= last for name in ("own", "kind"))
        found.append([own.sum(), (~own & known).sum(), (~own & ~known).sum()])
    return np.array(found)


def _figures(weeks: Floats, bought: Floats, first: int) -> dict[str, Any]:
    """Deviations of rules, and how far each is off at the last two windows."""
    judged = np.flatnonzero(weeks >= first)
    off = {
        name: np.array(
            [rule(weeks[:place], bought[:place], weeks[place]) - bought[place] for place in judged]
        )
        for name, rule in RULES.items()
    }
    line = np.polyfit(np.log(weeks[judged]), bought[judged], 1)
    off["a line known beforehand"] = np.polyval(line, np.log(weeks[judged])) - bought[judged]
    return {
        "purchases": np.rint(np.exp(bought[judged])).astype(int).tolist(),
        "deviations": {name: round(float(np.sqrt((of**2).mean())), 3) for name, of in off.items()},
        "within 0.9 to 1.1": {
            name: f"{int(((of >= np.log(0.9)) & (of <= np.log(1.1))).sum())} of {len(of)}"
            for name, of in off.items()
        },
        "foretold / happened, last two": {
            name: np.exp(of[-2:]).round(3).tolist() for name, of in off.items()
        },
    }


if __name__ == "__main__":
    main()
