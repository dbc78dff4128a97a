"""Prices in one file: a ZIP archive of what was agreed, of arrays, and of a head with version and digests."""

from __future__ import annotations

import hashlib
import io
import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ...campaign_folder.spec import SCHEMA, read_spec
from ...campaign_folder.write import write_spec
from ...data import tables
from ...utils.errors import InvalidInput
from ...utils.files.whole_file import read_file, write_file
from ...utils.version import __version__
from .price_list import Agreed, PackedOver, PricedRows, PriceList

FORMAT, VERSION = "couponry prices", 1
HEAD, ARRAYS, OFFERS = "prices.json", "arrays.npz", "offers.parquet"

DATE = (1980, 1, 1, 0, 0, 0)
"""Of every file in the archive: the same prices make the same bytes."""

PACKED = ("code", "low", "high", "least", "step", "quantity_of")
ROWS = ("price", "activity", "error")


def save_price_list(prices: PriceList, path: str | Path) -> Path:
    """Write a price list to a file, which appears whole or not at all.

    Parameters
    ----------
    prices : PriceList
    path : str or Path
        An earlier file is replaced.

    Returns
    -------
    Path

    Raises
    ------
    InvalidInput
        If it cannot be written.
    """
    agreed = prices.agreed
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder)
        pq.write_table(agreed.offers, draft / OFFERS)
        named = {"offers": OFFERS, "candidates": "candidates.parquet"}
        spec: dict[str, Any] = {"schema": SCHEMA, "name": agreed.name, "tables": named}
        if agreed.unit is not None:
            spec["unit"] = {"column": agreed.unit}
        write_spec(
            {**spec, "objective": {"value": agreed.value}}, agreed.rules, agreed.limits, draft
        )
        arrays = {name: getattr(prices.packed, name) for name in PACKED}
        arrays |= {name: getattr(prices.rows, name) for name in ROWS}
        np.savez(draft / ARRAYS, **arrays)
        parts = {part.name: part.read_bytes() for part in sorted(draft.iterdir())}
    head = {
        "format": FORMAT,
        "version": VERSION,
        "couponry": __version__,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()},
        "customer_type": str(agreed.customer_type),
        "columns": agreed.columns,
        "candidate_names": agreed.candidate_names,
        "coupon_columns": agreed.coupon_columns,
        "has_roles": agreed.has_roles,
        "seed": agreed.seed,
        "attributes": prices.packed.names,
        "rows": prices.rows.names,
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in {HEAD: json.dumps(head, indent=1).encode(), **parts}.items():
            file.writestr(zipfile.ZipInfo(name, DATE), data, zipfile.ZIP_DEFLATED)
    return write_file(path, archive.getvalue())


def load_price_list(path: str | Path) -> PriceList:
    """Read a price list from a file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    PriceList

    Raises
    ------
    InvalidInput
        If it is no such file, damaged, or of another version.
    """
    label = f"prices {str(path)!r}"
    parts = _parts(read_file(path, "prices"), label)
    head = _head(parts, label)
    for name, digest in head["sha256"].items():
        if Path(name).name != name:
            raise InvalidInput(f"{label}: expected a file that Prices.save wrote")
        if hashlib.sha256(parts.get(name, b"")).hexdigest() != digest:
            raise InvalidInput(f"{label}: it is damaged: {name} is not as it was written")
    with tempfile.TemporaryDirectory() as folder:
        for name in head["sha256"]:
            (Path(folder) / name).write_bytes(parts[name])
        spec = read_spec(Path(folder))
        offers = tables.read(Path(folder), OFFERS, "offers")
    agreed = Agreed(
        name=spec.name,
        value=spec.value,
        offers=offers,
        rules=tuple(spec.rules),
        limits=tuple(spec.limits),
        customer_type=_type_of(head["customer_type"]),
        columns=tuple(head["columns"]),
        candidate_names=tuple(head["candidate_names"]),
        coupon_columns=tuple(head["coupon_columns"]),
        has_roles=head["has_roles"],
        seed=head["seed"],
        unit=spec.unit,
    )
    with np.load(io.BytesIO(parts[ARRAYS]), allow_pickle=False) as arrays:
        packed = {name: arrays[name] for name in PACKED}
        rows = {name: arrays[name] for name in ROWS}
    names = [(name, group, nth) for name, group, nth in head["rows"]]
    return PriceList(
        agreed,
        PackedOver(names=tuple(head["attributes"]), **packed),
        PricedRows(names=names, **rows),
    )


def _parts(data: bytes, label: str) -> dict[str, bytes]:
    """The files of an archive by name."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            return {name: file.read(name) for name in file.namelist()}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, ValueError, OSError) as error:
        raise InvalidInput(f"{label}: expected a file that Prices.save wrote, whole") from error
    except Exception as error:  # whatever decompression raises
        raise InvalidInput(f"{label}: it is damaged") from error


def _head(parts: dict[str, bytes], label: str) -> dict[str, Any]:
    """The head of an archive, of the right format and version."""
    try:
        head: dict[str, Any] = json.loads(parts[HEAD])
        of, version = head["format"], head["version"]
    except (KeyError, ValueError, TypeError) as error:
        raise InvalidInput(f"{label}: expected a file that Prices.save wrote") from error
    if of != FORMAT or version != VERSION:
        raise InvalidInput(
            f"{label}: expected {FORMAT!r} of version {VERSION}, got {of!r} of version {version!r}: "
            "save them again with this couponry"
        )
    return head


def _type_of(name: str) -> pa.DataType:
    """An Arrow type by its name: of integers, or else text."""
    kind = pa.type_for_alias(name)
    return kind if pa.types.is_integer(kind) else pa.string()
