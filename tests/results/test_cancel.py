"""Solves that are cancelled at any moment, watched by callables, from any thread."""

from __future__ import annotations

import pickle
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.clocks import PassClock
from tests.support.random_campaigns import draw

import couponry
from couponry import Campaign, Cancelled, CancelToken, ProgressEvent, Result
from couponry.model.campaign_data import CampaignData
from couponry.solver.options import SizeOptions, SolverOptions

LARGE = SolverOptions(sizes=SizeOptions(in_memory_candidates=1000, tiny_candidates=0))
"""A small campaign is solved as a large one is: with few customers free for repair."""


@pytest.fixture(scope="module")
def data() -> CampaignData:
    return draw(3, 400).campaign().data


def solved(data: CampaignData, **options: Any) -> Result:
    return Campaign.from_data(data).solve(gap=1e-6, **options)


class Until:
    """Cancels at an event, or raises at it."""

    def __init__(self, number: int, error: BaseException | None = None):
        self.number, self.error = number, error
        self.token = CancelToken()
        self.events: list[ProgressEvent] = []

    def __call__(self, event: ProgressEvent) -> None:
        self.events.append(event)
        if len(self.events) > self.number:
            if self.error is not None:
                raise self.error
            self.token.cancel()


def test_events_say_how_a_solve_stands(data: CampaignData) -> None:
    events: list[ProgressEvent] = []
    result = solved(data, progress=events.append)
    stages = list(dict.fromkeys(event.stage for event in events))
    assert stages[0] == "pack" and stages[-1] == "result" and "dual" in stages
    bounds = [event.bound for event in events if event.bound is not None]
    assert bounds == sorted(bounds, reverse=True) and bounds[-1] == result.bound
    passes = [event.passes for event in events]
    assert passes == sorted(passes) and passes[-1] == result.full_passes
    seconds = [event.seconds for event in events]
    assert seconds == sorted(seconds)
    last = events[-1]
    assert last.gap == pytest.approx(result.gap, abs=1e-12) and last.asked_gap == 1e-6
    assert last.objective == pytest.approx(result.objective)


@pytest.mark.parametrize("seed", [0, 1, 4, 5])
def test_bounds_of_events_never_rise(seed: int) -> None:
    """Nor are they those of other problems that are solved on the way."""
    events: list[ProgressEvent] = []
    campaign = draw(seed, 300).campaign()
    for asked in (campaign, campaign.changed(add_limits=[couponry.Limit("much", min=1e9)])):
        events.clear()
        result = asked.solve(gap=1e-3, progress=events.append)
        bounds = [event.bound for event in events if event.bound is not None]
        assert bounds == sorted(bounds, reverse=True)
        if result.status == "optimal" and bounds:
            assert bounds[-1] == pytest.approx(result.bound)
        said = [event for event in events if event.stage == "way out"]
        assert (result.status == "infeasible") == bool(said)


@pytest.mark.parametrize("options", [SolverOptions(), LARGE], ids=["in memory", "large"])
def test_cancelled_at_any_event(data: CampaignData, options: SolverOptions) -> None:
    everything = Until(10**9)
    whole = solved(data, progress=everything, solver_options=options)
    outcomes = set()
    for number in range(len(everything.events)):
        until = Until(number)
        result = solved(data, progress=until, cancel=until.token, solver_options=options)
        outcomes.add(result.status)
        if result.status == "optimal":
            assert result.objective == whole.objective
            continue
        assert result.message == "cancelled"
        assert len(until.events) <= number + 3  # nothing new is begun
        if result.status == "feasible":
            assert result.max_violation == 0.0 and result.allocation is not None
            assert len(result.allocation.to_arrow()) == result.allocated
        else:
            assert result.status == "unsolved" and result.allocation is None
        assert result.customers_below_min == whole.customers_below_min
        assert result.customers == whole.customers and result.candidates == whole.candidates
        again = pickle.loads(pickle.dumps(result))
        assert again.as_dict() == result.as_dict()
    assert {"unsolved", "feasible"} <= outcomes


def test_cancelled_in_the_middle_of_any_pass(
    data: CampaignData, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = PassClock(monkeypatch)
    solved(data, solver_options=LARGE)
    count = len(clock.passes)
    for number in range(0, count, 3):
        token = CancelToken()
        _cancel_in_pass(monkeypatch, token, number)
        result = solved(data, solver_options=LARGE, cancel=token)
        assert result.status in ("feasible", "unsolved", "optimal")
        assert result.status == "optimal" or result.message == "cancelled"
        if result.allocation is not None:
            assert result.max_violation == 0.0


def _cancel_in_pass(monkeypatch: pytest.MonkeyPatch, token: CancelToken, number: int) -> None:
    from couponry.engines import local

    made = [0]
    share_out = local.share_out
    if hasattr(share_out, "original"):
        share_out = share_out.original

    def counted(work: Any, cuts: Any, threads: int) -> None:
        made[0] += 1
        if made[0] > number:
            token.cancel()
        share_out(work, cuts, threads)

    counted.original = share_out  # type: ignore[attr-defined]
    monkeypatch.setattr(local, "share_out", counted)


def test_an_exception_of_a_callable_ends_the_solve_and_leaves_nothing(
    data: CampaignData, tmp_path: Path
) -> None:
    before = threading.active_count()
    campaign = Campaign.from_data(data)
    for number in (0, 2, 4):
        until = Until(number, error=ZeroDivisionError("mine"))
        with pytest.raises(ZeroDivisionError, match="mine"):
            campaign.solve(progress=until, checkpoint=tmp_path / "checkpoint")
        assert len(until.events) == number + 1
    assert threading.active_count() <= before
    assert campaign.solve(checkpoint=tmp_path / "checkpoint").status == "optimal"


def test_from_another_thread(data: CampaignData) -> None:
    token, results = CancelToken(), []
    reached, go_on = threading.Event(), threading.Event()

    def hold(event: ProgressEvent) -> None:
        if event.stage == "dual":
            reached.set()
            go_on.wait(10)

    solving = threading.Thread(
        target=lambda: results.append(solved(data, progress=hold, cancel=token))
    )
    solving.start()
    assert reached.wait(10)
    token.cancel()
    go_on.set()
    solving.join(10)
    assert [result.message for result in results] == ["cancelled"]


def test_questions_that_are_cancelled(data: CampaignData) -> None:
    campaign = Campaign.from_data(data)
    result = campaign.solve()
    limit = next(limit for limit in data.limits if limit.max is not None and limit.table is None)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        campaign.what_if(result, drop_limits=[limit.name], cancel=token)
    with pytest.raises(Cancelled):
        campaign.frontier(limit.name, factors=[0.9, 1.1], result=result, side="max", cancel=token)
    with couponry.watch(cancel=token):
        with pytest.raises(Cancelled):
            result.what_if(drop_limits=[limit.name])
        with pytest.raises(Cancelled):
            result.per_customer()
    shares: list[float | None] = []
    with couponry.watch(progress=lambda event: shares.append(event.share)):
        campaign.frontier(limit.name, factors=[0.9, 1.1], result=result, side="max")
    assert [share for share in shares if share is not None] == [0.0, 0.5]


def test_a_cancelled_result_is_no_warm_start_but_is_saved(
    data: CampaignData, tmp_path: Path
) -> None:
    until = Until(0)
    campaign = Campaign.from_data(data)
    result = campaign.solve(progress=until, cancel=until.token)
    assert (result.status, result.bound, result.limits) == ("unsolved", None, None)
    with pytest.raises(couponry.InvalidInput, match="one that was cancelled before"):
        campaign.solve(start=result)
    read = couponry.read_result(result.save(tmp_path / "out"), campaign)
    assert read.as_dict() == result.as_dict() and read.plan is None


def test_histories_and_fits_are_cancelled() -> None:
    from couponry.affinity import PurchaseHistory

    rows = {"customer": [1, 1, 2], "product": [1, 2, 1], "day": [1, 5, 9]}
    token = CancelToken()
    stages: list[str] = []
    with couponry.watch(progress=lambda event: stages.append(event.stage), cancel=token):
        PurchaseHistory.from_transactions(rows)
        assert stages == ["histories"]
        token.cancel()
        with pytest.raises(Cancelled):
            PurchaseHistory.from_transactions(rows)


def test_queries_of_duckdb_are_interrupted() -> None:
    from couponry.affinity.history.building.duckdb_session import DuckDBSession, Resources

    token = CancelToken()
    long = "SELECT count(*) FROM range(100000) a, range(100000) b WHERE a.range * b.range % 7 = 3"
    timer = threading.Timer(0.05, token.cancel)
    with DuckDBSession(Resources(None, 1, None), "testing") as session:
        with couponry.watch(cancel=token):
            timer.start()
            with pytest.raises(Cancelled):
                session.execute(long)
            with pytest.raises(Cancelled):
                session.table("SELECT 1")
        assert session.execute("SELECT 1") == [(1,)]
    assert token._calls == []


def test_fits_are_cancelled() -> None:
    import numpy as np

    from couponry.affinity.scores.logistic import LogisticRegression

    random = np.random.default_rng(0)
    features = random.normal(size=(500, 3))
    outcome = random.random(500) < 1 / (1 + np.exp(-features[:, 0]))
    until = Until(1)
    with couponry.watch(progress=until, cancel=until.token), pytest.raises(Cancelled):
        LogisticRegression().fit(features, outcome)
    assert [event.stage for event in until.events] == ["fit"] * 2


def test_nobody_waits_for_highs(data: CampaignData, monkeypatch: pytest.MonkeyPatch) -> None:
    from couponry.solver import highs

    token, over = CancelToken(), threading.Event()
    asked = []

    def endless(*_: Any) -> Any:
        asked.append(1)
        token.cancel()
        over.wait(60)
        raise AssertionError

    monkeypatch.setattr(highs, "_by_scipy", endless)
    candidates = {"customer": [1, 1, 2, 2], "offer": [1, 2, 1, 2], "value": [3.0, 2.0, 2.0, 2.5]}
    limits = [couponry.Limit("a", sum="w", max=2.5)]
    offers = {"offer": [1, 2], "w": [1.7, 1.1]}
    options = SolverOptions(enumeration=replace(SolverOptions().enumeration, candidates=0))
    campaign = Campaign(offers, candidates, limits=limits)
    result = campaign.solve(gap=0.0, cancel=token, solver_options=options)
    over.set()
    assert asked == [1] and result.message == "cancelled"


def test_the_command_line_runs_on_any_thread(tmp_path: Path, data: CampaignData) -> None:
    from couponry.cli import run

    couponry.write_campaign(Campaign.from_data(data), tmp_path / "campaign")
    arguments = ["solve", str(tmp_path / "campaign"), "--out", str(tmp_path / "out"), "--quiet"]
    statuses: list[int] = []
    thread = threading.Thread(target=lambda: statuses.append(run(arguments)))
    thread.start()
    thread.join()
    assert statuses == [0] and (tmp_path / "out" / "result.json").is_file()
