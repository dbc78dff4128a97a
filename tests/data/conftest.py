"""Fixtures of the tests of data."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.campaigns import random_tables, spec, write_folder
from tests.support.stores import Sizes

from couponry.data import external_sort
from couponry.utils.arrays import blocks


@pytest.fixture(params=[(1 << 20, 1 << 22, 1 << 20), (1, 40, 7), (7, 25, 3)], ids=str)
def sizes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sizes:
    """Rows that are sorted at a time, in a sorted run, and worked on at a time."""
    monkeypatch.setattr(external_sort, "BLOCK_ROWS", request.param[0])
    monkeypatch.setattr(external_sort, "RUN_ROWS", request.param[1])
    monkeypatch.setattr(external_sort, "MERGED_ROWS", request.param[1])
    monkeypatch.setattr(blocks, "BLOCK_SIZE", request.param[2])
    return request.param


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No waiting for the disk: nobody pulls the plug here."""
    monkeypatch.setattr("couponry.utils.atomic_folder.os.fsync", lambda handle: None)


@pytest.fixture
def campaign_folder(tmp_path: Path) -> Path:
    """A small campaign, written."""
    return write_folder(tmp_path / "campaign", random_tables(), spec())
