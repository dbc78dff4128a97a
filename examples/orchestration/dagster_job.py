"""A Dagster job: a campaign folder is solved, verified and handed over.

    dagster job execute -f examples/orchestration/dagster_job.py -j allocate_coupons -c run.yaml

where run.yaml says which folders:

    ops:
      solve: {config: {campaign: /data/spring, out: /data/results/spring}}

An op that failed is tried again, and goes on where it was: the passes that were made are in the checkpoint. The job
can be run again at any time: the result folder is replaced in one step, by the same bits. Whoever comes next reads
its result.json.
"""

import json
from pathlib import Path
from typing import Any

from dagster import Config, OpExecutionContext, RetryPolicy, job, op

import couponry as cp


class Folders(Config):
    """Which campaign is solved, and where its result goes."""

    campaign: str
    out: str


@op(retry_policy=RetryPolicy(max_retries=2, delay=5))
def solve(context: OpExecutionContext, config: Folders) -> dict[str, str]:
    """Allocate; a second try resumes the first."""
    out = Path(config.out)
    checkpoint = out.with_name(f"{out.name}.checkpoint")
    result = cp.read_campaign(config.campaign).solve(
        checkpoint=checkpoint, progress=lambda event: context.log.info(str(event))
    )
    if result.allocation is None:
        raise RuntimeError(f"{result.status}: {result.message}")
    result.save(out, overwrite=True)
    checkpoint.unlink()
    return {"campaign": config.campaign, "out": config.out}


@op
def verify(folders: dict[str, str]) -> dict[str, str]:
    """Recompute from the tables whatever the result claims."""
    report = cp.verify_result(folders["campaign"], folders["out"])
    if not report.ok:
        raise RuntimeError("\n".join(report.problems))
    return folders


@op
def hand_over(context: OpExecutionContext, folders: dict[str, str]) -> dict[str, Any]:
    """What the next job is told: status, objective, bound, gap and more."""
    path = Path(folders["out"]) / "result.json"
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    context.add_output_metadata({name: told[name] for name in ("status", "objective", "gap")})
    return told


@job
def allocate_coupons() -> None:
    """From a campaign folder to a verified result folder."""
    hand_over(verify(solve()))
