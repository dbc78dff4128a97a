"""Fixtures that several test modules use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from campaigns import random_tables, spec, write_folder

# the random campaigns and the oracle that tests share with the benchmarks
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes campaign folders: tables (random ones by default), sections of campaign.toml, more tables by name."""
    made: list[Path] = []

    def make(
        data: dict[str, pa.Table] | None = None,
        more: dict[str, pa.Table] | None = None,
        **sections: Any,
    ) -> Path:
        path = tmp_path / f"campaign-{len(made)}"
        made.append(path)
        return write_folder(path, data or random_tables(), spec(**sections), **(more or {}))

    return make
