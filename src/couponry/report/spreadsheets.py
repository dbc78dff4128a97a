"""Results for spreadsheets: CSV files, or a workbook, with the coupons, the limits and what it all comes to."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from ..results.allocation import Allocation
from ..results.solution import CampaignSolution
from ..utils.atomic_folder import atomic_folder
from ..utils.errors import InvalidInput
from .render import checked_file

if TYPE_CHECKING:
    from xlsxwriter.workbook import Workbook

MOST_ROWS = 1_048_576
"""Rows of a sheet of a workbook, its head among them."""

LARGEST_WHOLE = 1 << 53
"""Whole numbers beyond that are text in a workbook, which has floats alone."""

COUPONS, BACKUPS, LIMITS, SUMMARY = "coupons", "backups", "limits", "summary"

BETWEEN = " | "
"""What stands between the offers that a backup may take the place of: no cell holds a list."""


def export_csv(result: CampaignSolution, folder: Path, *, overwrite: bool = False) -> Path:
    """Write a result as a folder of CSV files, whole or not at all.

    These are coupons.csv, limits.csv and summary.csv, and backups.csv where there are backups.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    folder : Path
        Folder to write; must not exist.
    overwrite : bool
        Replace the folder if it exists.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    InvalidInput
        If the folder exists, unless `overwrite` says to replace it; or if there is no allocation.
    """
    allocation, limits = _parts(result)
    with atomic_folder(folder, overwrite=overwrite, holds=f"{COUPONS}.csv") as draft:
        for name, (schema, batches) in _rows_of_customers(result, allocation).items():
            # opened here: a writer of its own keeps it open behind its end
            with (draft / f"{name}.csv").open("wb") as file, pa_csv.CSVWriter(file, schema) as out:
                for batch in batches:
                    out.write_batch(batch)
        pa_csv.write_csv(limits, draft / f"{LIMITS}.csv")
        names, texts = zip(*_facts(result), strict=True)
        summary = pa.table({"name": list(names), "value": [str(text) for text in texts]})
        pa_csv.write_csv(summary, draft / f"{SUMMARY}.csv")
    return folder


def export_xlsx(result: CampaignSolution, path: Path, *, overwrite: bool = False) -> Path:
    """Write a result as a workbook of three sheets, four where there are backups, whole or not at all.

    Parameters
    ----------
    result : CampaignSolution
        With an allocation.
    path : Path
        File to write; must not exist.
    overwrite : bool
        Replace the file if it exists.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InvalidInput
        If the file exists, there is no allocation, or there are more coupons than a sheet has rows.
    ImportError
        If XlsxWriter is not installed: ``pip install "couponry[xlsx]"``.
    """
    try:
        from xlsxwriter import Workbook
    except ImportError:
        raise ImportError(
            'export: a workbook needs XlsxWriter: pip install "couponry[xlsx]"'
        ) from None
    allocation, limits = _parts(result)
    counts = {COUPONS: len(allocation), LIMITS: len(limits)}
    if result.backups is not None:
        counts[BACKUPS] = len(result.backups)
    for what, rows in counts.items():
        if rows >= MOST_ROWS:
            raise InvalidInput(
                f"export: a sheet of a workbook has {MOST_ROWS:,} rows, got {rows:,} {what}; CSV has no such limit"
            )
    if checked_file(path).exists() and not overwrite:
        raise InvalidInput(f"export: {str(path)!r} exists; overwrite says to replace it")
    draft = path.with_name(f".{path.name}.draft")
    plain = dict.fromkeys(("strings_to_formulas", "strings_to_urls", "strings_to_numbers"), False)
    try:
        with Workbook(str(draft), {"constant_memory": True, **plain}) as workbook:
            _write_sheet(workbook, SUMMARY, ("name", "value"), _facts(result))
            _write_sheet(workbook, LIMITS, limits.column_names, _rows(limits.to_batches()))
            for name, (schema, batches) in _rows_of_customers(result, allocation).items():
                _write_sheet(workbook, name, schema.names, _rows(batches))
        os.replace(draft, path)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    return path


def _parts(result: CampaignSolution) -> tuple[Allocation, pa.Table]:
    """The coupons and the limits of a result."""
    if result.allocation is None or result.limits is None:
        raise InvalidInput(f"export: expected an allocation, got a result that is {result.status}")
    return result.allocation, result.limits.to_arrow()


def _rows_of_customers(
    result: CampaignSolution, allocation: Allocation
) -> dict[str, tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """What customers get, and what comes next for them, a block at a time; lists are text."""
    found = {COUPONS: (allocation.schema, allocation.batches())}
    backups = result.backups
    if backups is not None:
        of_lists = [
            pa.field(field.name, pa.string()) if pa.types.is_list(field.type) else field
            for field in backups.schema
        ]
        schema = pa.schema(of_lists)
        found[BACKUPS] = (schema, (_without_lists(batch, schema) for batch in backups.batches()))
    return found


def _without_lists(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Backups whose lists of coupons, and of their customers, are text."""
    columns = [
        pc.binary_join(column.cast(pa.list_(pa.string())), BETWEEN)
        if pa.types.is_list(column.type)
        else column
        for column in batch.columns
    ]
    return pa.record_batch(columns, schema=schema)


def _facts(result: CampaignSolution) -> list[tuple[str, Any]]:
    """What result.json says in single values."""
    content = result.as_dict()
    return [(name, value) for name, value in content.items() if not isinstance(value, (dict, list))]


def _rows(batches: Iterable[pa.RecordBatch]) -> Iterator[Sequence[Any]]:
    """Rows of a table, a block at a time."""
    for batch in batches:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _write_sheet(
    workbook: Workbook, name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows below their head, which stays in sight."""
    sheet = workbook.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, max(0, len(head) - 1), 18)
    sheet.write_row(0, 0, head, workbook.add_format({"bold": True}))
    for number, row in enumerate(rows, 1):
        for column, value in enumerate(row):
            if isinstance(value, str):
                sheet.write_string(number, column, value)
            elif (
                isinstance(value, int)
                and not isinstance(value, bool)
                and abs(value) > LARGEST_WHOLE
            ):
                sheet.write_string(number, column, str(value))
            elif value is not None:
                sheet.write(number, column, value)
