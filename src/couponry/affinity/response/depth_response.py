"""DepthResponse: how much more readily each customer redeems the deeper of two discounts, from past campaigns."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...data.arrow_columns import one_array
from ...data.ids import digest_of, positions_among
from ...utils.errors import InvalidInput
from ...utils.progress.watch import check_cancelled
from ..parameters import Parameters
from ..scores.logistic import sigmoid

LEAST_REDEEMED = 50
"""Redemptions, and coupons that were not redeemed, among products that had several discounts at once, from which on a
slope is fitted: with fewer its standard error is as large as slopes are."""

ERRORS_FROM_ZERO = 3.0
"""Standard errors that the mean slope must be above 0."""

LARGEST_SLOPE = 50.0
"""Log odds by which a discount of the whole price can move a redemption, at most."""

STEPS, ROUNDS, TOLERANCE = 50, 100, 1e-4
"""Newton steps and rounds of variances, at most, and the relative change at which they end."""

RIDGE = 0.1
"""Prior precision of a product's own log odds: none redeemed would else be minus infinity."""

FIRST_VARIANCE = 1.0
"""Of customers' log odds and slopes, which rounds start from."""


class DepthResponse(Parameters):
    """The slope of each customer's log odds of redeeming in the depth of the discount.

    ``log odds = product in its campaign + customer + slope of the customer * depth``. Products are compared with
    themselves alone, at the discounts that they had at the same time; that some customers redeem more of everything
    says nothing of depth. Slopes of customers are drawn towards the mean of all by as much as chance alone lets them
    differ (empirical Bayes), and are never below 0: a deeper discount is redeemed no less.

    Where past campaigns do not tell, `is_known_` is False and `note_` says why: every product had one discount at a
    time, too few were redeemed, or the deeper discount was not redeemed more than chance explains.

    Attributes
    ----------
    is_known_ : bool
        Whether there are slopes; set by `fit`, as are all of the following.
    note_ : str
        What was found, in a sentence.
    slope_, error_ : float
        Mean slope, in log odds of the whole price, and its standard error; 0 and infinity where it is not known.
    spread_ : float
        Standard deviation of customers' slopes: what is left when chance is taken off.
    customers_ : pyarrow.Array
        Ids of those of whom something is known, ascending.
    slopes_ : ndarray of float32, shape (n_customers,)
        Of these.

    Notes
    -----
    A mixed logistic model by penalised quasi-likelihood [1]_. What discount a customer was given must not have
    depended on how readily it redeems deep ones: best was drawn by lot.

    References
    ----------
    .. [1] N. E. Breslow, D. G. Clayton: Approximate inference in generalized linear mixed models. Journal of the
       American Statistical Association 88 (1993), section 2.

    Examples
    --------
    >>> import numpy as np
    >>> random, n = np.random.default_rng(0), 4000
    >>> depth = random.choice([0.1, 0.3], n)
    >>> redeemed = random.random(n) < np.where(depth > 0.2, 0.4, 0.2)
    >>> coupons = {"customer": np.arange(n) % 500, "family": np.arange(n) % 4, "depth": depth, "redeemed": redeemed}
    >>> found = DepthResponse().fit(coupons)
    >>> found.is_known_, round(found.slope_)
    (True, 5)
    """

    is_known_: bool
    note_: str
    slope_: float
    error_: float
    spread_: float
    customers_: pa.Array
    slopes_: NDArray[np.float32]

    def fit(self, coupons: Any) -> DepthResponse:
        """Find the slopes from coupons of past campaigns that have ended.

        Parameters
        ----------
        coupons : table
            A row for each coupon that was given: `customer`; `family`, what it was good for; `depth`, the discount as a
            share of the price; `redeemed` (bool); and `campaign`, where there are several. Rows may come in any order.

        Returns
        -------
        DepthResponse
            This model.

        Raises
        ------
        InvalidInput
            If a column is missing or holds something else.
        """
        customers, rows = _read(coupons)
        self.customers_ = customers
        self.slopes_ = np.zeros(len(customers), np.float32)
        self.is_known_, self.slope_, self.error_, self.spread_ = False, 0.0, np.inf, 0.0
        rows = rows.of_several_depths()
        redeemed = int(rows.redeemed.sum())
        if len(rows.depth) == 0:
            self.note_ = "response to depth is not known: no product had several discounts at once"
            return self
        if min(redeemed, len(rows.depth) - redeemed) < LEAST_REDEEMED:
            self.note_ = (
                f"response to depth is not known: of {len(rows.depth):,} coupons for products with several discounts "
                f"at once {redeemed:,} were redeemed, and {LEAST_REDEEMED} that were and that were not are needed"
            )
            return self
        found = _fit(rows, len(customers))
        self.slope_, self.error_, self.spread_ = found.slope, found.error, found.spread
        if not found.slope > ERRORS_FROM_ZERO * found.error:
            self.note_ = (
                f"response to depth is not known: deeper discounts were not redeemed more than by chance (slope "
                f"{found.slope:.2g}, standard error {found.error:.2g})"
            )
            return self
        slopes = np.clip(found.slope + found.of_customers, 0.0, LARGEST_SLOPE)
        self.slopes_, self.is_known_ = slopes.astype(np.float32), True
        self.note_ = (
            f"response to depth: log odds rise by {found.slope:.2f} of the price, give or take {found.error:.2f}; "
            f"customers differ by {found.spread:.2f}"
        )
        return self

    def slopes(self, customers: pa.Array) -> NDArray[np.float32]:
        """Look up the slopes of customers.

        Parameters
        ----------
        customers : pyarrow.Array
            Ids.

        Returns
        -------
        ndarray of float32, shape (n,)
            The mean for those of whom nothing is known; 0 for all where it is not known, either.
        """
        self._check_fitted()
        found = np.full(len(customers), self.slope_ if self.is_known_ else 0.0, np.float32)
        place = positions_among(customers, self.customers_)
        found[place >= 0] = self.slopes_[place[place >= 0]]
        return found

    def moved(
        self,
        response: NDArray[np.float32],
        depth: NDArray[np.float64],
        slopes: NDArray[np.float32],
        common: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        """Give each customer its own slope in place of one for all.

        Parameters
        ----------
        response : ndarray of float32, shape (n_pairs,)
            Probabilities of redeeming, strictly between 0 and 1, at one slope for all.
        depth : ndarray of float64, shape (n_pairs,)
            Of each coupon.
        slopes : ndarray of float32, shape (n_pairs,)
            Of each coupon's customer, from `slopes`.
        common : ndarray of float64, shape (n_pairs,)
            Slope that `response` was made with.

        Returns
        -------
        ndarray of float32, shape (n_pairs,)
            Probabilities, which never fall with the depth.
        """
        if not self.is_known_:
            return response
        wide = response.astype(np.float64)
        log_odds = np.log(wide) - np.log1p(-wide)
        # where a coefficient is given, customers differ from it as they differ from the mean
        mean = np.where(common != 0.0, common, self.slope_)
        slope = np.maximum(mean + (slopes.astype(np.float64) - self.slope_), 0.0)
        return sigmoid(log_odds + (slope - common) * depth).astype(np.float32)

    def digest(self) -> str:
        """Compute a fingerprint of the slopes.

        Returns
        -------
        str
            SHA-256 in hexadecimal.
        """
        self._check_fitted()
        found = hashlib.sha256((digest_of(self.customers_) + repr(self.slope_)).encode())
        return hashlib.sha256(found.digest() + self.slopes_.tobytes()).hexdigest()


class _PastCoupons(NamedTuple):
    """Coupons in one order whatever theirs was: whose, of what at which time, how deep, and whether redeemed."""

    customer: NDArray[np.int64]
    group: NDArray[np.int64]
    depth: NDArray[np.float64]
    redeemed: NDArray[np.float64]

    def of_several_depths(self) -> _PastCoupons:
        """Those of groups with more than one depth, groups numbered anew; depths less their group's mean."""
        groups = int(self.group.max(initial=-1)) + 1
        low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
        np.minimum.at(low, self.group, self.depth)
        np.maximum.at(high, self.group, self.depth)
        kept = (high > low)[self.group]
        _, group = np.unique(self.group[kept], return_inverse=True)
        group, depth = group.reshape(-1), self.depth[kept]
        count = np.bincount(group)
        mean = np.bincount(group, depth) / np.maximum(count, 1)
        return _PastCoupons(self.customer[kept], group, depth - mean[group], self.redeemed[kept])


class _Found(NamedTuple):
    """The mean slope, its standard error, how customers' slopes spread, and by how much each differs."""

    slope: float
    error: float
    spread: float
    of_customers: NDArray[np.float64]


def _read(coupons: Any) -> tuple[pa.Array, _PastCoupons]:
    """The ids of customers, and the rows."""
    table = tables.as_table(coupons, "redemptions")
    tables.require(table, "redemptions", "customer", "family", "depth", "redeemed")
    customer, customers = tables.ranks(tables.ids(table, "redemptions", "customer"))
    group = tables.ranks(tables.ids(table, "redemptions", "family"))[0]
    if "campaign" in table.column_names:
        campaign, campaigns = tables.ranks(tables.ids(table, "redemptions", "campaign"))
        group = group * len(campaigns) + campaign
    depth = tables.numbers(table, "redemptions", "depth")
    outside = (depth < 0) | (depth > 1)
    if outside.any():
        row = int(outside.argmax())
        raise InvalidInput(
            f"table redemptions, column 'depth', row {row}: expected a share of the price from 0 to 1, got {depth[row]}"
        )
    flags = table["redeemed"]
    if not pa.types.is_boolean(flags.type) or flags.null_count:
        raise InvalidInput(
            f"table redemptions, column 'redeemed': expected true or false in each row, got {flags.type}"
            f"{' with nulls' if flags.null_count else ''}"
        )
    redeemed = one_array(pc.cast(flags, pa.float64())).to_numpy()
    order = np.lexsort((redeemed, depth, group, customer))
    return customers, _PastCoupons(customer[order], group[order], depth[order], redeemed[order])


def _fit(rows: _PastCoupons, customers: int) -> _Found:
    """Alternate between what is common and customers, and the variances of customers, until these stay."""
    variance = np.array([FIRST_VARIANCE, FIRST_VARIANCE])  # of log odds, and of slopes
    own, inverse = np.zeros((2, customers)), np.zeros((2, customers))
    groups = np.zeros(int(rows.group.max()) + 1)
    slope, error = 0.0, np.inf
    about = np.bincount(rows.customer, minlength=customers) > 0
    for _ in range(ROUNDS):
        check_cancelled()
        groups, slope, error = _common(rows, groups, slope, own)
        own, inverse = _of_customers(rows, groups, slope, own, variance)
        known = (1 - inverse / variance[:, None])[:, about].sum(
            axis=1
        )  # how much of each the data tell
        after = (own**2)[:, about].sum(axis=1) / np.maximum(known, 1e-9)
        after = np.clip(after, 1e-6, LARGEST_SLOPE**2)
        if (np.abs(after - variance) <= TOLERANCE * variance).all():
            break
        variance = after
    return _Found(slope, error, float(np.sqrt(variance[1])), own[1])


def _common(
    rows: _PastCoupons, groups: NDArray[np.float64], slope: float, own: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float, float]:
    """Log odds of groups, and the mean slope with its standard error, beside what customers have of their own."""
    offset = own[0][rows.customer] + own[1][rows.customer] * rows.depth
    error = np.inf
    for _ in range(STEPS):
        chance = sigmoid(offset + groups[rows.group] + slope * rows.depth)
        weight, left = chance * (1 - chance), rows.redeemed - chance
        size = len(groups)
        gain = np.bincount(rows.group, left, size) - RIDGE * groups
        curve = np.bincount(rows.group, weight, size) + RIDGE
        cross = np.bincount(rows.group, weight * rows.depth, size)
        # groups eliminated: each has a row of its own
        of_slope = float((weight * rows.depth**2).sum() - (cross**2 / curve).sum())
        step = float((left * rows.depth).sum() - (cross * gain / curve).sum()) / of_slope
        groups = groups + np.clip((gain - cross * step) / curve, -2.0, 2.0)
        slope, error = slope + step, of_slope**-0.5
        if abs(step) <= TOLERANCE * (1.0 + abs(slope)):
            break
    return groups, slope, error


def _of_customers(
    rows: _PastCoupons,
    groups: NDArray[np.float64],
    slope: float,
    own: NDArray[np.float64],
    variance: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What each customer's log odds and slope differ by, and the variance of each that its coupons leave."""
    offset = groups[rows.group] + slope * rows.depth
    size = own.shape[1]
    inverse = np.zeros_like(own)
    for _ in range(STEPS):
        chance = sigmoid(offset + own[0][rows.customer] + own[1][rows.customer] * rows.depth)
        weight, left = chance * (1 - chance), rows.redeemed - chance

        def summed(values: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.bincount(rows.customer, values, size).astype(np.float64, copy=False)

        a = summed(weight) + 1 / variance[0]
        b = summed(weight * rows.depth)
        c = summed(weight * rows.depth**2) + 1 / variance[1]
        first = summed(left) - own[0] / variance[0]
        second = summed(left * rows.depth) - own[1] / variance[1]
        whole = a * c - b * b
        step = np.clip(
            np.stack([c * first - b * second, a * second - b * first]) / whole, -2.0, 2.0
        )
        own, inverse = own + step, np.stack([c, a]) / whole
        if np.abs(step).max(initial=0.0) <= TOLERANCE:
            break
    return own, inverse
