"""Guards of a PersonalModel: short windows count little, and a model that loses its own validation is not taken."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from tests.affinity.test_scores import GROUPS, shop, split
from tests.support.campaigns import shuffled

from couponry import Campaign, Targeting
from couponry.affinity import PersonalModel, RepeatScore, Sample, pipeline_fit
from couponry.affinity.scores.guards.blend import Blend, WindowRows, blend_of, validation_of
from couponry.affinity.scores.guards.ranking import ndcg_by_customer
from couponry.affinity.scores.guards.window_weights import weighted_windows

CUSTOMERS, EACH = 200, 30
TABLE = shop(3, customers=80)


def test_ndcg_is_that_of_each_customers_list() -> None:
    random = np.random.default_rng(0)
    count = random.integers(0, 50, 40)
    indptr = np.append(0, np.cumsum(count))
    score, outcome = random.integers(0, 9, indptr[-1]) / 9, random.random(indptr[-1]) < 0.1
    expected = []
    for start, stop in pairwise(indptr.tolist()):
        bought = outcome[start:stop]
        order = sorted(range(stop - start), key=lambda i, at=start: (-score[at + i], i))[:20]
        gains = [1 / np.log2(place + 2) for place in range(20)]
        if bought.any():
            got = sum(gain for gain, i in zip(gains, order, strict=False) if bought[i])
            expected.append(got / sum(gains[: bought.sum()]))
    np.testing.assert_allclose(ndcg_by_customer(score, outcome, indptr), expected)


def test_windows_count_less_the_shorter_their_histories() -> None:
    windows = [split(TABLE, 16), split(TABLE, 4), split(TABLE, 12)]
    kept, share = weighted_windows(windows)
    assert [history.until for (history, _), _ in kept] == [12, 16]
    assert share == pytest.approx(0.8)
    assert [weight for _, weight in kept] == [pytest.approx(0.75**8), 1.0]
    assert weighted_windows([split(TABLE, 2)])[1] == pytest.approx(1 / 3)


def test_a_history_too_short_for_a_model_is_ranked_by_the_simple_score() -> None:
    model = PersonalModel(GROUPS).fit([split(TABLE, 3, window=8)])
    history = split(TABLE, 11)[0]
    assert model.blend_ is not None and model.blend_.share == 0.0
    assert "too short" in str(model.blend_.note)
    score, simple = model.score(history), RepeatScore().fit(history).score(history)
    order = np.argsort(simple, kind="stable")
    assert (np.diff(score[order]) > -1e-6).all() and np.ptp(score) > 0.1
    plain = PersonalModel(GROUPS, guarded=False).fit([split(TABLE, 3, window=8)])
    assert plain.blend_ is None and np.corrcoef(plain.score(history), score)[0, 1] < 0.9


def rows_of(seed: int, model: float, simple: float) -> WindowRows:
    """Rows of a window, where a feature and the simple score say so much of what is bought."""
    random = np.random.default_rng(seed)
    count = CUSTOMERS * EACH
    truth = random.normal(size=count)
    outcome = random.random(count) < 1 / (1 + np.exp(2 - 2 * truth))
    says = [share * truth + random.normal(size=count) for share in (model, simple)]
    features, score = (values.astype(np.float32) for values in says)
    return WindowRows(
        Sample(features[:, None], outcome, np.ones(count, np.float32)),
        score,
        pa.array(np.arange(CUSTOMERS)),
        np.arange(CUSTOMERS + 1) * EACH,
        1.0,
        20,
    )


def blended(model: float, simple: float, windows: int = 1, noise: float = 0.0) -> Blend:
    rows = [rows_of(seed, model, simple) for seed in range(windows)]

    def log_odds(features: np.ndarray) -> np.ndarray:
        wrong = np.random.default_rng(len(features)).normal(size=len(features))
        return features[:, 0].astype(np.float64) + noise * wrong

    return blend_of(rows, log_odds, validation_of(rows, lambda _: [log_odds])[0])


@pytest.mark.parametrize("windows", [1, 2])
def test_as_much_of_a_model_is_taken_as_ranks_best(windows: int) -> None:
    lost = blended(0.0, 2.0, windows, noise=3.0)
    assert lost.share == 0.0 and "ranks no better" in str(lost.note)
    won = blended(3.0, 0.0, windows)
    assert won.share == 0.75 and won.note is None
    both = blended(1.0, 1.0, windows)
    assert 0.0 < both.share < 0.75
    assert both.ndcg[both.share] == max(both.ndcg.values()) > both.ndcg[0.0]


def test_a_blend_is_calibrated_and_the_simple_score_never_turned_round() -> None:
    both, rows = blended(1.0, 1.0), rows_of(0, 1.0, 1.0)
    log_odds = both.log_odds(rows.sample.features[:, 0].astype(np.float64), rows.simple)
    assert (1 / (1 + np.exp(-log_odds))).mean() == pytest.approx(rows.sample.outcome.mean(), 1e-3)
    contrary = blended(0.0, -2.0, noise=3.0)
    assert contrary.simple.coef_[0] == 1.0


def test_few_buyers_say_nothing() -> None:
    rows = rows_of(0, 1.0, 1.0).of_customers(np.arange(CUSTOMERS) < 15)
    assert validation_of([rows], lambda _: [lambda x: x[:, 0]]) == []
    blend = blend_of([rows], lambda x: x[:, 0], None)
    assert blend.share == 0.0 and blend.ndcg == {} and "too few" in str(blend.note)


@pytest.fixture
def small_shops(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets a PersonalModel rank the rewards of a shop of any size."""
    monkeypatch.setattr(pipeline_fit, "LEAST_PURCHASES", 1)


def campaign_of(table: pa.Table, until: int | None) -> Campaign:
    offers = pa.table({"offer": np.arange(40), "product": np.arange(40)})
    targeting = Targeting(reward=4, activation=2, innovation=2, until=until)
    return Campaign.from_transactions(offers, table, targeting=targeting)


@pytest.mark.usefixtures("small_shops")
def test_one_call_says_that_a_history_is_too_short() -> None:
    assert "before the latest window is too short for a model" in campaign_of(TABLE, 7).summary()


@pytest.mark.usefixtures("small_shops")
def test_what_comes_after_the_cut_changes_no_bit_nor_does_the_order_of_rows() -> None:
    week = TABLE["week"].to_numpy()
    later, random = np.flatnonzero(week > 16), np.random.default_rng(0)
    product, customer = TABLE["product"].to_numpy().copy(), TABLE["customer"].to_numpy().copy()
    product[later] = random.permutation(product[later])
    customer[later] = random.permutation(9999)[: len(later)]
    scrambled = shuffled(pa.table({"customer": customer, "product": product, "week": week}))

    def candidates(table: pa.Table, until: int | None = None) -> list[bytes]:
        found = campaign_of(table, until).candidates
        columns = found.indptr, found.offer, found.role, *found.columns.values()
        return [column.tobytes() for column in (found.customers.to_numpy(), *columns)]

    assert candidates(TABLE, until=16) == candidates(scrambled, until=16)
    assert candidates(TABLE)[1:] != candidates(TABLE, until=16)[1:]
