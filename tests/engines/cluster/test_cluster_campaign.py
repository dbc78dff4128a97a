"""Campaigns whose customers stay on a cluster: the bits of one machine, and no array of customers in this process."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from benchmarks.instances.changed_week import changed_week
from benchmarks.instances.synthetic import Synthetic
from tests.support import large_campaign
from tests.support.cluster_campaigns import (
    AS_THE_LARGEST,
    GAPS,
    KINDS,
    STAY_THERE,
    fingerprint,
    infeasible,
    on_cluster,
    segments,
    solved,
    solved_on_cluster,
)
from tests.support.cluster_driver import Mortal
from tests.support.large_campaign import FEW_FREE, GAP

from couponry import (
    Campaign,
    ClusterCampaign,
    ClusterResult,
    CustomerRule,
    InvalidInput,
    Limit,
    PreviousPlan,
    Unsupported,
    verify_result,
    write_campaign,
)
from couponry.analysis.moved_coupons import moved_coupons
from couponry.engines import Cluster, InProcessRunner
from couponry.engines.cluster import gathering
from couponry.model.compiling.messages.exact_sums import exact_sum
from couponry.solver.dual.lagrangian import Evaluation
from couponry.solver.dual.search.free_search import FreeSearch
from couponry.solver.options import SampleSize, SamplingOptions
from couponry.solver.packed import CandidatesElsewhere


def solved_again(kind: str, engine: Cluster, **options: Any) -> ClusterResult:
    """Solve a campaign whose customers are in the engine's folder already."""
    made = KINDS[kind]().data
    agreed = {"rules": made.rules, "limits": made.limits}
    campaign = ClusterCampaign(engine, made.offers, **agreed)
    return campaign.solve(gap=GAPS[kind], solver_options=AS_THE_LARGEST, **options)


def local_shards(folder: Path, customers: int = 400) -> Cluster:
    return Cluster(InProcessRunner(1, 3), folder, customers)


@pytest.mark.parametrize("kind", STAY_THERE)
def test_the_bits_of_one_machine(kind: str, tmp_path: Path) -> None:
    result = solved_on_cluster(kind, local_shards(tmp_path), threads=1)
    local = solved(kind, threads=1)
    assert fingerprint(result) == fingerprint(local)
    assert result.full_passes == local.full_passes
    assert (result.customers, result.candidates) == (local.customers, local.candidates)


def refuse(*_: Any) -> Any:
    raise AssertionError("asked for arrays")


@pytest.mark.parametrize("is_dear", [False, True])
def test_many_customers(is_dear: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A campaign large enough for nested samples and a few free customers: nothing else comes to this process.

    Where passes are dear, prices go on for these.
    """
    local = large_campaign.campaign()
    search = replace(FEW_FREE.price_search, dear_candidates=0, dear_pass=100.0)
    few_free = replace(FEW_FREE, price_search=search) if is_dear else FEW_FREE
    options: dict[str, Any] = {"gap": GAP, "solver_options": few_free, "threads": 1}
    expected = fingerprint(local.solve(**options))
    campaign = on_cluster(local, local_shards(tmp_path, 5_000))
    monkeypatch.setattr(gathering, "MOST_GATHERED", 1_000)
    monkeypatch.setattr(CandidatesElsewhere, "_held", property(refuse))
    result = campaign.solve(**options)
    assert result.allocation is not None and result.allocation.customers > 0
    assert result.by("brand").to_arrow().num_rows > 1
    result.explain(result.allocation.to_arrow()["customer"][0].as_py())
    assert fingerprint(result) == expected


@pytest.mark.filterwarnings("ignore::couponry.CampaignWarning")
def test_conflicts_of_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers leave rules out one by one; nothing is gathered."""
    monkeypatch.setattr(gathering, "MOST_GATHERED", 100)
    few = SampleSize(1 << 9, 0.0, 1 << 9)
    options = replace(
        AS_THE_LARGEST,
        sampling=SamplingOptions(1 << 8, curvature=few, regret=few, proof=few),
        cutting_planes=replace(AS_THE_LARGEST.cutting_planes, candidates=0),
        enumeration=replace(AS_THE_LARGEST.enumeration, candidates=0),
        work=replace(AS_THE_LARGEST.work, solves=1_000.0),
    )
    made = infeasible().changed(
        drop_limits=["caps", "promise"], add_limits=[Limit("many", min=1_500)]
    )
    local = made.solve(solver_options=options, threads=1)
    found = on_cluster(made, local_shards(tmp_path, 100)).solve(solver_options=options, threads=1)
    assert fingerprint(found) == fingerprint(local)
    assert found.infeasible is not None
    assert found.infeasible["customer_rules"] == [{"customer_rule": "slots", "max": "slots"}]


def test_a_journal_goes_on_where_it_was(tmp_path: Path) -> None:
    journal, engine = tmp_path / "journal", local_shards(tmp_path / "shards")
    on_cluster(KINDS["segments"](), engine).solve(
        gap=GAPS["segments"], solver_options=AS_THE_LARGEST
    )
    jobs = []
    for after in (3, 0):
        mortal = Mortal(InProcessRunner(), after, refuse)
        again = replace(engine, runner=mortal)
        if after:
            with pytest.raises(AssertionError, match="asked for arrays"):
                solved_again("segments", again, checkpoint=journal)
        else:
            assert fingerprint(solved_again("segments", again, checkpoint=journal)) == fingerprint(
                solved("segments")
            )
        jobs.append(mortal.jobs)
    mortal = Mortal(InProcessRunner(), 0, refuse)
    other = {"checkpoint": tmp_path / "other"}  # which knows samples that are gathered again
    fingerprint(solved_again("segments", replace(engine, runner=mortal), **other))
    assert jobs[0] == 3 and sum(jobs) == mortal.jobs


def test_changed_bounds_start_from_prices(tmp_path: Path) -> None:
    local, engine = segments(), local_shards(tmp_path)
    campaign = on_cluster(local, engine)
    first = campaign.solve(threads=1)
    other = campaign.changed(limits={"gold": {"max": 600}})
    again = other.solve(threads=1, start=first)
    there = local.changed(limits={"gold": {"max": 600}}).solve(threads=1)
    assert again.status == there.status == "optimal"
    assert again.objective == pytest.approx(there.objective, rel=1e-3)
    assert again.nit < there.nit
    assert again.binding().to_arrow().num_rows > 0
    found, before = first.compare(again), local.solve(threads=1).allocation
    assert before is not None and again.allocation is not None
    assert found.moved == moved_coupons(before, again.allocation)
    assert found.gain == again.objective - first.objective < 0
    assert "1,920 customers" in repr(other)
    with pytest.raises(Unsupported, match="stay in the process"):
        again.__reduce__()


@pytest.mark.parametrize("is_later", [False, True])
def test_known_prices_lead_to_the_bits_of_one_machine(
    is_later: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With another budget, or a week later with other customers: prices go on for those who are left free."""
    searched: list[int] = []
    descend = FreeSearch.descend

    def noted(self: FreeSearch, prices: np.ndarray) -> Evaluation:
        searched.append(self.dual.engine.customers)
        return descend(self, prices)

    monkeypatch.setattr(FreeSearch, "descend", noted)
    options: dict[str, Any] = {"gap": GAP, "solver_options": FEW_FREE, "threads": 1}
    local, there = large_campaign.campaign(), local_shards(tmp_path / "first", 5_000)
    firsts = [each.solve(**options) for each in (local, on_cluster(local, there))]
    assert searched == []
    changed = local.changed(limits={"budget": {"max": "-2 %"}})
    if is_later:
        size = Synthetic(40_000, 32, offers=200, brands=60)
        changed, there = changed_week(local, size, 0.025, seed=0), local_shards(tmp_path, 5_000)
    expected, found = (
        campaign.solve(**options, start=first)
        for campaign, first in zip((changed, on_cluster(changed, there)), firsts, strict=True)
    )
    assert fingerprint(found) == fingerprint(expected)
    assert found.full_passes == expected.full_passes
    assert len(searched) == 2 and searched[0] == searched[1] > 0


def test_customers_that_are_there_already(tmp_path: Path) -> None:
    engine = local_shards(tmp_path)
    first = solved_on_cluster("segments", engine)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.arrays")}
    assert fingerprint(solved_again("segments", engine)) == fingerprint(first)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.arrays")} == files
    with pytest.raises(InvalidInput, match="were written with other offers"):
        ClusterCampaign(engine, {"offer": [1, 2]})
    with pytest.raises(InvalidInput, match=r"^shards .*nowhere/candidates"):
        ClusterCampaign(local_shards(tmp_path / "nowhere"), {"offer": [1, 2]})
    with pytest.raises(
        InvalidInput, match="neither candidates, offers nor customers have a column 'margin'"
    ):
        ClusterCampaign(engine, KINDS["segments"]().offers, value="margin").solve()


def test_questions(tmp_path: Path) -> None:
    """Answered by workers as they are on one machine."""
    local, result = solved("segments"), solved_on_cluster("segments", local_shards(tmp_path))
    for column in ("brand", "segment", "product"):
        here, there = local.by(column).to_arrow(), result.by(column).to_arrow()
        assert there.schema == here.schema
        for name in here.column_names:
            if name != "value" and name != "cost":
                assert there[name].equals(here[name])
            else:
                assert there[name].to_pylist() == pytest.approx(here[name].to_pylist())
    assert result.binding().to_arrow().equals(local.binding().to_arrow())
    free = local.plan.free
    fixed = np.setdiff1d(np.arange(local.customers), free)
    for number in (int(fixed[700]), int(free[-1])):
        customer = local.campaign.candidates.customers[number].as_py()
        assert result.explain(customer).as_dict() == local.explain(customer).as_dict()
    for ask in (lambda: result.explain("nobody"), lambda: result.explain(3)):
        with pytest.raises(InvalidInput, match=r"^explain: customer"):
            ask()
    with pytest.raises(InvalidInput, match=r"^by: neither offers nor customers"):
        result.by("colour")


def test_units_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    engine, offers = local_shards(tmp_path, 1), {"offer": [1]}
    rows = {"customer": [1, 2, 3], "offer": [1] * 3, "value": [1.0] * 3}
    homes = {"customer": [1, 2, 3], "home": ["a", "b", "a"]}
    ClusterCampaign(engine, offers, rows, homes, unit="home")
    assert len(list((tmp_path / "candidates").glob("0*.arrays"))) == 2
    for unit, said in (
        (None, "with unit 'home'"),
        ("house", "table customers has no column 'house'"),
    ):
        with pytest.raises(InvalidInput, match=said):
            ClusterCampaign(engine, offers, unit=unit)
    crowd = {"customer": range(20), "home": ["all"] * 20}
    many = {"customer": range(20), "offer": [1] * 20, "value": [1.0] * 20}
    wrong: list[tuple[str, Any, Any]] = [
        ("it needs the table customers", rows, None),
        ("table customers has no column 'home'", rows, {"customer": [1, 2, 3]}),
        (
            "customer 3 of table candidates is not in it",
            rows,
            {"customer": [1, 2], "home": ["a", "b"]},
        ),
        ("at most 16 customers with candidates in one, got 20 in home 'all'", many, crowd),
    ]
    for number, (said, candidates, customers) in enumerate(wrong):
        with pytest.raises(InvalidInput, match=said):
            ClusterCampaign(
                local_shards(tmp_path / str(number), 1), offers, candidates, customers, unit="home"
            )


def test_questions_about_units(tmp_path: Path) -> None:
    """Who is asked about need not be the first of its household."""
    local, result = solved("homes"), solved_on_cluster("homes", local_shards(tmp_path / "shards"))
    units, customers = local.campaign.units, local.campaign.candidates.customers
    second = units.ptr[:-1][np.diff(units.ptr) > 1] + 1
    for number in (0, int(second[20]), int(second[-1])):
        customer = customers[number].as_py()
        assert result.explain(customer).as_dict() == local.explain(customer).as_dict()
    for column in ("brand", "segment"):
        here, there = local.by(column).to_arrow(), result.by(column).to_arrow()
        for name in ("coupons", "customers"):
            assert there[name].equals(here[name])
    files = result.allocation.write_on_workers(tmp_path / "coupons")
    written = pa.concat_tables(map(pq.read_table, files))
    assert len(files) > 1 and written.equals(local.allocation.to_arrow())
    assert "of 'home'" in result.summary() or not result.customers_below_min
    again = Cluster(InProcessRunner(), tmp_path / "of a campaign", 200)
    there = solved("homes", engine=again).allocation.write_on_workers(tmp_path / "more")
    assert pa.concat_tables(map(pq.read_table, there)).equals(local.allocation.to_arrow())


@pytest.mark.parametrize("kind", ["segments", "infeasible", "messages", "homes", "again"])
def test_saved_results_hold_up(kind: str, tmp_path: Path) -> None:
    result = solved_on_cluster(kind, local_shards(tmp_path / "shards"))
    saved = result.save(tmp_path / "saved")
    write_campaign(KINDS[kind](), tmp_path / "campaign")
    assert verify_result(tmp_path / "campaign", saved).ok


def test_price_ranges_are_those_of_one_machine(tmp_path: Path) -> None:
    """By minima of the dual, and by solves, where customers are few."""
    few = {"limits": {"gold": {"max": 120}, "new": {"min": 60}, "caps": {"max": 80}}}
    small = segments(320).changed(**few)
    for local in (segments(), small):
        result = local.solve(threads=1)
        there = on_cluster(local, local_shards(tmp_path / str(result.customers))).solve(threads=1)
        expected = result.price_ranges(["gold", "new"], move=0.05)
        assert len(expected.table) > 0
        found = there.price_ranges(["gold", "new"], move=0.05)
        assert found.table.equals(expected.table)
        with pytest.raises(InvalidInput, match="price_ranges: there is no limit 'golden'"):
            there.price_ranges("golden")


def test_backups_listed_and_written_by_workers(tmp_path: Path) -> None:
    result, local = solved_on_cluster("again", local_shards(tmp_path / "shards")), solved("again")
    assert result.backups is not None and local.backups is not None
    expected = local.backups.to_arrow()
    files = result.backups.write_on_workers(tmp_path / "backups")
    assert len(files) > 1
    assert pa.concat_tables(map(pq.read_table, files)).equals(expected)
    assert (len(result.backups), result.backups.customers) == (
        len(expected),
        local.backups.customers,
    )
    number = int(np.flatnonzero(np.diff(local.campaign.candidates.indptr))[5])
    customer = local.campaign.candidates.customers[number].as_py()
    assert result.explain(customer).as_dict() == local.explain(customer).as_dict()
    assert "backups" in result.summary()
    with pytest.raises(Unsupported, match="workers write those of a ClusterCampaign"):
        local.backups.write_on_workers(tmp_path / "more")


def test_what_messages_cost_is_summed_without_rounding() -> None:
    random = np.random.default_rng(2)
    values = random.normal(size=5_000) * 10.0 ** random.integers(-12, 12, 5_000)
    assert float(exact_sum(values)) == math.fsum(values)
    assert exact_sum(values[:900]) + exact_sum(values[900:]) == exact_sum(values)
    assert exact_sum(np.zeros(0)) == 0


def test_heads_are_counted_where_customers_are_stated(tmp_path: Path) -> None:
    """And not again."""
    campaign, engine = KINDS["heads"](), local_shards(tmp_path / "heads")
    stated = on_cluster(campaign, engine)
    assert stated.data.heads.sort_by("segment").to_pydict() == {
        "segment": ["gold", "new", "silver"],
        "heads": [
            sum(one == segment for one in campaign.data.customers["segment"].to_pylist())
            for segment in ("gold", "new", "silver")
        ],
    }
    other = Limit("by slots", relative_to={"customers": {"slots": [1]}}, per_head=True, max=9)
    with pytest.raises(InvalidInput, match=r"^limit 'by slots': per_head: expected .* \['slots'\]"):
        stated.changed(add_limits=[other])
    again = ClusterCampaign(engine, campaign.offers, rules=campaign.rules, limits=campaign.limits)
    assert again.data.heads.equals(stated.data.heads)
    few = on_cluster(segments(), local_shards(tmp_path / "none"))
    with pytest.raises(InvalidInput, match=r"^limit 'by slots': per_head: expected"):
        few.changed(add_limits=[other])


def test_a_plan_before(tmp_path: Path) -> None:
    """Counted where customers are stated, and not again; what is to stay of it is what it is on one machine."""
    rows = {"customer": [3, 1, 2, 1], "offer": [1, 2, 1, 1], "value": [1.0, 2.0, 3.0, 4.0]}
    offers, one = {"offer": [1, 2]}, [CustomerRule("one", max=1)]
    last = {"customer": [1, 2, 9], "offer": [2, 1, 1]}
    plan, engine = PreviousPlan(last, keep=1, gone=2), local_shards(tmp_path, 1)
    local = Campaign(offers, rows, rules=one, previous=plan)
    campaign = ClusterCampaign(engine, offers, rows, rules=one, previous=plan)
    for made in (campaign, ClusterCampaign(engine, offers, rules=one, previous=plan)):
        assert made.data.previous == local.data.previous == (5, 2)
        assert made.limits == local.limits
        result, there = local.solve(), made.solve()
        assert there.previous == result.previous and there.previous["stayed"] == 2
        assert fingerprint(there) == fingerprint(result)
    assert [limit.name for limit in ClusterCampaign(engine, offers, rules=one).limits] == []
    wrong: dict[str, PreviousPlan] = {
        "previous: keep": PreviousPlan(last, keep=3),
        "table previous: the pair of customer 1 and offer 2 is there twice": PreviousPlan(
            {"customer": [1, 1], "offer": [2, 2]}
        ),
        "table previous: .*column 'offer'": PreviousPlan({"customer": [1]}),
        "table previous": PreviousPlan({"customer": ["a"], "offer": [1]}),
        "previous: expected a PreviousPlan": last,  # type: ignore[dict-item]
    }
    for said, asked in wrong.items():
        with pytest.raises(InvalidInput, match=f"^{said}"):
            ClusterCampaign(local_shards(tmp_path / "wrong", 1), offers, rows, previous=asked)
    with pytest.raises(InvalidInput, match="there is one of that name already"):
        ClusterCampaign(
            local_shards(tmp_path / "wrong", 1), offers, rows | {"previous": [1] * 4}, previous=plan
        )
    none = local_shards(tmp_path / "none", 1)
    ClusterCampaign(none, offers, rows)
    with pytest.raises(InvalidInput, match="stated without an earlier plan"):
        ClusterCampaign(none, offers, previous=plan)
