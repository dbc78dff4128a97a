"""Explains one customer from the files of a campaign and of its result.

Only the one customer's rows are read, however many customers there are, and no column that a solve does not read.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from .. import kernels
from ..campaign_folder.exact_files import BACKUPS
from ..campaign_folder.read import read_candidates
from ..campaign_folder.spec import Spec, read_spec
from ..data import tables
from ..data.earlier.previous_pairs import PREVIOUS
from ..data.formats.csv_files import is_csv
from ..data.formats.parquet_metadata import BUFFER_BYTES, id_ranges
from ..data.table_files import (
    common_schema,
    empty_table,
    fitted,
    list_files,
    plain_schema,
    reading,
    remember_columns,
)
from ..model.campaign_checks import candidate_columns
from ..model.campaign_data import CampaignData
from ..model.compiled_campaign import compile_campaign
from ..model.compiling.compile_limits import CompiledLimits
from ..model.inputs.previous_plan import PreviousPlan
from ..results.beside.listed_backups import backups_of_rows
from ..utils.checks import shown
from ..utils.errors import InvalidInput
from ..utils.files.unreplaced import unreplaced
from .customer_subproblem import CustomerSubproblem
from .decisions import Explanation
from .explain import NO_ALLOCATION, without_candidates
from .reasons import Reasons


def explain_written(folder: str | Path, out: str | Path, customer: Any) -> Explanation:
    """Explain why a customer got its coupons and not others.

    Parameters
    ----------
    folder : str or Path
        Campaign folder.
    out : str or Path
        Result folder.
    customer : int or str
        Id of the customer; text of a whole number where ids are integers.

    Returns
    -------
    Explanation

    Raises
    ------
    InvalidInput
        If there is no such customer, or no allocation, or a folder is replaced meanwhile.
    """
    folder, out = Path(folder), Path(out)
    with unreplaced(folder, "campaign folder"), unreplaced(out, "result folder"):
        return _explain(folder, out, customer)


def _explain(folder: Path, out: Path, customer: Any) -> Explanation:
    """Explain a customer from folders that stay as they are."""
    spec = read_spec(folder)
    limits_file = out / "limits.parquet"
    if not limits_file.is_file():
        raise InvalidInput(f"{NO_ALLOCATION}, got no file {str(limits_file)!r}")
    said = tables.read(out, "limits.parquet", "limits of the result")
    campaign = _with_bounds_of(said, _campaign_of_one(folder, spec, customer))
    backend = kernels.load(None)
    compiled = compile_campaign(campaign, backend, refuse=False)
    candidates = campaign.candidates
    whom = candidates.customers.to_pylist()
    said_of = "allocation of the result"
    theirs = _rows_of(out, "allocation.parquet", said_of, whom, ["customer", "offer"])
    offers = tables.ids(campaign.offers, "offers", "offer")
    width = len(offers)
    given = tables.positions(tables.ids(theirs, said_of, "customer"), candidates.customers) * width
    given += tables.positions(tables.ids(theirs, said_of, "offer"), offers)
    own = candidates.customer_of(np.arange(len(candidates))) * width + candidates.offer
    allocated = np.isin(own, given)
    if compiled.costs is not None:
        allocated = compiled.costs.complete(allocated)
    prices, activity = _of_rows(said, compiled.limits)
    subproblem = CustomerSubproblem.at_prices(compiled.problem, 0, prices, backend, 0)
    known = next(one for one in whom if str(one) == str(customer))
    listed = {}
    if (out / BACKUPS).exists():
        columns = ["customer", "offer", "rank", "instead_of", "instead_of_customer"]
        theirs = _rows_of(out, BACKUPS, "backups of the result", whom, columns)
        listed = backups_of_rows(theirs, offers, candidates)
    reasons = Reasons(
        campaign, known, subproblem, compiled.limits, allocated, activity, backups=listed
    )
    return reasons.explanation(0)


def _campaign_of_one(folder: Path, spec: Spec, customer: Any) -> CampaignData:
    """The campaign with one customer alone, or with those of its unit."""
    whom = [customer] if spec.unit is None else _unit_of(folder, spec, spec.unit, customer)
    if spec.targeting is None:
        columns = sorted(candidate_columns(spec.limits, spec.value, spec.rules))
        candidates = _rows_of(folder, spec.tables["candidates"], "candidates", whom, columns)
    else:
        candidates = _rows_of_some(read_candidates(folder, spec), "candidates", whom)
    if rows_of_customer(candidates, "candidates", customer).num_rows == 0:
        raise without_candidates(customer)
    customers, history, previous = (
        _rows_of(folder, spec.tables[name], name, whom) if name in spec.tables else None
        for name in ("customers", "history", "previous")
    )
    plan = None if previous is None else PreviousPlan(previous, **spec.previous)
    return CampaignData.make(
        tables.read(folder, spec.tables["offers"], "offers"),
        candidates,
        customers,
        history,
        rules=spec.rules,
        limits=spec.limits,
        value=spec.value,
        name=spec.name,
        previous=plan,
        unit=spec.unit,
    )


def _with_bounds_of(said: pa.Table, campaign: CampaignData) -> CampaignData:
    """The campaign of one customer with the bounds of all on what stays of an earlier plan."""
    if campaign.previous is None:
        return campaign
    tables.require(said, "limits of the result", "name", "min")
    least = {row["name"]: row["min"] for row in said.select(["name", "min"]).to_pylist()}
    limits = [
        replace(limit, min=least.get(limit.name, limit.min)) if limit.sum == PREVIOUS else limit
        for limit in campaign.limits
    ]
    return campaign.with_limits(limits)


def _unit_of(folder: Path, spec: Spec, unit: str, customer: Any) -> list[Any]:
    """The customers of the unit that a customer is of."""
    if "customers" not in spec.tables:
        return [customer]  # which is refused when the campaign is made
    table = tables.read(folder, spec.tables["customers"], "customers", ["customer", unit])
    own = rows_of_customer(table, "customers", customer)
    if unit not in table.column_names or own.num_rows != 1 or not own[unit][0].is_valid:
        return [customer]
    same: list[Any] = tables.ids(
        table.filter(pc.equal(table[unit], own[unit][0])), "customers", "customer"
    ).to_pylist()
    return same


def _rows_of(
    folder: Path,
    name: str | list[str],
    what: str,
    whom: list[Any],
    columns: list[str] | None = None,
) -> pa.Table:
    """Some customers' rows of a table's files; of Parquet files only the row groups that may have them are read.

    columns: those to read, as far as they are there; None: all.
    """
    paths = list_files(folder, name, what)
    if any(map(is_csv, paths)):  # whether ids are text is seen in all files together
        return _rows_of_some(tables.read(folder, name, what, columns), what, whom)
    parts = []
    for path in paths:
        with reading(path, what), pq.ParquetFile(path, buffer_size=BUFFER_BYTES) as file:
            schema = plain_schema(file.schema_arrow, what, columns)
            kind = tables.ids(empty_table(schema), what, "customer").type
            groups = _groups_with(file, [_as_id(kind, customer) for customer in whom])
            found = file.read_row_groups(groups, schema.names)
            found = remember_columns(found, file.schema_arrow.names)
        parts.append(_rows_of_some(tables.as_table(found, what, columns), what, whom))
    schema = common_schema(paths, [part.schema for part in parts], what)
    return pa.concat_tables([fitted(part, schema, what) for part in parts])


def _groups_with(file: pq.ParquetFile, wanted: list[Any]) -> list[int]:
    """The row groups of a file that may have some customers' rows."""

    def may_have(known: tuple[Any, Any] | None) -> bool:
        if known is None:
            return True
        return any(type(known[0]) is not type(one) or known[0] <= one <= known[1] for one in wanted)

    ranges = enumerate(id_ranges(file, "customer"))
    return [group for group, known in ranges if may_have(known)]


def _rows_of_some(table: pa.Table, what: str, whom: list[Any]) -> pa.Table:
    """The rows of some customers."""
    column = tables.ids(table, what, "customer")
    wanted = pa.array([_as_id(column.type, customer) for customer in whom], column.type)
    return table.filter(pc.is_in(column, value_set=wanted))


def rows_of_customer(table: pa.Table, what: str, customer: Any) -> pa.Table:
    """Take a customer's rows of a table.

    Parameters
    ----------
    table : pyarrow.Table
    what : str
        Its name, for messages.
    customer : int or str
        Id of the customer; text of a whole number where ids are integers.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    InvalidInput
        If ids of this kind cannot be that.
    """
    column = tables.ids(table, what, "customer")
    return table.filter(pc.equal(column, _as_id(column.type, customer)))


def _as_id(kind: pa.DataType, customer: Any) -> int | str:
    """An id as a column of this type holds it."""
    if not pa.types.is_integer(kind):
        known: int | str = str(customer)
    else:
        try:
            known = int(str(customer))
        except ValueError:
            raise InvalidInput(
                f"explain: customer: expected a whole number, got {shown(customer)}"
            ) from None
    try:
        pa.scalar(known, kind)
    except (OverflowError, UnicodeEncodeError):
        raise without_candidates(customer) from None
    return known


def _of_rows(
    said: pa.Table, limits: CompiledLimits
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Price and activity of each row, from the limits of a result; the activity of a ratio's row is unknown: NaN."""
    tables.require(said, "limits of the result", "name", "group", "dual", "achieved")
    entries = {(entry["name"], entry["group"]): entry for entry in said.to_pylist()}
    prices, activity = np.zeros(len(limits.lower)), np.full(len(limits.lower), np.nan)
    for row, number in enumerate(limits.measure_of_row.tolist()):
        measure = limits.measures[number]
        entry = entries.get((measure.name, measure.group))
        if entry is None:
            raise InvalidInput(
                f"limits of the result: there is no {measure.name!r}, group {measure.group!r}"
            )
        if not limits.is_ratio[number]:
            prices[row], activity[row] = entry["dual"], entry["achieved"]
        else:
            # a ratio with both bounds is two rows, and its price is that of one of them
            upper = np.isfinite(limits.upper[row])
            prices[row] = entry["dual"] if (entry["dual"] > 0) == upper else 0.0
    return prices, activity
