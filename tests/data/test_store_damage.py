"""Stores that were damaged: refused in a sentence, or made again; never taken for what they were."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.support.stores import fields, stamp

from couponry import InvalidInput, read_campaign
from couponry.data import candidate_store
from couponry.kernels import available
from couponry.utils.arrays import recorded_arrays
from couponry.utils.arrays.recorded_arrays import seal, unseal


def flipped(text: bytes, random: np.random.Generator) -> bytes:
    damaged = bytearray(text)
    damaged[random.integers(len(damaged))] ^= 1 << random.integers(8)
    return bytes(damaged)


def truncated(text: bytes, random: np.random.Generator) -> bytes:
    return text[: random.integers(len(text))]


def packed(folder: Path, store: Path) -> dict[str, object]:
    campaign = read_campaign(folder, store=store)
    return fields(campaign.compile(), campaign)


@pytest.mark.parametrize("spoil", [flipped, truncated])
def test_whatever_is_damaged_nothing_else_comes_out(
    spoil: Callable[..., bytes], campaign_folder: Path, tmp_path: Path
) -> None:
    store, random = tmp_path / "store", np.random.default_rng(3)
    expected = packed(campaign_folder, store)
    whole = shutil.copytree(store, tmp_path / "whole")
    seen, names = {"refused": 0, "right": 0}, set()
    for file in sorted(path for path in whole.rglob("*") if path.is_file()):
        for _ in range(2):
            shutil.rmtree(store)
            shutil.copytree(whole, store)
            damaged = store / file.relative_to(whole)
            damaged.write_bytes(spoil(file.read_bytes(), random))
            names.add(file.name)
            try:
                assert packed(campaign_folder, store) == expected
                seen["right"] += 1  # made again, or it is a byte of a header's padding
            except InvalidInput as error:
                seen["refused"] += 1
                message = f"store '{store}': {file.name} is not as it was written; remove it to build it again"
                assert str(error) == message
    assert {"store.json", "arrays.json", "indptr.npy", "offer.npy", "quantity.npy"} <= names
    assert min(seen.values()) >= 3


def test_a_store_that_cannot_be_read_now_is_not_called_damaged(
    campaign_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed(campaign_folder, tmp_path / "store")

    def too_many(*_: Any) -> Any:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(recorded_arrays, "map_file", too_many)
    with pytest.raises(OSError, match=r"^\[Errno 24\] Too many open files$"):
        read_campaign(campaign_folder, store=tmp_path / "store")


def test_a_file_that_keeps_its_size_and_time_is_found_out(
    campaign_folder: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store"
    packed(campaign_folder, store)
    packed(campaign_folder, store)  # now the states of all files are known
    path = store / "offer.npy"
    before = path.stat()
    damaged = bytearray(path.read_bytes())
    damaged[-2] ^= 1
    path.write_bytes(damaged)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(InvalidInput, match=r"offer\.npy is not as it was written; remove it"):
        read_campaign(campaign_folder, store=store)


def test_files_that_nobody_touched_are_not_read_again(
    campaign_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    monkeypatch.setattr(recorded_arrays, "SETTLED_NANOSECONDS", -(10**15))
    expected, built = packed(campaign_folder, store), stamp(store)
    read: list[int] = []
    digest = recorded_arrays.digest_of_array
    monkeypatch.setattr(
        recorded_arrays, "digest_of_array", lambda *a: (read.append(1), digest(*a))[1]
    )
    assert packed(campaign_folder, store) == expected and not read
    moved = shutil.copytree(store, tmp_path / "moved")
    assert packed(campaign_folder, moved) == expected and len(read) > 5
    read.clear()
    assert packed(campaign_folder, moved) == expected and not read
    assert stamp(store) == built


def test_a_table_that_keeps_its_size_and_time_is_another(
    campaign_folder: Path, tmp_path: Path
) -> None:
    store, path = tmp_path / "store", campaign_folder / "candidates.parquet"
    packed(campaign_folder, store)
    before, built = path.stat(), stamp(store)
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(path)
    packed(campaign_folder, store)
    assert stamp(store) != built


def test_a_table_that_changes_while_it_is_read_is_refused(
    campaign_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = campaign_folder / "candidates.parquet"
    make = candidate_store.build_candidates

    def changed(*arguments: Any) -> Any:
        found = make(*arguments)
        path.touch()
        return found

    monkeypatch.setattr(candidate_store, "build_candidates", changed)
    with pytest.raises(InvalidInput, match=r"candidates\.parquet.* has changed while it was read"):
        read_campaign(campaign_folder, store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_a_backend_that_there_is_not_is_no_damage(
    campaign_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    monkeypatch.setenv("COUPONRY_BACKEND", "abacus")
    with pytest.raises(InvalidInput, match=r"^backend: expected one of native"):
        read_campaign(campaign_folder, store=store)
    monkeypatch.delenv("COUPONRY_BACKEND")
    read_campaign(campaign_folder, store=store)
    monkeypatch.setenv("COUPONRY_BACKEND", "abacus")
    with pytest.raises(InvalidInput, match=r"^backend: expected one of native"):
        read_campaign(campaign_folder, store=store)


@pytest.mark.parametrize("name", ["reference", "native"])
def test_every_backend_reads_what_another_wrote(
    name: str, campaign_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if available()[name] != "yes":
        pytest.skip(f"no {name} backend here")
    store, other = tmp_path / "store", tmp_path / "other"
    expected, built = packed(campaign_folder, store), stamp(store)
    shutil.copytree(store, other)
    monkeypatch.setenv("COUPONRY_BACKEND", name)
    assert packed(campaign_folder, other) == expected
    assert unseal((other / "store.json").read_text(), "") == unseal(
        (store / "store.json").read_text(), ""
    )
    assert stamp(store) == built


def test_sealed_json_is_what_was_written() -> None:
    content = {"a": [1, 2.5, None, {"b": "ß"}], "nan": float("inf")}
    text = seal(content)
    assert unseal(text, "x") == content
    for place in range(len(text)):
        for other in (text[:place], text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :]):
            try:
                assert unseal(other, "x") == content
            except ValueError:
                continue
