"""What a worker does with a task that it is sent, and what its answer says.

An error that would come again wherever the task ran (a damaged shard, another version of couponry) is an answer, so
that it is said once. Any other is raised, and whoever runs tasks tries again.
"""

from __future__ import annotations

import pickle
import sys
from typing import Any

import numpy as np

from ...utils.errors import InvalidInput
from ...utils.version import __version__


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
    theirs, packed = pickle.loads(task)
    for (name, wanted), (_, got) in zip(theirs, installed(), strict=True):
        if wanted != got:
            return _refusal(f"worker: expected {name} {wanted} as on the driver, got {got}")
    try:
        return pickle.dumps((None, pickle.loads(packed)(shards, threads)), 5)
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
