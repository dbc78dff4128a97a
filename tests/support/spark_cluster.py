"""A standalone Spark on this machine: a master and two workers as processes of their own, all on the loopback."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .processes import Started, end, start, wait_for

HOST, OTHER_HOST = "127.0.0.1", "127.0.0.2"
"""Both on the loopback; Spark has no second attempt run on the host of the first."""

JAVA_OPTIONS = "-XX:+UseSerialGC -Djava.net.preferIPv4Stack=true"
QUICK_TO_START = "-XX:TieredStopAtLevel=1"
"""Little of what Java does for couponry is worth being compiled at length; see docs/clusters.md."""

REPOSITORY = Path(__file__).parents[2]
SOURCES = Path(__import__("couponry").__file__).parents[1]


def why_not() -> str | None:
    """Why there can be no Spark here; None where there can."""
    if sys.platform != "linux":
        return "no Linux, whose /proc and signals these tests use"
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        return "no Java (apt-get install openjdk-17-jre-headless)"
    try:
        import pyspark  # noqa: F401
    except ImportError:
        return "no PySpark (pip install pyspark)"
    return None


class SparkCluster:
    """A master, and two workers that start up to two executors each, of one core.

    Parameters
    ----------
    folder : Path
        For logs and the workers' files.
    measured : bool
        As users start one: nothing is asserted or noted that tests look at.
    java : str
        Options of the driver's and the executors' Java.
    """

    def __init__(self, folder: Path, measured: bool = False, java: str = QUICK_TO_START):
        import pyspark

        self.folder, self._measured = folder, measured
        self._java = f"{JAVA_OPTIONS} {java}"
        self._home = Path(pyspark.__file__).parent
        self.environment = os.environ | {
            "SPARK_LOCAL_IP": HOST,
            "SPARK_LOCAL_HOSTNAME": HOST,
            "SPARK_HOME": str(self._home),
            "SPARK_DAEMON_MEMORY": "256m",
            "SPARK_DAEMON_JAVA_OPTS": f"{JAVA_OPTIONS} {QUICK_TO_START}",
            "SPARK_LOG_DIR": str(folder),
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONWARNINGS": "ignore",
        }
        self.started: list[Started] = []
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        log, master = self._daemon("master", HOST)
        self.master = str(wait_for(lambda: found_in(r"spark://[\d.]+:\d+", log), master, log))
        for host in (HOST, OTHER_HOST):
            options = ["--cores", "2", "--memory", "2g", "--work-dir", str(self.folder / host)]
            log, worker = self._daemon("worker", host, *options, self.master)
            wait_for(lambda log=log: found_in("Successfully registered", log), worker, log)

    def _daemon(self, kind: str, host: str, *options: str) -> tuple[Path, Started]:
        log = self.folder / f"{kind}-{host}.log"
        name = f"org.apache.spark.deploy.{kind}.{kind.capitalize()}"
        where = ["--host", host, "--port", "0", "--webui-port", "0"]
        command = [self._home / "bin" / "spark-class", name, *where, *options]
        started = start(command, self.environment, log)
        self.started.append(started)
        return log, started

    def settings(self, executors: int) -> dict[str, str]:
        """Settings of a session with so many executors of one core each."""
        paths = os.pathsep.join([str(SOURCES), str(REPOSITORY)])
        noted = {
            "spark.executorEnv.COUPONRY_ASSERTIONS": "1",
            "spark.eventLog.enabled": "true",
            "spark.eventLog.dir": self.events.as_uri(),
            "spark.eventLog.compress": "false",
            "spark.eventLog.rolling.enabled": "false",
        }
        return ({} if self._measured else noted) | {
            "spark.master": self.master,
            "spark.driver.host": HOST,
            "spark.driver.bindAddress": HOST,
            "spark.driver.memory": "512m",
            "spark.driver.extraJavaOptions": self._java,
            "spark.executor.memory": "512m",
            "spark.executor.cores": "1",
            "spark.executor.extraJavaOptions": self._java,
            "spark.executorEnv.PYTHONPATH": paths,
            "spark.executorEnv.PYTHONWARNINGS": "ignore",
            "spark.cores.max": str(executors),
            "spark.scheduler.minRegisteredResourcesRatio": "1.0",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.sql.shuffle.partitions": "4",
            "spark.sql.warehouse.dir": str(self.folder / "warehouse"),
            "spark.local.dir": str(self.folder / "local"),
        }

    @property
    def where(self) -> dict[str, Any]:
        """What `cluster_driver` is told."""
        return {"spark": self.settings(1)}

    @property
    def events(self) -> Path:
        """Folder of what Spark itself notes of its tasks."""
        folder = self.folder / "events"
        folder.mkdir(exist_ok=True)
        return folder

    @contextmanager
    def session(self, executors: int = 1, **settings: str) -> Iterator[Any]:
        """A session of its own, stopped afterwards; settings without their `spark.`, dots as underscores."""
        from pyspark.sql import SparkSession

        asked = {f"spark.{name.replace('_', '.')}": value for name, value in settings.items()}
        builder = SparkSession.builder.appName("couponry tests")
        for name, value in (self.settings(executors) | asked).items():
            builder = builder.config(name, value)
        kept = {name: os.environ.get(name) for name in self.environment}
        os.environ.update(self.environment)  # the driver's Java inherits it
        try:
            session = builder.getOrCreate()
        finally:
            for name, value in kept.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})
        session.sparkContext.setLogLevel("OFF")
        try:
            yield session
        finally:
            session.stop()

    def submit(self, folder: Path, executors: int) -> list[str | Path]:
        """How spark-submit is started, with such settings."""
        file = folder / "spark.conf"
        settings = self.settings(executors)
        file.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
        return [self._home / "bin" / "spark-submit", "--properties-file", file]

    def task_ends(self, session: Any) -> list[dict[str, Any]]:
        """What Spark noted of the end of every task of a session so far."""
        last = uuid.uuid4().hex
        session.sparkContext.setJobDescription(last)
        session.range(
            1
        ).collect()  # Spark notes things in order, but later: this comes after all others
        session.sparkContext.setJobDescription(None)
        [log] = self.events.glob(f"{session.sparkContext.applicationId}*")
        while True:
            lines = log.read_text().split("\n")[:-1]  # the last may not be whole yet
            noted = [json.loads(line) for line in lines]
            marks = [number for number, event in enumerate(noted) if _is_job(event, last)]
            if any(
                event["Event"] == "SparkListenerJobEnd" for mark in marks for event in noted[mark:]
            ):
                return [event for event in noted if event["Event"] == "SparkListenerTaskEnd"]
            time.sleep(0.05)

    def close(self) -> None:
        """End master, worker, and the driver's Java, which outlives its sessions."""
        from pyspark import SparkContext

        gateway = SparkContext._gateway
        if gateway is not None:
            SparkContext._gateway = SparkContext._jvm = None
            gateway.shutdown()
            end([gateway.proc])
        end(self.started)


def _is_job(event: dict[str, Any], description: str) -> bool:
    properties = event.get("Properties") or {}
    return event["Event"] == "SparkListenerJobStart" and description in properties.values()


def found_in(pattern: str, log: Path) -> str | None:
    """The first match of a pattern in a log."""
    found = re.search(pattern, log.read_text())
    return found[0] if found else None
