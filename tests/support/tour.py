"""A tour of whatever writes files: what came of it, to be the same on every system.

As a script, on a system as poor as Windows: `python -m tests.support.tour FOLDER FILE` writes it as JSON.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

CUSTOMERS, OFFERS, EACH = 400, 12, 5


def tour(folder: Path) -> dict[str, Any]:
    """Solve campaigns of files, with stores and checkpoints, save, ask and replace them; keep and extend a history."""
    import numpy as np
    import pyarrow as pa

    from couponry import Campaign, CustomerRule, Limit, read_campaign, read_result, write_campaign

    random = np.random.default_rng(5)
    customer = np.repeat(random.permutation(CUSTOMERS), EACH)
    offer = np.argsort(random.random((CUSTOMERS, OFFERS)), axis=1)[:, :EACH].ravel()
    value, cost = random.random((2, len(customer)))
    offers = {"offer": np.arange(OFFERS), "supplier": [f"s{k % 3}" for k in range(OFFERS)]}
    candidates = {"customer": customer, "offer": offer, "value": value, "cost": cost}
    limits = [Limit("budget", sum="cost", max=200), Limit("share", by="supplier", max=300)]
    campaign = Campaign(offers, candidates, rules=[CustomerRule(max=2)], limits=limits)
    write_campaign(campaign, folder / "campaign")
    stored = read_campaign(folder / "campaign", store=folder / "store")
    for _ in range(2):  # the second time from the checkpoint, and in place of what is there
        result = stored.solve(checkpoint=folder / "checkpoint", threads=2)
        result.save(folder / "result", overwrite=True)
    read = read_result(folder / "result", campaign=folder / "campaign", store=folder / "store")
    less = read.what_if(limits={"budget": {"max": 150}})
    read.report(folder / "report.html")
    return {
        "objective": result.objective,
        "bound": result.bound,
        "coupons": pa.table(result.allocation).to_pylist(),
        "gain": less.gain,
        "left": sorted(path.name for path in folder.iterdir()),
        "store": sorted(path.name.split(".")[0] for path in (folder / "store").iterdir()),
        "command": command_line(folder),
        "history": history(folder / "history"),
    }


def command_line(folder: Path) -> list[int]:
    """The exit statuses of commands that write files."""
    from couponry.cli import run

    campaign, out = str(folder / "campaign"), str(folder / "out")
    return [
        run(["solve", campaign, "--out", out, "--quiet"]),
        run(["solve", campaign, "--out", out, "--overwrite", "--quiet"]),
        run(["verify", campaign, out]),
        run(["export", out, "--csv", str(folder / "csv")]),
    ]


def history(folder: Path) -> list[Any]:
    """A history of more transactions than are sorted at once, in a folder, and another one that goes on from it."""
    import numpy as np

    from couponry.affinity import PurchaseHistory

    random = np.random.default_rng(6)

    def weeks(first: int, last: int, rows: int) -> dict[str, Any]:
        return {
            "customer": random.integers(0, 300, rows),
            "product": random.integers(0, 40, rows),
            "week": np.sort(random.integers(first, last + 1, rows)),
            "spend": random.integers(1, 2000, rows) / 100,
        }

    folder.mkdir()
    kept = PurchaseHistory.from_transactions(weeks(1, 20, 5000), folder=folder / "a")
    later = kept.update(weeks(21, 30, 2000), folder=folder / "b")
    again = PurchaseHistory.open(folder / "b")
    spends = [float(np.asarray(one.pairs.spend, np.float64).sum()) for one in (kept, later, again)]
    return [len(kept), len(later), *spends, sorted(path.name for path in folder.iterdir())]


def small_steps(change: Callable[[Any, str, int], None]) -> None:
    """Have few rows sorted at a time, and all passes written down."""
    from couponry.affinity.history.building.runs import native_grouping
    from couponry.data import external_sort
    from couponry.engines import checkpoint

    for module in (external_sort, native_grouping):
        change(module, "BLOCK_ROWS", 300)
        change(module, "RUN_ROWS", 600)
    change(checkpoint, "LEAST_RECORDED_CANDIDATES", 1)


def import_all() -> int:
    """Import every module of the package; returns how many there are."""
    import couponry

    names = [found.name for found in walk_packages(couponry.__path__, "couponry.")]
    for name in names:
        if not name.startswith("couponry.kernels._native") and name != "couponry.__main__":
            try:
                import_module(name)
            except ImportError as error:
                if "pip install" not in str(error):  # of an extra that is not installed, and named
                    raise
    return len(names)


def main() -> None:
    """Go on the tour in a process that has no more than one on Windows."""
    from tests.support.other_system import become_poor

    become_poor()
    modules = import_all()
    small_steps(setattr)
    found = tour(Path(sys.argv[1]))
    Path(sys.argv[2]).write_text(json.dumps({**found, "modules": modules}), encoding="utf-8")


if __name__ == "__main__":
    main()
