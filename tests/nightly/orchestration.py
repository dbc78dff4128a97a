"""The examples of orchestration, end to end, with the real packages: each in a virtual environment of its own.

    python -m tests.nightly.orchestration [prefect dagster airflow cron] --couponry WHEEL [--folder DIR]

Each solves a campaign of 4.5 million candidates. The first try fails in its midst, and what is tried again must go
on from its checkpoint; what comes out must be what `couponry solve` gives, to the byte, also when it is run once
more. DIR keeps the virtual environments; packages that are there are not installed again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples" / "orchestration"
PACKAGES = {"prefect": "prefect", "dagster": "dagster", "airflow": "apache-airflow", "cron": None}

CAMPAIGN = """
import sys
import numpy as np
import couponry as cp

customers, each, offers = 140_000, 32, 200
random = np.random.default_rng(1)
customer = np.repeat(np.arange(customers), each)
offer = (np.repeat(random.integers(0, offers, customers), each) + np.tile(np.arange(each), customers) * 5) % offers
value, cost = random.random((2, len(customer)), np.float32)
campaign = cp.Campaign(
    {"offer": np.arange(offers), "supplier": [f"s{k % 20}" for k in range(offers)]},
    {"customer": customer, "offer": offer, "value": value, "cost": cost},
    rules=[cp.CustomerRule("slots", max=6)],
    limits=[cp.Limit("budget", sum="cost", max=200_000), cp.Limit("suppliers", by="supplier", max=40_000)],
)
cp.write_campaign(campaign, sys.argv[1])
"""


class Place:
    """A virtual environment, and folders for one orchestrator.

    Parameters
    ----------
    name : str
    folder : Path
        Of all orchestrators.
    couponry : str
        What pip installs.
    """

    def __init__(self, name: str, folder: Path, couponry: str):
        self.name, self.folder = name, folder / f"{name}-run"
        self.bin = folder / name / "bin"
        if not self.bin.exists():
            subprocess.run([sys.executable, "-m", "venv", folder / name], check=True)
        packages = [couponry, *filter(None, [PACKAGES[name]])]
        self.call("pip", "install", "-q", *packages)
        shutil.rmtree(self.folder, ignore_errors=True)
        hook = self.folder / "hook"
        hook.mkdir(parents=True)
        shutil.copy(ROOT / "tests" / "nightly" / "interruption.py", hook / "sitecustomize.py")
        self.environment = {
            "COUPONRY_NIGHTLY": str(self.folder),
            "PYTHONPATH": str(hook),
            "PREFECT_HOME": str(self.folder / "prefect"),
            "PREFECT_LOGGING_EXTRA_LOGGERS": "couponry",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "300",
            "DAGSTER_HOME": str(self.folder / "dagster"),
            "DAGSTER_DISABLE_TELEMETRY": "yes",
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "RETRY_SECONDS": "1",
            "DO_NOT_TRACK": "1",
        }
        (self.folder / "dagster").mkdir()

    def call(self, command: str, *arguments: str | Path, **variables: str) -> None:
        """Run a command of the virtual environment; it must end well."""
        path = f"{self.bin}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, **variables}
        found = shutil.which(command, path=path) or command
        subprocess.run([found, *arguments], check=True, env=environment, cwd=self.bin.parent)

    def orchestrate(self, campaign: Path, out: Path) -> None:
        """Have the orchestrator run the example."""
        folders, variables = {"campaign": str(campaign), "out": str(out)}, self.environment
        if self.name == "prefect":
            self.call("python", EXAMPLES / "prefect_flow.py", campaign, out, **variables)
        elif self.name == "dagster":
            config = self.folder / "run.yaml"
            config.write_text(json.dumps({"ops": {"solve": {"config": folders}}}))
            job = ("-f", EXAMPLES / "dagster_job.py", "-j", "allocate_coupons", "-c", config)
            self.call("dagster", "job", "execute", *job, **variables)
        elif self.name == "airflow":
            if not (self.folder / "airflow" / "airflow.db").exists():
                self.call("airflow", "db", "migrate", **variables)
            test = ("dags", "test", "allocate_coupons", "--conf", json.dumps(folders))
            self.call("airflow", *test, **variables)
        else:
            self.call("sh", EXAMPLES / "nightly.sh", campaign, out, **variables)


def main() -> None:
    """Try one orchestrator after the other."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"of {', '.join(PACKAGES)}; default: all")
    parser.add_argument("--couponry", default=str(ROOT), help="what pip installs, such as a wheel")
    parser.add_argument("--folder", type=Path, help="where all is made; default: a temporary one")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        for name in given.names or PACKAGES:
            begun = time.monotonic()
            said = try_out(Place(name, folder, given.couponry))
            print(f"{name}: {said}, {time.monotonic() - begun:.0f} s", flush=True)


def try_out(place: Place) -> str:
    """Interrupt an orchestrator's first try, and hold what comes of it to a plain solve; returns what was seen."""
    campaign, plain, out = (place.folder / name for name in ("campaign", "plain", "out"))
    place.call("python", "-c", CAMPAIGN, campaign)
    place.call("couponry", "solve", campaign, "--out", plain, "--quiet")

    failing, opened = place.folder / "fail", place.folder / "opened"
    failing.write_text("kill" if place.name == "cron" else "raise")
    place.orchestrate(campaign, out)
    assert not failing.exists(), "nothing failed"
    answers = [int(line) for line in opened.read_text().split()]
    assert len(answers) == 2 and answers[0] == 0 < answers[1], f"not resumed: {answers}"
    expected = contents(plain)
    assert contents(out) == expected, "another result than that of a plain solve"

    opened.unlink()
    place.orchestrate(campaign, out)
    assert opened.read_text().split() == ["0"], "the checkpoint was left behind"
    assert contents(out) == expected, "another result when run again"
    left = sorted(
        path.name for path in place.folder.iterdir() if path.name.startswith((".", "out"))
    )
    assert left == ["out"], f"left behind: {left}"
    return f"failed after {answers[1]} answers, resumed from them, the same bytes twice"


def contents(result: Path) -> dict[str, object]:
    """What a result folder hands over: digests of its tables, and the figures of result.json."""
    told = json.loads((result / "result.json").read_text(encoding="utf-8"))
    names = ("status", "objective", "bound", "gap")
    tables = [result / "allocation.parquet", result / "limits.parquet"]
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tables}
    return {**digests, **{name: told[name] for name in names}}


if __name__ == "__main__":
    main()
