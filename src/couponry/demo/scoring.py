"""Scores every mailed household and coupon of a campaign from what was known before it began."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from couponry.demo.journey import Campaign, Journey, Purchases

HALF_LIFE_WEEKS = 13.0
"""Weeks after which a purchase counts half."""

RECENT_MIDPOINT = 0.5
"""Decayed purchases of a coupon's products at which that signal reaches half its ceiling."""

HABIT_MIDPOINT = 1.0
"""Purchases of a coupon's products, ever, at which that signal reaches half its ceiling."""

CATEGORY_MIDPOINT = 1.0
"""Decayed purchases in a coupon's product types at which that signal reaches half its ceiling."""

RIDGE = 1.0
"""Penalty on the squared standardised coefficients of the logistic model."""

SMALLEST_STEP = 1e-6
"""Share of a Newton step below which the fit stops halving it."""

STORE_COUPONS = range(10_000_000_000, 10_001_000_000)
"""coupon_upc the retailer numbers itself; the numbers of the makers' coupons start with 5."""

UNSOLD_WEIGHT = 1e-3
"""Weight of a product nobody bought beside one recent purchase, when a coupon is summed up."""


@dataclass(frozen=True)
class ScoredCampaign:
    """A campaign ready for allocation, and apart from it the truth to judge the outcome by.

    campaign: the campaign scored.
    offers: one row a coupon, ascending by offer. offer (int64, the coupon_upc), category (string,
        the product category most of its products' purchases fall in), products (int64, how many
        products it is good for).
    candidates: every mailed household x every coupon, households outermost, both ascending.
        customer (int64, household id), offer (int64), response (float64, probability of
        redemption, strictly between 0 and 1).
    popularity: float64, one a row of `offers`: how many households of the retailer bought one of
        the coupon's products before the campaign. The baseline to compare with.
    redeemed: int64 (pairs, 2), distinct (customer, offer) redeemed in this campaign, among its
        candidates, ascending. For judging only: nothing above is computed from it.
    """

    campaign: Campaign
    offers: pa.Table
    candidates: pa.Table
    popularity: np.ndarray
    redeemed: np.ndarray


@dataclass(frozen=True)
class Logistic:
    """A logistic model on standardised features: P(1) = 1 / (1 + exp(-(bias + z @ weights))).

    mean, scale, weights: float64 (features,). bias: float, log odds.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    bias: float

    def predict(self, features: np.ndarray) -> np.ndarray:
        """Returns the probability (float64, rows) of each row of float64 (rows, features)."""
        standard = (features - self.mean) / self.scale
        return _sigmoid(self.bias + standard @ self.weights)


def score_campaign(journey: Journey, campaign_id: int) -> ScoredCampaign:
    """Scores all mailed households x coupons of a campaign (under a second a campaign).

    The response model is fitted on the campaigns of the same type that ended before this one
    began; features use purchases and redemptions strictly before the first day of the campaign
    they belong to. This campaign's own redemptions are read last, into `redeemed` alone.

    Raises KeyError for an unknown campaign and ValueError where no earlier campaign of its type
    has ended, or none of those had a redemption.
    """
    campaign = journey.campaigns[campaign_id]
    model = fit_response(journey, campaign)
    households = journey.mailed_households(campaign_id)
    coupons = journey.campaign_coupons(campaign_id)
    known = _Known(journey, campaign)
    candidates = pa.table(
        {
            "customer": np.repeat(households, len(coupons)),
            "offer": np.tile(coupons, len(households)),
            "response": model.predict(known.features()),
        }
    )
    offers = pa.table(
        {
            "offer": coupons,
            "category": pa.array(known.main_categories(), pa.string()),
            "products": known.products_per_coupon(),
        }
    )
    truth = journey.redemptions_of(campaign_id).sort_values(["household_id", "coupon_upc"])
    redeemed = truth.to_numpy(np.int64)
    return ScoredCampaign(
        campaign=campaign,
        offers=offers,
        candidates=candidates,
        popularity=known.popularity(),
        redeemed=redeemed[_is_candidate(redeemed, households, coupons)],
    )


def fit_response(journey: Journey, campaign: Campaign) -> Logistic:
    """Fits the response model for a campaign on the earlier campaigns of its type.

    Only campaigns whose last day lies before `campaign.first_day` count, and of their
    redemptions only those made before that day. Raises ValueError where there is none.
    """
    earlier = [
        other
        for other in journey.campaigns.values()
        if other.kind == campaign.kind and other.last_day < campaign.first_day
    ]
    if not earlier:
        raise ValueError(
            f"campaign {campaign.id}: no earlier campaign of {campaign.kind} to learn from"
        )
    past = journey.redemptions_before(campaign.first_day)
    features, outcomes = [], []
    for other in earlier:
        households = journey.mailed_households(other.id)
        coupons = journey.campaign_coupons(other.id)
        mine = past.loc[past["campaign_id"] == other.id, ["household_id", "coupon_upc"]]
        pairs = mine.to_numpy(np.int64)
        pairs = pairs[_is_candidate(pairs, households, coupons)]
        outcome = np.zeros((len(households), len(coupons)))
        row = np.searchsorted(households, pairs[:, 0])
        outcome[row, np.searchsorted(coupons, pairs[:, 1])] = 1.0
        outcomes.append(outcome.ravel())
        features.append(_Known(journey, other).features())
    return fit_logistic(np.concatenate(features), np.concatenate(outcomes))


def fit_logistic(features: np.ndarray, outcome: np.ndarray, ridge: float = RIDGE) -> Logistic:
    """Fits a ridge-penalised logistic regression by Newton's method with step halving.

    features: float64 (rows, features). outcome: float64 (rows,), 0 or 1, both present (else
    ValueError). The bias is not penalised. The method is iteratively reweighted least squares
    (Hastie, Tibshirani, Friedman: The Elements of Statistical Learning, 2nd ed., section 4.4.1).
    """
    rate = float(outcome.mean())
    if not 0.0 < rate < 1.0:
        raise ValueError("the response model needs rows with and rows without a redemption")
    mean = features.mean(axis=0)
    scale = features.std(axis=0)
    scale[scale == 0.0] = 1.0
    design = np.column_stack([np.ones(len(features)), (features - mean) / scale])
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0.0

    def loss(beta: np.ndarray) -> float:
        margin = design @ beta
        fit = np.logaddexp(0.0, margin) - outcome * margin
        return float(fit.sum() + 0.5 * (penalty * beta**2).sum())

    beta = np.zeros(design.shape[1])
    beta[0] = np.log(rate / (1.0 - rate))
    best = loss(beta)
    for _ in range(100):
        chance = _sigmoid(design @ beta)
        slope = design.T @ (chance - outcome) + penalty * beta
        curvature = (design * (chance * (1.0 - chance))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(curvature, slope)
        size = 1.0
        while size > SMALLEST_STEP and loss(beta - size * step) > best:
            size /= 2.0
        beta = beta - size * step
        previous, best = best, loss(beta)
        if previous - best < 1e-9 * abs(best):
            break
    return Logistic(mean=mean, scale=scale, weights=beta[1:], bias=float(beta[0]))


class _Known:
    """What was known on the eve of a campaign, as sparse matrices.

    coupons: int64, the campaign's coupon_upc. good_for: (coupons, products), 1 where a coupon
    applies. bought: (all households, products), decayed purchase lines. rows: int, rows of
    `bought` of the mailed households.
    """

    def __init__(self, journey: Journey, campaign: Campaign) -> None:
        self._journey = journey
        self._past = journey.purchases.before(campaign.first_day)
        self._redemptions = journey.redemptions_before(campaign.first_day)
        self.coupons = journey.campaign_coupons(campaign.id)
        self.rows = np.searchsorted(journey.households, journey.mailed_households(campaign.id))

        pairs = journey.coupon_products(campaign.id)
        ids = journey.products["product_id"].to_numpy()
        coupon = np.searchsorted(self.coupons, pairs["coupon_upc"].to_numpy())
        product = np.searchsorted(ids, pairs["product_id"].to_numpy())
        ones = np.ones(len(pairs))
        self.good_for = _matrix(ones, coupon, product, (len(self.coupons), len(ids)))

        past, shape = self._past, (len(journey.households), len(ids))
        self.bought = _matrix(_decay(past, campaign.first_day), past.household, past.product, shape)
        self._lines = _matrix(np.ones(len(past.day)), past.household, past.product, shape)
        volume = np.asarray(self.bought.sum(axis=0)).ravel() + UNSOLD_WEIGHT
        self._weighted = (self.good_for @ sp.diags_array(volume)).tocsr()

    def features(self) -> np.ndarray:
        """Returns float64 (mailed households x coupons, 6), households outermost.

        0: recent: the household's decayed purchases of the coupon's products, saturating in
           [0, 1).
        1: habit: the same without decay. Beside it, 0 tells a lapsed habit, or one due again,
           from one served just now.
        2: category: the decayed purchases in the product types of the coupon, mixed as the sales
           of its products are, saturating in [0, 1).
        3: uses: log(1 + the household's uses of any coupon so far): discounted lines +
           redemptions.
        4: shopping: log(1 + the household's decayed purchases of anything), so that the others
           read as shares of it.
        5: store: 1 for the retailer's own coupons, else 0: some are good for thousands of
           products, so that a purchase of one of them says less.
        The logistic model adds the signals up on the log-odds scale; so past coupon use
        multiplies the odds that the products suggest.
        """
        mine = self.bought[self.rows]
        recent = (mine @ self.good_for.T).toarray()
        habit = (self._lines[self.rows] @ self.good_for.T).toarray()
        types = self._group("type")
        mix = _share_rows(self._weighted @ types)
        category = ((mine @ types) @ mix.T).toarray()
        shopping = np.asarray(mine.sum(axis=1)).ravel()
        uses = self._coupon_uses()[self.rows]
        store = (self.coupons >= STORE_COUPONS.start) & (self.coupons < STORE_COUPONS.stop)
        columns = (
            recent / (recent + RECENT_MIDPOINT),
            habit / (habit + HABIT_MIDPOINT),
            category / (category + CATEGORY_MIDPOINT),
            np.log1p(uses)[:, None],
            np.log1p(shopping)[:, None],
            store.astype(np.float64)[None, :],
        )
        return np.stack([np.broadcast_to(c, recent.shape).ravel() for c in columns], axis=1)

    def _coupon_uses(self) -> np.ndarray:
        everyone = self._journey.households
        redeemer = np.searchsorted(everyone, self._redemptions["household_id"].to_numpy())
        discounted = self._past.household[self._past.coupon]
        uses: np.ndarray = np.bincount(np.append(discounted, redeemer), minlength=len(everyone))
        return uses

    def popularity(self) -> np.ndarray:
        """Returns float64 (coupons,): households that bought one of the coupon's products."""
        buyers = (self.bought @ self.good_for.T) > 0
        popularity: np.ndarray = np.asarray(buyers.sum(axis=0), np.float64).ravel()
        return popularity

    def products_per_coupon(self) -> np.ndarray:
        """Returns int64 (coupons,): the number of products each coupon is good for."""
        counts: np.ndarray = np.diff(self.good_for.indptr).astype(np.int64)
        return counts

    def main_categories(self) -> list[str]:
        """Returns each coupon's category with most purchases ("unknown" where it has no name)."""
        best = (self._weighted @ self._group("category")).toarray().argmax(axis=1)
        names = self._journey.products["category"].cat.categories[best]
        return [name or "unknown" for name in names]

    def _group(self, column: str) -> sp.csr_array:
        codes = self._journey.products[column].cat.codes.to_numpy()
        shape = (len(codes), int(codes.max()) + 1)
        return _matrix(np.ones(len(codes)), np.arange(len(codes)), codes, shape)


def _matrix(
    values: np.ndarray, row: np.ndarray, column: np.ndarray, shape: tuple[int, int]
) -> sp.csr_array:
    """Returns the matrix with values at (row, column); entries at the same place add up."""
    return sp.coo_array((values, (row, column)), shape=shape).tocsr()


def _share_rows(matrix: sp.csr_array) -> sp.csr_array:
    total = np.asarray(matrix.sum(axis=1)).ravel()
    return (sp.diags_array(1.0 / total) @ matrix).tocsr()


def _decay(lines: Purchases, day: np.datetime64) -> np.ndarray:
    weeks = (day - lines.day).astype(np.float64) / 7.0
    decayed: np.ndarray = 0.5 ** (weeks / HALF_LIFE_WEEKS)
    return decayed


def _is_candidate(pairs: np.ndarray, households: np.ndarray, coupons: np.ndarray) -> np.ndarray:
    return np.isin(pairs[:, 0], households) & np.isin(pairs[:, 1], coupons)


def _sigmoid(margin: np.ndarray) -> np.ndarray:
    chance: np.ndarray = 1.0 / (1.0 + np.exp(-np.clip(margin, -35.0, 35.0)))
    return chance
