"""Response to coupons: the odds of buying anyway, moved by role, discount and proneness; variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...data.roles import ROLES
from ...utils.checks import check_number, shown
from ...utils.errors import InvalidInput
from ..parameters import Parameters
from ..scores.logistic import LogisticRegression, Sample, sigmoid
from .depth_response import DepthResponse

Columns = Mapping[str, Any]
SPECIAL_COLUMNS = ("p0", "role", "category", "depth")

BISECTION_STEPS = 200
"""Halvings of an interval: more than float64 has bits."""

RIDGE = 100.0
"""The best of 1, 3, 10, 30, 100 and 300 for campaigns of the Complete Journey before August 2017, each ranked by those
that had ended (`benchmarks/cases/affinity/affinity_response.py`)."""

LARGEST_MARGIN = 100.0
"""Log odds beyond which every probability is 0 or 1 in float64."""


class ResponseModel(Parameters):
    """Log odds of redeeming a coupon, from the odds of buying the product without one.

    ``log odds = intercept + a * log odds of p0 + role effect + category effect * depth + other columns``. p0 is the
    probability to buy without a coupon, of whatever model: it says who likes the product, and is not what a coupon
    adds. Coefficients are given, or fitted on past campaigns.

    Parameters
    ----------
    coefficients : mapping of str to float, optional
        By name: `intercept`, `p0`, `role=reward` ..., `depth`, `category=tea` ... (times the depth), and the names of
        other columns. What is not named is 0.
    ridge : float, default 100.0
        Penalty on squared coefficients when they are fitted; see `LogisticRegression`. It weighs as much as so many
        redemptions, about: past campaigns often have no more, and coefficients of a few of them do not carry over to
        the next campaign.
    depths : DepthResponse, optional
        Fitted slopes of customers in the depth, which stand in place of one for all where candidates are made. Where
        there is a coefficient of the depth, customers differ from that as they differ from the mean slope.

    Attributes
    ----------
    coefficients_ : dict of str to float
        As fitted, or as given.
    n_iter_ : int
        Newton steps that `fit` took.

    Notes
    -----
    Pairs of customer and offer are given as columns, arrays of shape (n_pairs,): `p0` (strictly between 0 and 1); and
    where they exist `role` (reward, activation, innovation, or None), `category` (any labels) with `depth` (the
    discount as a share of the price), and any other numeric columns, such as `proneness` (how readily the customer
    uses coupons), as they are.

    Examples
    --------
    >>> model = ResponseModel({"intercept": -1.0, "p0": 1.0, "role=reward": 0.5})
    >>> print(model.score({"p0": [0.5, 0.5], "role": ["reward", None]}).round(3))
    [0.378 0.269]
    """

    coefficients_: dict[str, float]
    n_iter_: int

    def __init__(
        self,
        coefficients: Mapping[str, float] | None = None,
        *,
        ridge: float = RIDGE,
        depths: DepthResponse | None = None,
    ):
        self.coefficients, self.ridge, self.depths = coefficients, ridge, depths
        if coefficients is not None:
            self.coefficients_ = {name: float(value) for name, value in coefficients.items()}

    def fit(self, campaigns: Sequence[tuple[Columns, NDArray[np.bool_]]]) -> ResponseModel:
        """Find the coefficients from past campaigns.

        Fit it again whenever a campaign has ended, on all that have: of one that still runs redemptions are missing.

        Parameters
        ----------
        campaigns : sequence of (columns, redeemed)
            Columns of all pairs that were mailed, and whether each was redeemed (bool, shape (n_pairs,)).

        Returns
        -------
        ResponseModel
            This model.

        Raises
        ------
        InvalidInput
            If there is no campaign, columns are not as described, or all coupons or none were redeemed.
        """
        designs = [_design(columns) for columns, _ in campaigns]
        if not designs:
            raise InvalidInput("campaigns: expected at least one, got none")
        names = list(dict.fromkeys(name for design in designs for name in design))
        samples = []
        for design, (_, redeemed) in zip(designs, campaigns, strict=True):
            rows = len(design["p0"])
            if len(redeemed) != rows:
                raise InvalidInput(
                    f"redeemed: expected one for each of {rows:,} pairs, got {len(redeemed):,}"
                )
            zero = np.zeros(rows, np.float32)
            features = np.stack([design.get(name, zero) for name in names], axis=1)
            samples.append(Sample(features, np.asarray(redeemed, bool), np.ones(rows, np.float32)))
        fitted = LogisticRegression(self.ridge).fit(samples)
        coefficients = zip(names, fitted.coef_.tolist(), strict=True)
        self.coefficients_ = {"intercept": fitted.intercept_, **dict(coefficients)}
        self.n_iter_ = fitted.n_iter_
        return self

    def log_odds(self, columns: Columns) -> NDArray[np.float64]:
        """Compute the log odds of redeeming.

        Parameters
        ----------
        columns : mapping of str to array, shape (n_pairs,)
            Roles, categories and columns that were not there when fitted add nothing.

        Returns
        -------
        ndarray of float64, shape (n_pairs,)
            Log odds.

        Raises
        ------
        InvalidInput
            If columns are not as described.
        """
        self._check_fitted()
        design = _design(columns)
        total = np.full(len(design["p0"]), self.coefficients_.get("intercept", 0.0))
        for name, values in design.items():
            total += self.coefficients_.get(name, 0.0) * values
        return total

    def slope_of_depth(self, category: Any, offers: int) -> NDArray[np.float64]:
        """Say how log odds rise with the depth of each offer, for all customers alike.

        Parameters
        ----------
        category : array-like, shape (n_offers,), or None
            Of each offer.
        offers : int
            How many there are.

        Returns
        -------
        ndarray of float64, shape (n_offers,)
            In log odds of the whole price.
        """
        self._check_fitted()
        slope = np.full(offers, self.coefficients_.get("depth", 0.0))
        for j, label in enumerate([] if category is None else category):
            slope[j] += self.coefficients_.get(f"category={label}", 0.0)
        return slope

    def score(
        self, columns: Columns, *, rate: float | None = None, shift: float = 0.0
    ) -> NDArray[np.float32]:
        """Compute the probabilities of redeeming (p1).

        Parameters
        ----------
        columns : mapping of str to array, shape (n_pairs,)
            As for `log_odds`.
        rate : float, optional
            Share of the pairs that is expected to be redeemed in this campaign, as seen in its first days or in
            campaigns of its kind. Log odds are shifted until the mean probability is that.
        shift : float, default 0.0
            Added to all log odds, such as `recent_shift` finds from campaigns that have ended.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities.

        Raises
        ------
        InvalidInput
            If columns are not as described, the rate is not between 0 and 1, or both a rate and a shift are given.
        """
        check_number(shift, "shift")
        if rate is not None and shift != 0.0:
            raise InvalidInput("rate and shift: expected one of them, got both")
        log_odds = self.log_odds(columns) + shift
        if rate is not None:
            log_odds = log_odds + calibration_shift(log_odds, rate)
        return sigmoid(log_odds).astype(np.float32)


def calibration_shift(log_odds: NDArray[np.float64], rate: float) -> float:
    """Find what to add to log odds for their probabilities to have a given mean.

    Parameters
    ----------
    log_odds : ndarray of float64, shape (n_pairs,)
        At least one.
    rate : float
        The mean, between 0 and 1.

    Returns
    -------
    float
        The shift, found by bisection.

    Raises
    ------
    InvalidInput
        If the rate is not between 0 and 1, or there is no pair.

    Examples
    --------
    >>> import numpy as np
    >>> round(calibration_shift(np.zeros(3), rate=0.25), 4)  # log(0.25 / 0.75)
    -1.0986
    """
    if not 0.0 < rate < 1.0 or len(log_odds) == 0:
        raise InvalidInput(
            f"rate: expected a share between 0 and 1 of at least one pair, got {shown(rate)}"
        )
    low, high = -LARGEST_MARGIN - float(log_odds.max()), LARGEST_MARGIN - float(log_odds.min())
    for _ in range(BISECTION_STEPS):
        middle = (low + high) / 2
        if float(sigmoid(log_odds + middle).mean()) < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def variants(offers: Any, depths: Sequence[float]) -> pa.Table:
    """List each offer at several discounts.

    Parameters
    ----------
    offers : table
        Columns `offer` (ids) and `price`, and any others.
    depths : sequence of float
        Discounts as shares of the price, from 0 to 1.

    Returns
    -------
    pyarrow.Table
        The rows, once for each depth. `offer` becomes text such as ``tea-0.25``. New columns are `depth`,
        `face_value` (depth x price), and `family`: the id of the offer that it is a variant of, for a customer rule of
        at most one in each family.

    Raises
    ------
    InvalidInput
        If a column is missing, or depths are not distinct shares.

    Examples
    --------
    >>> import pyarrow as pa
    >>> found = variants(pa.table({"offer": ["tea"], "price": [4.0]}), [0.1, 0.25])
    >>> found["offer"].to_pylist(), found["face_value"].to_pylist()
    (['tea-0.1', 'tea-0.25'], [0.4, 1.0])
    """
    given = tables.as_table(offers, "offers")
    tables.require(given, "offers", "offer", "price")
    wrong = [depth for depth in depths if not 0.0 <= depth <= 1.0]
    if wrong or len(set(depths)) < len(depths) or not depths:
        raise InvalidInput(
            f"depths: expected distinct shares of the price from 0 to 1, got {shown(list(depths))}"
        )
    price = tables.numbers(given, "offers", "price")
    families = tables.ids(given, "offers", "offer")
    replaced = [n for n in ("depth", "face_value", "family") if n in given.column_names]
    parts = []
    for depth in depths:
        part = given.drop_columns(replaced)
        names = pa.array([f"{family}-{depth:g}" for family in families.to_pylist()])
        part = part.set_column(part.column_names.index("offer"), "offer", names)
        part = part.append_column("family", families)
        part = part.append_column("depth", pa.array(np.full(len(given), float(depth))))
        parts.append(part.append_column("face_value", pa.array(depth * price)))
    return pa.concat_tables(parts)


def _design(columns: Columns) -> dict[str, NDArray[np.float32]]:
    """Return what coefficients are multiplied with, by name, each of shape (n_pairs,)."""
    found = {"p0": _log_odds_of_p0(columns), **_effects(columns)}
    for name in columns:
        if name not in SPECIAL_COLUMNS:
            found[name] = np.asarray(columns[name], np.float64)
    pairs = len(found["p0"])
    for name, values in found.items():
        if len(values) != pairs:
            raise InvalidInput(
                f"column {name!r}: expected a number for each of {pairs:,} pairs, got {len(values):,}"
            )
        if not np.isfinite(values).all():
            row = int((~np.isfinite(values)).argmax())
            raise InvalidInput(
                f"column {name!r}, row {row}: expected a finite number, got {values[row]}"
            )
    return {name: values.astype(np.float32) for name, values in found.items()}


def _log_odds_of_p0(columns: Columns) -> NDArray[np.float64]:
    """Return the log odds of p0; refuse what is not strictly between 0 and 1."""
    if "p0" not in columns:
        raise InvalidInput(f"columns: expected 'p0', got {', '.join(columns) or 'none'}")
    p0 = np.asarray(columns["p0"], np.float64)
    outside = ~((p0 > 0.0) & (p0 < 1.0))
    if outside.any():
        row = int(outside.argmax())
        raise InvalidInput(
            f"column 'p0', row {row}: expected a probability strictly between 0 and 1, got {p0[row]}"
        )
    log_odds: NDArray[np.float64] = np.log(p0) - np.log1p(-p0)
    return log_odds


def _effects(columns: Columns) -> dict[str, NDArray[np.float64]]:
    """Return indicators of roles, the depth, and the depth within each category."""
    found: dict[str, NDArray[np.float64]] = {}
    if "role" in columns:
        labels = np.asarray(columns["role"], object)
        for role in ROLES:
            found[f"role={role}"] = (labels == role).astype(np.float64)
    if "depth" in columns:
        found["depth"] = np.asarray(columns["depth"], np.float64)
    if "category" in columns:
        if "depth" not in columns:
            raise InvalidInput("columns: expected 'depth' beside 'category'")
        categories = np.asarray(columns["category"], object)
        for label in sorted(set(categories.tolist()), key=str):
            found[f"category={label}"] = (categories == label) * found["depth"]
    return found
