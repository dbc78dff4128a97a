"""Names of the columns of transactions, in the user's table and here."""

from __future__ import annotations

from collections.abc import Mapping

from ....utils.checks import shown
from ....utils.errors import InvalidInput
from ....utils.suggestions import did_you_mean

TIME_COLUMNS = ("day", "week", "date")
OPTIONAL_COLUMNS = ("quantity", "spend", "discount")
KNOWN_COLUMNS = ("customer", "product", *TIME_COLUMNS, *OPTIONAL_COLUMNS)


def transaction_columns(columns: Mapping[str, str] | None, *, with_spend: bool = True) -> list[str]:
    """Return the names of the columns that are read where they exist.

    Parameters
    ----------
    columns : mapping of str to str, optional
        Names of the columns where they are others.
    with_spend : bool
        Whether what was paid is read even where it is not named.

    Returns
    -------
    list of str

    Raises
    ------
    InvalidInput
        If a key is not the name of a column that is known.
    """
    names = column_names(columns)
    if not with_spend and "spend" not in (columns or {}):
        names.pop("spend")
    return list(dict.fromkeys(names.values()))


def column_names(columns: Mapping[str, str] | None) -> dict[str, str]:
    """Return the name of each known column in the user's table.

    Parameters
    ----------
    columns : mapping of str to str, optional
        Names of the columns where they are others.

    Returns
    -------
    dict of str to str

    Raises
    ------
    InvalidInput
        If a key is not the name of a column that is known.
    """
    renamed = dict(columns or {})
    for name in renamed:
        if name not in KNOWN_COLUMNS:
            raise InvalidInput(
                f"columns: expected names among {', '.join(KNOWN_COLUMNS)}, got {shown(name)}"
                f"{did_you_mean(name, KNOWN_COLUMNS)}"
            )
    return {name: renamed.get(name, name) for name in KNOWN_COLUMNS}
