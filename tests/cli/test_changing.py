"""what-if, frontier and compare say what their methods say, from files alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.cli.conftest import Solved
from tests.conftest import Ran

import couponry
from couponry.analysis.moved_coupons import moved_coupons
from couponry.cli.bounds import frontier_bounds, limit_changes
from couponry.results.allocation import Allocation

Run = Callable[..., Ran]


def test_what_if(run: Run, solved: Solved) -> None:
    ran = run(
        "what-if", *solved, "--limit", "cost.max=+10%", "--limit", "cap.max=12", "--json", "--quiet"
    )
    assert ran.status == 0 and ran.err == ""
    said = json.loads(ran.out)
    result = couponry.read_result(solved.out, solved.folder)
    expected = result.what_if(limits={"cost": {"max": "+10%"}, "cap": {"max": 12}})
    assert said["after"]["objective"] == expected.after.objective
    assert said["gain"] == expected.gain and said["gain_range"] == list(expected.gain_range or ())
    assert said["moved"] == vars(expected.moved)
    bounds = {row["name"]: row["max_after"] for row in said["limits"] if row["group"] is None}
    assert bounds == {"cap": 12.0, "cost": pytest.approx(2.64)}
    text = run("what-if", *solved, "--drop-limit", "cost").out
    assert text.startswith("before ") and "\ngain " in text


def test_what_if_that_is_infeasible(run: Run, solved: Solved) -> None:
    ran = run("what-if", *solved, "--limit", "cap.min=15", "--limit", "cost.max=0.001")
    assert ran.status == 3 and "infeasible" in ran.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ([], "expected --limit or --drop-limit, got neither"),
        (["--limit", "cost"], "--limit: expected a bound such as NAME.max=+10%, got 'cost'"),
        (["--limit", "cost.most=1"], "got 'cost.most=1'"),
        (["--limit", "cots.max=1"], "did you mean 'cost'"),
        (["--limit", "cost.max=many"], "expected a number, None or a change such as '+5 %'"),
        (["--limit", "supplies[9].max=1"], "the limit has no table of bounds by group"),
    ],
)
def test_what_if_refuses(options: list[str], says: str, run: Run, solved: Solved) -> None:
    ran = run("what-if", *solved, "--quiet", *options)
    assert ran.status == 2 and says in ran.err and ran.err.count("\n") == 1 and ran.out == ""


def test_frontier(run: Run, solved: Solved) -> None:
    said = json.loads(run("frontier", *solved, "--limit", "cost.max=50%:100%:3", "--json").out)
    assert (said["limit"], said["side"], said["group"]) == ("cost", "max", None)
    result = couponry.read_result(solved.out, solved.folder)
    expected = result.frontier("cost", factors=[0.5, 0.75, 1.0])
    assert said["points"] == expected.to_arrow().to_pylist()
    text = run("frontier", *solved, "--limit", "cost.max=1.2,1.6").out
    assert text.startswith("max of limit 'cost'") and text.count("optimal") == 2
    ran = run("frontier", *solved, "--limit", "supplies[2].max=10:20:2")
    assert "has one bound for all of its groups" in ran.err


def test_bounds_of_commands() -> None:
    names = ["a", "b[x]", "a.b"]
    texts = [
        "a.max=-5%",
        "a.min= 2",
        "b[x].max=none",
        "b[x].min=+200",
        "a.b[g].min=1e3",
        "a[].max=3",
    ]
    changes: dict[Any, Any] = {
        "a": {"max": "-5%", "min": 2.0}, "b[x]": {"max": None, "min": "+200"},
        ("a.b", "g"): {"min": 1000.0}, ("a", ""): {"max": 3.0},
    }  # fmt: skip
    assert limit_changes(texts, names) == changes
    about = {"side": "max", "group": None}
    assert frontier_bounds("a.max=1:2:3", names) == ("a", {**about, "bounds": [1.0, 1.5, 2.0]})
    assert frontier_bounds("a.max=80%,90 %", names) == ("a", {**about, "factors": [0.8, 0.9]})
    for text in (
        "a.max=1:2",
        "a.max=1:2:1",
        "a.max=1:2:x",
        "a.max=1:2:9999",
        "a.max=1,80%",
        "a.max=,",
    ):
        with pytest.raises(couponry.InvalidInput, match="from, to and how many"):
            frontier_bounds(text, names)


def test_compare(run: Run, solved: Solved, tmp_path: Path) -> None:
    result = couponry.read_result(solved.out, solved.folder)
    expected = result.what_if(limits={"cost": {"max": 1.6}})
    expected.after.write(tmp_path / "other")  # type: ignore[attr-defined]
    said = json.loads(run("compare", solved.out, tmp_path / "other", "--json").out)
    assert said["moved"] == vars(expected.moved) and said["gain"] == expected.gain
    assert said["limits"] == expected.limits.to_pylist()
    same = json.loads(run("compare", solved.out, solved.out, "--json").out)
    assert same["moved"] == {"customers": 0, "come": 0, "gone": 0} and same["gain"] == 0


@pytest.mark.filterwarnings("ignore::couponry.CampaignWarning")
def test_compare_with_results_without_an_allocation(
    run: Run, solved: Solved, tmp_path: Path
) -> None:
    result = couponry.read_result(solved.out, solved.folder)
    changed = couponry.Campaign.from_data(result.campaign).changed(
        limits={"cost": {"min": 99.0, "max": None}}
    )
    hopeless = changed.solve().save(tmp_path / "hopeless")
    said = json.loads(run("compare", solved.out, hopeless, "--json").out)
    assert (
        said["moved"] is None and said["gain"] is None and said["after"]["status"] == "infeasible"
    )
    ran = run("compare", hopeless, hopeless)
    assert ran.status == 0 and ran.out.count("infeasible: cannot hold") == 2


class Batches:
    """Rows of an allocation in batches of some sizes."""

    def __init__(self, pairs: list[tuple[Any, int]], sizes: list[int]):
        kind = pa.string() if pairs and isinstance(pairs[0][0], str) else pa.int32()
        self.schema = pa.schema([("customer", kind), ("offer", pa.int16())])
        columns = [[c for c, _ in pairs], [o for _, o in pairs]]
        self.table = pa.table(columns, schema=self.schema)
        self.sizes, self.coupons, self.customers = sizes, len(pairs), 0

    def batches(self) -> Any:
        start, number = 0, 0
        while start < len(self.table):
            size = self.sizes[number % len(self.sizes)]
            batch = self.table.slice(start, size).combine_chunks()
            yield pa.record_batch([c.combine_chunks() for c in batch.columns], schema=self.schema)
            start, number = start + size, number + 1


@pytest.mark.parametrize("seed", range(12))
def test_moved_coupons_whatever_the_batches(seed: int) -> None:
    rng = np.random.default_rng(seed)
    text = seed % 3 == 0
    sides = []
    for share in (0.5, rng.choice([0.0, 0.1, 0.9])):
        given = np.argwhere(rng.random((30, 6)) < share).tolist()
        sides.append([(f"é{c:02}" if text else c, o) for c, o in given])
    was, now = map(set, sides)
    sizes = [rng.integers(0 if n else 1, 9, 3).tolist() for n in range(2)]
    if not any(sizes[1]):
        sizes[1] = [1]
    found = moved_coupons(
        *(Allocation(Batches(side, size)) for side, size in zip(sides, sizes, strict=True) if side)
    ) if all(sides) else None  # fmt: skip
    if found is not None:
        assert (found.come, found.gone) == (len(now - was), len(was - now))
        assert found.customers == len({customer for customer, _ in now ^ was})


def test_moved_coupons_of_ids_of_two_kinds() -> None:
    one, other = (Allocation(Batches([(key, 1)], [1])) for key in (1, "1"))
    with pytest.raises(couponry.InvalidInput, match="ids of one kind"):
        moved_coupons(one, other)
