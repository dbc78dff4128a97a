"""What a campaign is made of, as its user hands it over: rows of candidates, tables, an earlier plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow as pa

from ...data import tables
from ...data.candidate_batches import CandidateBlocks
from ...data.candidate_store import open_or_build, open_or_make
from ...data.candidates import Candidates, build_candidates
from ...data.earlier.previous_pairs import PREVIOUS
from ...data.streams import Stream, stream
from ...data.table_files import all_columns, empty_table
from ...utils.arrays.array_store import MemoryStore
from ...utils.checks import check_name, is_text, shown
from ...utils.errors import InvalidInput
from ...utils.parallel import reader_count
from ...utils.table_types import Table
from .previous_plan import PreviousPlan


def checked_table(
    given: Table | None, what: str, check: Callable[[pa.Table], None]
) -> pa.Table | None:
    """Read a table that a campaign need not have.

    Parameters
    ----------
    given : table or None
    what : str
        Its name, for messages.
    check : callable
        Refuses what is wrong with it.

    Returns
    -------
    pyarrow.Table or None

    Raises
    ------
    InvalidInput
    """
    if given is None:
        return None
    table = tables.as_table(given, what)
    check(table)
    return table


def names_of(rows: Stream | CandidateBlocks | Candidates) -> tuple[str, ...]:
    """List all columns of the candidates.

    Parameters
    ----------
    rows : Stream, CandidateBlocks or Candidates

    Returns
    -------
    tuple of str
    """
    if isinstance(rows, Stream):
        return tuple(all_columns(rows.schema))
    roles = rows.role is not None if isinstance(rows, Candidates) else rows.roles
    return ("customer", "offer", *(["role"] if roles else []), *rows.columns)


def customer_type_of(rows: Stream | CandidateBlocks | Candidates) -> pa.DataType:
    """Say what type customers' ids came in.

    Parameters
    ----------
    rows : Stream, CandidateBlocks or Candidates

    Returns
    -------
    pyarrow.DataType
    """
    if isinstance(rows, Stream):
        return rows.schema.field("customer").type
    return rows.customers.type if isinstance(rows, Candidates) else rows.customer


def check_named(value: object, name: object) -> None:
    """Refuse names that are none.

    Parameters
    ----------
    value : str
        The column whose sum is maximised.
    name : str
        Of the campaign.

    Raises
    ------
    InvalidInput
    """
    if not is_text(value):
        raise InvalidInput(f"value: expected the name of a column, got {shown(value)}")
    check_name(name, "campaign")


def collect(
    rows: Stream | CandidateBlocks | Candidates, offers: pa.Array, store: str | Path | None
) -> Candidates:
    """Put candidates into canonical order, in memory or in a store.

    Parameters
    ----------
    rows : Stream, CandidateBlocks or Candidates
    offers : pyarrow.Array
        Ids of the offers, ascending.
    store : str, Path or None

    Returns
    -------
    Candidates

    Raises
    ------
    InvalidInput
    """
    if isinstance(rows, Candidates):
        return rows
    if isinstance(rows, CandidateBlocks):
        if not rows.offers.equals(offers):
            raise InvalidInput(
                f"candidates: expected to be of the {len(offers):,} offers of table offers, "
                f"got those of {len(rows.offers):,} others"
            )
        if store is None:
            return rows.collect(MemoryStore(), reader_count())
        return open_or_make(store, rows.source, lambda arrays: rows.collect(arrays, reader_count()))
    if store is None:
        return build_candidates(rows, offers, MemoryStore(), reader_count())
    return open_or_build(store, rows, offers, reader_count())


def check_previous(previous: PreviousPlan | None, names: Sequence[str], value: str) -> None:
    """Refuse an earlier plan that makes no sense.

    Parameters
    ----------
    previous : PreviousPlan or None
    names : sequence of str
        Columns of candidates and offers, of which none may have the name of the column that the pairs become.
    value : str
        The column whose sum is maximised.

    Raises
    ------
    InvalidInput
    """
    if previous is None:
        return
    if not isinstance(previous, PreviousPlan):
        raise InvalidInput(f"previous: expected a PreviousPlan, got {shown(previous)}")
    previous.check()
    if PREVIOUS in names or value == PREVIOUS:
        raise InvalidInput(
            f"previous: it becomes a column {PREVIOUS!r} of candidates, but there is one of that name already"
        )


def pairs_of(previous: PreviousPlan | None, names: Sequence[str], value: str) -> Stream:
    """Open the pairs of an earlier plan.

    Parameters
    ----------
    previous : PreviousPlan or None
    names : sequence of str
        Columns of candidates and offers, of which none may have the name of the column that the pairs become.
    value : str
        The column whose sum is maximised.

    Returns
    -------
    Stream
        Without rows where there is no such plan.

    Raises
    ------
    InvalidInput
    """
    check_previous(previous, names, value)
    if previous is None:
        return stream({"customer": [], "offer": []}, PREVIOUS, [])
    given = previous.table
    if not isinstance(given, Stream):
        given = stream(given, PREVIOUS, ["customer", "offer"])
    tables.require(empty_table(given.schema), PREVIOUS, "customer", "offer")
    return given
