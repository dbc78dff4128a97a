"""A user's script: type checkers find nothing wrong in it, but for the lines that say so; and it runs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any, assert_type

import polars

import couponry as cp

offers = polars.DataFrame({"offer": ["tea", "jam"], "supplier": ["A", "B"]})
candidates = {"customer": [1, 1, 2], "offer": ["tea", "jam", "tea"], "value": [2.0, 1.0, 3.0]}
rules = [cp.CustomerRule("two", max=2)]
of_each: list[cp.CustomerRule] = [cp.CustomerRule("one", max=1, each="customer")]
limits = [
    cp.Limit("tea", where={"offer": "tea"}, max=1),
    cp.Limit("wish", min=9, mode="soft", penalty=0.1),
]
campaign = cp.Campaign(offers, candidates, rules=rules, limits=limits)
assert_type(campaign, cp.Campaign)


class Streamed:
    """What has the Arrow stream protocol and nothing else."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
        return polars.DataFrame(candidates).__arrow_c_stream__()


def batches() -> Iterator[Streamed]:
    yield Streamed()


lazy = cp.Campaign(offers.lazy(), Streamed(), customers={"customer": [1, 2]}, limits=limits)
assert lazy.solve().objective == campaign.solve().objective


def on_event(event: cp.ProgressEvent) -> None:
    assert_type(event.gap, float | None)


token = cp.CancelToken()
result = campaign.solve(progress=on_event, cancel=token, backend="native")
assert_type(result, cp.Result)
assert_type(result.objective, float | None)
assert_type(result.explain(1).given, tuple[cp.Decision, ...])
assert_type(result.by("supplier", table="offers").to_polars(), polars.DataFrame)
assert_type(result.binding().to_pylist(), list[dict[str, Any]])
assert_type(result.what_if(limits={"tea": {"max": "+10 %"}}, gap=1e-3), cp.Comparison)
assert_type(
    campaign.what_if(result, limits={("tea", None): {"max": 2}}, rules={"two": {"max": 1}}),
    cp.Comparison,
)
assert_type(result.frontier("tea", factors=[1.0, 2.0], side="max").to_polars(), polars.DataFrame)
assert_type(result.price_ranges("tea").to_polars(), polars.DataFrame)
if result.limits is not None and result.allocation is not None:
    assert polars.DataFrame(result.limits).height == len(result.limits)
    assert polars.DataFrame(result.allocation).height == len(result.allocation)
with tempfile.TemporaryDirectory() as folder:
    saved = result.save(f"{folder}/out")
    assert_type(cp.read_result(saved, campaign), cp.Result)
with cp.watch(progress=True, cancel=token):
    pass


def wrong() -> None:
    """What a type checker refuses, and couponry, too, when it runs."""
    cp.Campaign(3, candidates)  # type: ignore[arg-type]
    cp.Campaign(offers, [1, 2])  # type: ignore[arg-type]
    cp.Limit("soft", max=1, mode="sfot")  # type: ignore[arg-type]
    cp.CustomerRule("each", max=1, each="person")  # type: ignore[arg-type]
    campaign.solve(backend="nativ")  # type: ignore[arg-type]
    campaign.solve(progress="yes")  # type: ignore[arg-type]
    campaign.solve(cancel=True)  # type: ignore[arg-type]
    result.by("supplier", table="offer")  # type: ignore[arg-type]
    result.what_if(limit={"tea": {"max": 1}})  # type: ignore[call-arg]
    print(result.limitz)  # type: ignore[attr-defined]
