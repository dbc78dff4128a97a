"""An Airflow DAG: a campaign folder is solved, verified and handed over, every night.

    airflow dags test allocate_coupons --conf '{"campaign": "/data/spring", "out": "/data/results/spring"}'

A task that failed is tried again, and goes on where it was: the passes that were made are in the checkpoint. The DAG
can be run again at any time: the result folder is replaced in one step, by the same bits. Whoever comes next reads
its result.json, which the last task returns, too.
"""

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import Param, dag, task


@dag(
    schedule="30 2 * * *",
    start_date=datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    params={
        "campaign": Param("/data/spring", type="string"),
        "out": Param("/data/results/spring", type="string"),
    },
)
def allocate_coupons() -> None:
    """From a campaign folder to a verified result folder."""

    @task(retries=2, retry_delay=timedelta(seconds=5))
    def solve(params: dict[str, Any] | None = None) -> dict[str, str]:
        """Allocate; a second try resumes the first."""
        from pathlib import Path

        import couponry as cp  # here: Airflow reads this file every few seconds

        assert params is not None
        out = Path(params["out"])
        checkpoint = out.with_name(f"{out.name}.checkpoint")
        result = cp.read_campaign(params["campaign"]).solve(checkpoint=checkpoint)
        if result.allocation is None:
            raise RuntimeError(f"{result.status}: {result.message}")
        result.save(out, overwrite=True)
        checkpoint.unlink()
        return {"campaign": params["campaign"], "out": str(out)}

    @task
    def verify(folders: dict[str, str]) -> dict[str, str]:
        """Recompute from the tables whatever the result claims."""
        import couponry as cp

        report = cp.verify_result(folders["campaign"], folders["out"])
        if not report.ok:
            raise RuntimeError("\n".join(report.problems))
        return folders

    @task
    def hand_over(folders: dict[str, str]) -> dict[str, Any]:
        """What the next DAG is told: status, objective, bound, gap and more."""
        import json
        from pathlib import Path

        path = Path(folders["out"]) / "result.json"
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return told

    hand_over(verify(solve()))


allocate_coupons()
