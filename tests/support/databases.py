"""One DuckDB for many tests: to start it takes longer than they do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch


@cache
def database() -> Any:
    """A DuckDB in memory, on one thread."""
    import duckdb

    return duckdb.connect(":memory:", config={"threads": 1})


@contextmanager
def one_database() -> Iterator[None]:
    """Whoever connects to a new DuckDB gets the one that is there, with tables of its own."""
    there = database()
    with patch("duckdb.connect", lambda *_, **__: there.cursor()):
        yield
