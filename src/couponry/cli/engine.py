"""Where ``solve`` makes its passes: on this machine, or on a cluster that it connects to."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from ..engines import Cluster, Dask, Spark
from ..utils.errors import InvalidInput, first_line
from .arguments import Command

EXTRAS = {"spark": "pyspark.sql", "dask": "distributed"}
"""What each engine needs."""


def engine_options(command: Command) -> Command:
    """Add the options that say where passes are made."""
    engine = click.option(
        "--engine", type=click.Choice(list(EXTRAS)), help="Solve on a cluster. Default: here."
    )
    master = click.option(
        "--master",
        help="Spark's master, or the address of Dask's scheduler. Default: as spark-submit or Dask is configured.",
    )
    shards = click.option(
        "--shards",
        help="With --engine: folder of shards, which all workers reach by the same name, or a URI; used again.",
    )
    customers = click.option(
        "--shard-customers", default=1_000_000, show_default=True, help="Customers of a shard."
    )
    return engine(master(shards(customers(command))))


@contextmanager
def connected(
    name: str | None, master: str | None, shards: str | None, shard_customers: int
) -> Iterator[Cluster | None]:
    """Connect to a cluster while a campaign is solved and its result is written; None: there is none.

    Parameters
    ----------
    name : {"spark", "dask"} or None
    master : str or None
        Default: as the cluster's own configuration says.
    shards : str or None
    shard_customers : int

    Yields
    ------
    Cluster or None

    Raises
    ------
    ImportError
        Where the extra is missing.
    """
    if name is None:
        if master is not None or shards is not None:
            raise click.UsageError("--master and --shards go with --engine")
        yield None
        return
    if shards is None:
        raise click.UsageError(f"--engine {name} needs --shards")
    try:
        library = import_module(EXTRAS[name])
    except ImportError as error:
        raise ImportError(
            f"--engine {name} needs its extra: pip install 'couponry[{name}]' ({error})"
        ) from error
    if name == "spark":
        with _spark_session(library, master) as session:
            yield Spark(session, shards, shard_customers)
    else:
        configured = import_module("dask").config.get("scheduler-address", None)
        if (master or configured) is None:
            raise click.UsageError("--engine dask needs --master, the address of a scheduler")
        with library.Client(master or configured) as client:
            yield Dask(client, shards, shard_customers)


@contextmanager
def _spark_session(library: Any, master: str | None) -> Iterator[Any]:
    """A session whose tasks have an executor each: one for each pass, with threads of its own."""
    conf = import_module("pyspark").SparkConf()
    if conf.contains("spark.executor.cores") and not conf.contains("spark.task.cpus"):
        conf.set("spark.task.cpus", conf.get("spark.executor.cores"))
    builder = library.SparkSession.builder.appName("couponry").config(conf=conf)
    if master is not None:
        builder = builder.master(master)
    try:
        session = builder.getOrCreate()
    except (
        Exception
    ) as error:  # such as a master that Spark knows nothing of, or a Java that is not there
        raise InvalidInput(f"--engine spark: no session began: {first_line(error)}") from error
    if not library.is_remote():
        _have_this_python(session.sparkContext)
    try:
        yield session
    finally:
        session.stop()


def _have_this_python(context: Any) -> None:
    """Give workers of this machine the Python of this process, unless it is said which one they have."""
    if context.master.startswith("local") and "PYSPARK_PYTHON" not in os.environ:
        context.pythonExec = sys.executable
