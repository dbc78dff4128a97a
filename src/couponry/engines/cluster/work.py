"""What a worker does with a task that it is sent, and what its answer says.

An error that would come again wherever the task ran (a damaged shard, another version of couponry) is an answer, so
that it is said once. Any other is raised, and whoever runs tasks tries again.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from ...utils.errors import InvalidInput
from ...utils.version import __version__

Rows = tuple[str, pa.RecordBatch]
"""Some rows of a table of that name."""


def installed() -> tuple[tuple[str, str], ...]:
    """List the versions that must be the same for drivers and workers to understand each other.

    Returns
    -------
    tuple of (str, str)
        Name and version.
    """
    python = ".".join(map(str, sys.version_info[:2]))
    return ("couponry", __version__), ("Python", python), ("NumPy", np.__version__)


def packed_task(task: Any) -> bytes:
    """Make what is sent to workers of a task.

    Parameters
    ----------
    task : Task

    Returns
    -------
    bytes
    """
    return pickle.dumps((installed(), pickle.dumps(task, 5)), 5)


def work(task: bytes, shards: tuple[int, ...], threads: int) -> bytes:
    """Do a task, in a worker.

    Parameters
    ----------
    task : bytes
        Of `packed_task`.
    shards : tuple of int
        Numbers of its shards.
    threads : int
        Threads that it may use.

    Returns
    -------
    bytes
        For `answer_of`.
    """
    return _answered(task, shards, threads)


def work_on_rows(task: bytes, number: int, rows: Iterator[Rows], threads: int) -> bytes:
    """Do a task with rows of tables, in a worker.

    Parameters
    ----------
    task : bytes
        Of `packed_task`.
    number : int
        Of the part of the tables.
    rows : iterator of (str, pyarrow.RecordBatch)
        By the name of their table; each customer's rows are of one part, and parts are in the customers' order.
    threads : int
        Threads that it may use.

    Returns
    -------
    bytes
        For `answer_of`.
    """
    return _answered(task, number, rows, threads)


def _answered(task: bytes, *asked: Any) -> bytes:
    theirs, packed = pickle.loads(task)
    for (name, wanted), (_, got) in zip(theirs, installed(), strict=True):
        if wanted != got:
            return _refusal(f"worker: expected {name} {wanted} as on the driver, got {got}")
    try:
        return pickle.dumps((None, pickle.loads(packed)(*asked)), 5)
    except InvalidInput as error:
        return _refusal(str(error))


def _refusal(message: str) -> bytes:
    return pickle.dumps((message, None), 5)


def answer_of(found: bytes) -> Any:
    """Take the answer out of what a worker sent back.

    Parameters
    ----------
    found : bytes
        Of `work`.

    Returns
    -------
    object
        What the task returned.

    Raises
    ------
    InvalidInput
        What the worker said instead.
    """
    refusal, answer = pickle.loads(found)
    if refusal is not None:
        raise InvalidInput(refusal)
    return answer
