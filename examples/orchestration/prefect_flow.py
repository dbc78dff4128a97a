"""A Prefect flow: a campaign folder is solved, verified and handed over.

    PREFECT_LOGGING_EXTRA_LOGGERS=couponry python examples/orchestration/prefect_flow.py CAMPAIGN OUT

A task that failed is tried again, and goes on where it was: the passes that were made are in the checkpoint. The
flow can be run again at any time: OUT is replaced in one step, by the same bits. Whoever comes next reads
OUT/result.json.
"""

import json
import sys
from pathlib import Path
from typing import Any

from prefect import flow, task

import couponry as cp


@task(retries=2, retry_delay_seconds=5)
def solve(campaign: Path, out: Path) -> None:
    """Allocate; a second try resumes the first."""
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    result = cp.read_campaign(campaign).solve(checkpoint=checkpoint)
    if result.allocation is None:
        raise RuntimeError(f"{result.status}: {result.message}")
    result.save(out, overwrite=True)
    checkpoint.unlink()


@task
def verify(campaign: Path, out: Path) -> None:
    """Recompute from the tables whatever the result claims."""
    report = cp.verify_result(campaign, out)
    if not report.ok:
        raise RuntimeError("\n".join(report.problems))


@task
def hand_over(out: Path) -> dict[str, Any]:
    """What the next flow is told: status, objective, bound, gap and more."""
    told: dict[str, Any] = json.loads((out / "result.json").read_text(encoding="utf-8"))
    return told


@flow
def allocate_coupons(campaign: Path, out: Path) -> dict[str, Any]:
    """From a campaign folder to a verified result folder."""
    solve(campaign, out)
    verify(campaign, out)
    return hand_over(out)


if __name__ == "__main__":
    told = allocate_coupons(Path(sys.argv[1]), Path(sys.argv[2]))
    print(told["status"], told["objective"])
