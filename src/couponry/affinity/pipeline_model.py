"""The model of candidates that a campaign's tables and its targeting ask for."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..data import tables
from ..utils.errors import InvalidInput
from .candidates.assortment import Assortment
from .candidates.candidate_model import CandidateModel
from .history.catalogue import Catalogue
from .response.depth_response import DepthResponse
from .response.response_model import ResponseModel
from .scores.discovery_model import DiscoveryModel
from .scores.item_neighbours import Neighbours, recent_weights
from .scores.personal.personal_model import PersonalModel
from .scores.similarity import ease
from .targeting import Targeting

MOST_GROUPS = 4
"""Columns of products that are taken as groups, at most: each costs a tenth of the time of scoring."""

LEAST_PRODUCTS = 2.0
"""Products in a group, on average: other columns name or describe products."""

ITEMS, KEEP, NEAREST = 2000, 100, 100
"""Items that take part in discovery, pairs of a customer that it is fitted on, and neighbours of an item.

After week 20 of the Complete Journey, 24 offers found by these have as many of the products that households begin as
those found by the usual model, and 99 % of the types; 7 to 10 % more than those found by `offer_neighbours`."""


def model_of_tables(
    assortment: Assortment,
    offers: pa.Table,
    products: pa.Table | None,
    targeting: Targeting,
    redemptions: Any = None,
) -> CandidateModel:
    """Return the model that is to be fitted.

    Parameters
    ----------
    assortment : Assortment
    offers : pyarrow.Table
    products : pyarrow.Table, optional
    targeting : Targeting
    redemptions : table, optional
        Coupons of past campaigns, as `DepthResponse.fit` takes them.

    Returns
    -------
    CandidateModel

    Raises
    ------
    InvalidInput
        If a column is missing that the targeting asks for.
    """
    ordered = offers.take(pc.sort_indices(tables.ids(offers, "offers", "offer")))
    money = None
    if targeting.incremental:
        tables.require(offers, "offers", "margin", "face_value")
        money = (
            tables.numbers(ordered, "offers", "margin"),
            tables.numbers(ordered, "offers", "face_value"),
        )
    groups, depths, response = _groups(products, targeting), None, None
    if redemptions is not None:
        if targeting.response is None:
            raise InvalidInput("redemptions: expected coefficients of a response beside them")
        depths = DepthResponse().fit(redemptions)
    if targeting.response is not None:
        response = ResponseModel(targeting.response, depths=depths)
    return CandidateModel(
        assortment,
        targeting.quota,
        half_life=targeting.half_life,
        personal=PersonalModel(groups),
        discovery=quick_discovery(groups),
        response=response,
        offer_columns=_offer_columns(ordered, targeting, with_depth=depths is not None),
        money=money,
        incremental_share=targeting.incremental_share,
    )


def quick_discovery(groups: Catalogue | None) -> DiscoveryModel:
    """Return a discovery model of one kind of neighbours, whose log odds are sums of a few tables.

    Parameters
    ----------
    groups : Catalogue, optional

    Returns
    -------
    DiscoveryModel
    """
    return DiscoveryModel(
        groups,
        items=ITEMS,
        keep=KEEP,
        customers=0,
        neighbours=(
            Neighbours("lately_ease", recent_weights, partial(ease, ridge=400.0, keep=NEAREST)),
        ),
        trees=False,
    )


def _groups(products: pa.Table | None, targeting: Targeting) -> Catalogue | None:
    """Return the columns of products that group them, such as category and brand; the kind is the first."""
    if products is None:
        return None
    rest = [name for name in products.column_names if name not in ("product", targeting.kind)]
    names = [name for name in rest if _is_group(products[name])]
    if targeting.kind is not None:
        names.insert(0, targeting.kind)
    return Catalogue(products, names[:MOST_GROUPS], item="product") if names else None


def _is_group(column: pa.ChunkedArray) -> bool:
    """Whether a column's values have several products each, and not all of them."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (
        pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
    ):
        return False
    return bool(1 < pc.count_distinct(column.cast(kind)).as_py() <= len(column) / LEAST_PRODUCTS)


def _offer_columns(offers: pa.Table, targeting: Targeting, *, with_depth: bool) -> dict[str, Any]:
    """Return the columns of offers that the response model asks for: depth, category, and any with a coefficient."""
    wanted = {name.split("=")[0] for name in targeting.response or {}} - {"intercept", "p0", "role"}
    if "category" in wanted or with_depth:
        wanted.add("depth")
    found: dict[str, Any] = {}
    for name in sorted(wanted):
        tables.require(offers, "offers", name)
        found[name] = (
            np.array(offers[name].to_pylist(), object)
            if name == "category"
            else tables.numbers(offers, "offers", name)
        )
    return found
