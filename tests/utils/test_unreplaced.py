"""Folders that are replaced while they are read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from couponry import (
    Campaign,
    CustomerRule,
    InvalidInput,
    read_campaign,
    verify_result,
    write_campaign,
)
from couponry.analysis import explain_files
from couponry.campaign_folder import read
from couponry.utils.files.unreplaced import unreplaced

OFFERS = {"offer": ["tea", "jam"]}
CANDIDATES = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}


def test_what_is_said(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with unreplaced(tmp_path / "a", "folder"):
        (tmp_path / "a" / "file").touch()  # what is in it may change
    with pytest.raises(KeyError), unreplaced(tmp_path / "a", "folder"):
        os.rename(tmp_path / "a", tmp_path / "c")
        raise KeyError
    with pytest.raises(FileNotFoundError), unreplaced(tmp_path / "nowhere", "folder"):
        (tmp_path / "nowhere" / "file").read_bytes()
    with (
        pytest.raises(InvalidInput, match=r"^folder '.*b': it was replaced while it was read"),
        unreplaced(tmp_path / "b", "folder"),
    ):
        os.rename(tmp_path / "b", tmp_path / "d")
        os.rename(tmp_path / "c", tmp_path / "b")
        (tmp_path / "b" / "nothing").read_bytes()


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, str, Callable[[], object]], None]:
    """Does something when a function of a module is first called, and then calls it."""

    def when(module: Any, name: str, do: Callable[[], object]) -> None:
        function = getattr(module, name)

        def first(*arguments: Any, **named: Any) -> Any:
            monkeypatch.setattr(module, name, function)
            do()
            return function(*arguments, **named)

        monkeypatch.setattr(module, name, first)

    return when


def test_no_mixture_is_read(
    tmp_path: Path, meanwhile: Callable[[Any, str, Callable[[], object]], None]
) -> None:
    """Each reader is stopped after its first file, the folder is replaced, and the reader goes on."""
    import couponry.verify as verify

    campaign = Campaign(OFFERS, CANDIDATES, rules=[CustomerRule(max=1)])
    folder, out = tmp_path / "campaign", tmp_path / "out"
    write_campaign(campaign, folder)
    result = campaign.solve()
    result.write(out)
    replaced = "it was replaced while it was read; start again"

    def again() -> None:
        result.write(out, overwrite=True)

    meanwhile(verify, "open_allocation", again)
    with pytest.raises(InvalidInput, match=f"result folder '.*out': {replaced}"):
        verify_result(folder, out)
    meanwhile(explain_files, "_campaign_of_one", again)
    with pytest.raises(InvalidInput, match=f"result folder '.*out': {replaced}"):
        explain_files.explain_written(folder, out, 1)
    meanwhile(read, "candidate_columns", lambda: write_campaign(campaign, folder, overwrite=True))
    with pytest.raises(InvalidInput, match=f"campaign folder '.*campaign': {replaced}"):
        read_campaign(folder)
    meanwhile(verify, "_examine", again)  # by then all is read
    assert verify_result(folder, out).ok
