"""The limits that stand in the way of a better allocation, the dearest first."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.table_view import TableView
from ..results.solution import CampaignSolution
from ..utils.errors import InvalidInput

COLUMNS = {
    "name": pa.string(),
    "group": pa.string(),
    "side": pa.string(),
    "bound": pa.float64(),
    "achieved": pa.float64(),
    "price": pa.float64(),
    "worth": pa.float64(),
}


class PricedSolution(CampaignSolution):
    """A solution that says which limits have a price, wherever its customers are."""

    def binding(self) -> TableView:
        """List the limits that stand in the way of a better allocation, the dearest first.

        Returns
        -------
        TableView
            One row for each limit and group that has a price: `name`, `group`, `side` ("min" or "max"), `bound`,
            `achieved`, `price` of one more unit, and `worth`, price times bound, by which they are ordered.

        Raises
        ------
        InvalidInput
            If the result has no allocation.

        Examples
        --------
        >>> import couponry
        >>> candidates = {"customer": [1, 2, 3], "offer": ["tea"] * 3, "value": [3.0, 2.0, 1.0]}
        >>> limits = [couponry.Limit("in all", max=2), couponry.Limit("enough", max=9)]
        >>> result = couponry.Campaign({"offer": ["tea"]}, candidates, limits=limits).solve()
        >>> result.binding().select(["name", "side", "bound"]).to_pylist()
        [{'name': 'in all', 'side': 'max', 'bound': 2.0}]
        """
        return TableView(binding_limits(self))


def binding_limits(result: CampaignSolution) -> pa.Table:
    """List the limits that have a price; see `couponry.Result.binding`.

    Parameters
    ----------
    result : CampaignSolution

    Returns
    -------
    pyarrow.Table
        One row for each limit and group, by what its bound is worth.

    Raises
    ------
    InvalidInput
        If the result has no allocation.
    """
    if result.limits is None:
        raise InvalidInput(f"binding: expected an allocation, got a result that is {result.status}")
    rows = []
    for limit in result.limits.to_pylist():
        side = (
            "max" if limit["price"] > 0 else "min"
        )  # one more unit of a maximum is worth something
        if limit["price"] and limit[side] is not None:
            worth = abs(limit["price"] * limit[side])
            rows.append({**limit, "side": side, "bound": limit[side], "worth": worth})
    rows.sort(key=lambda row: -row["worth"])
    return pa.table({name: pa.array([r[name] for r in rows], t) for name, t in COLUMNS.items()})


def worth_of_bounds(limits: pa.Table) -> NDArray[np.float64]:
    """Return price times bound of each limit, without signs; 0 where a limit has no price.

    Parameters
    ----------
    limits : pyarrow.Table
        Of a result.

    Returns
    -------
    ndarray of float64, shape (n_limits,)
    """
    low, high, price = (
        limits[name].to_numpy().astype(np.float64) for name in ("min", "max", "price")
    )
    worth: NDArray[np.float64] = np.abs(np.nan_to_num(price * np.where(price > 0, high, low)))
    return worth
