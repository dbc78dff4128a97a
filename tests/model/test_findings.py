"""What a campaign says and its user may not have meant: errors before the solve, warnings, notes."""

from __future__ import annotations

import copy
import json
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import couponry
from couponry import Campaign, CampaignWarning, CustomerRule, Finding, InvalidInput, Limit

CUSTOMERS = 30
OFFERS: dict[str, Any] = {
    "offer": ["a", "b", "c", "d"],
    "channel": ["mail", "email", "mail", None],
    "supplier": ["acme", "bravo", "corner", "acme"],
    "margin": [2.0, 3.0, 4.0, 1.0],
    "face_value": [0.5, 1.0, 0.75, 1.0],
    "size": [1.0, 2.0, 3.0, 4.0],
}
RESPONSE = np.random.default_rng(3).uniform(0.1, 0.9, 3 * CUSTOMERS)
CANDIDATES: dict[str, Any] = {
    "customer": np.repeat(np.arange(CUSTOMERS), 3),
    "offer": ["a", "b", "c"] * CUSTOMERS,
    "response": RESPONSE,
}
SEGMENTS = {
    "customer": np.arange(CUSTOMERS + 5),
    "segment": ["gold", "silver"] * 17 + ["bronze"],
}


def without(table: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: column for name, column in table.items() if name not in names}


def renamed(table: dict[str, Any], **names: str) -> dict[str, Any]:
    return {names.get(name, name): column for name, column in table.items()}


def made(
    *parts: Limit | CustomerRule,
    offers: Any = OFFERS,
    candidates: Any = CANDIDATES,
    customers: Any = SEGMENTS,
    history: Any = None,
    **options: Any,
) -> Campaign:
    limits = [part for part in parts if isinstance(part, Limit)]
    rules = [part for part in parts if isinstance(part, CustomerRule)]
    return Campaign(offers, candidates, customers, history, rules=rules, limits=limits, **options)


COST = Limit("budget", sum="cost", max=5.0)
SOFT = {"mode": "soft", "penalty": 1.0}
ERRORS: dict[str, tuple[Campaign, str]] = {
    "letters that changed places": (
        made(Limit("L", where={"channel": "mial"}, max=3)),
        "limit 'L': where 'channel': 'mial' does not occur in column 'channel' of offers, so that it would concern "
        "nothing; did you mean 'mail'? (it has: mail, email)",
    ),
    "another case": (made(Limit("L", where={"channel": "Mail"}, max=3)), "did you mean 'mail'?"),
    "one of several": (
        made(Limit("L", where={"channel": ["mial", "email"]}, max=3)),
        "'mial' does not occur in column 'channel' of offers; did you mean 'mail'?",
    ),
    "a soft limit": (made(Limit("L", where={"channel": "mial"}, max=3, **SOFT)), "did you mean 'mail'?"),
    "a rule": (
        made(CustomerRule("R", where={"channel": "mial"}, max=1)),
        "customer_rule 'R': where 'channel': 'mial'",
    ),
    "customers": (
        made(Limit("L", customers={"segment": "glod"}, max=3)),
        "limit 'L': customers 'segment': 'glod' does not occur in column 'segment' of customers",
    ),
    "a channel that nothing has": (
        made(Limit("L", where={"channel": "kiosk"}, max=3)),
        "would concern nothing; if that is meant, say may_be_empty (it has: mail, email)",
    ),
    "channels that nothing has": (
        made(Limit("L", where={"channel": ["kiosk", "till"]}, max=1)),
        "'kiosk' and 1 more of its values do not occur",
    ),
    "a fraction among numbers": (made(Limit("L", where={"size": 2.5}, max=3)), "2.5 does not occur"),
    "a group of bounds": (
        made(Limit("L", by="supplier", table={"supplier": ["bravo", "corne"], "max": [1.0, 2.0]})),
        "table of limit 'L', column 'supplier': 'corne' does not occur in column 'supplier' of offers; did you mean",
    ),
    "no group of bounds": (
        made(Limit("L", by="supplier", table={"supplier": ["x", "y"], "max": [1.0, 2.0]})),
        "none of its values occurs",
    ),
    "no bounds": (
        made(Limit("L", by="supplier", table=pa.table({"supplier": ["x"], "max": [1.0]})[:0])),
        "it has no bounds",
    ),
    "facevalue": (
        made(COST, offers=renamed(OFFERS, face_value="facevalue")),
        "table offers, column 'facevalue': nothing asks for it, and there is no column 'face_value'",
    ),
    "faceValue": (made(COST, offers=renamed(OFFERS, face_value="faceValue")), "did you mean 'face_value'?"),
    "no cost at all": (
        made(COST, offers=without(OFFERS, "face_value")),
        "limit 'budget': sum: the cost would be 0 whatever is given: there is no column 'cost', 'issue_cost' or",
    ),
    "cost without response": (
        made(COST, candidates={**without(CANDIDATES, "response"), "value": RESPONSE}),
        "a cost of face_value needs a column 'response'",
    ),
    "a ratio to no cost": (
        made(Limit("R", ratio=("value", "cost"), min=2.0), offers=without(OFFERS, "face_value")),
        "limit 'R': ratio: the cost would be 0",
    ),
    "margn": (made(offers=renamed(OFFERS, margin="margn")), "table offers, column 'margn'"),
    "vaule": (
        made(candidates={**CANDIDATES, "vaule": RESPONSE}),
        "table candidates, column 'vaule': nothing asks for it, and there is no column 'value'",
    ),
    "mandatroy": (
        made(candidates={**CANDIDATES, "mandatroy": [False, False, True] * CUSTOMERS}),
        "did you mean 'mandatory'?",
    ),
    "a column of the history": (
        made(
            CustomerRule("R", where={"channel": "mail"}, max=1, history=True),
            history={"customer": [1], "offer": ["b"], "chanel": ["mail"]},
        ),
        "table history, column 'chanel'",
    ),
    "a condition on the history": (
        made(CustomerRule("R", max=1, history={"redemed": True}), history={"customer": [1], "redeemed": [True]}),
        "customer_rule 'R': history: table history has no column 'redemed'; did you mean 'redeemed'?",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_what_cannot_be_meant_is_refused_before_the_solve(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign, message = ERRORS[case]
    first = campaign.check()[0]
    assert first.severity == "error" and message in first.text and len(first.text) < 300
    monkeypatch.setattr("couponry.results.solve.local_engine", None)  # nothing is solved
    with pytest.raises(InvalidInput) as caught:
        campaign.solve()
    assert str(caught.value) == first.text
    with pytest.raises(InvalidInput):
        campaign.compile()


REFUSED: dict[str, tuple[list[Any], str]] = {
    "two limits of one name": ([Limit("x", max=1), Limit("x", max=2)], "limit 1 is called 'x', too"),
    "two rules of one name": (
        [CustomerRule("x", max=1), CustomerRule(max=3), CustomerRule("x", by="supplier", max=1)],
        "rules: rule 3: expected a name of its own, but rule 1 is called 'x', too",
    ),
    "limit 7": ([Limit(7, max=1)], "limits: limit 1: name: expected text, got 7"),  # type: ignore[arg-type]
    "rule 7": ([CustomerRule(7, max=1)], "rules: rule 1: name: expected text, got 7"),  # type: ignore[arg-type]
    "no name": ([Limit(None, max=1)], "name: expected text, got None"),  # type: ignore[arg-type]
    "sum and ratio": ([Limit("x", sum="cost", ratio=("value", "cost"), min=1)], "sum or ratio"),
    "may_be_empty": ([Limit("x", max=1, may_be_empty="no")], "may_be_empty: expected true or"),  # type: ignore[arg-type]
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_parts_that_make_no_campaign(case: str) -> None:
    parts, message = REFUSED[case]
    with pytest.raises(InvalidInput, match=message):
        made(*parts)


def test_names_that_are_given_leave_no_two_alike() -> None:
    limits = made(Limit("limit 2", max=1), Limit(max=2), Limit(max=3)).limits
    assert [limit.name for limit in limits] == ["limit 2", "limit 3", "limit 4"]
    with pytest.raises(InvalidInput, match="campaign: name: expected text, got 7"):
        made(name=7)
    with pytest.raises(InvalidInput, match="limit 1 is called 'x', too"):
        made(Limit("x", max=1)).changed(add_limits=[Limit("x", max=2)])


FOUND: dict[str, tuple[Campaign, str, str]] = {
    "one of several is not there": (
        made(Limit("L", where={"channel": ["mail", "kiosk"]}, max=3)),
        "warning",
        "'kiosk' does not occur in column 'channel' of offers (it has: mail, email)",
    ),
    "a soft limit about nothing": (
        made(Limit("L", where={"channel": "kiosk"}, max=3, **SOFT)),
        "warning",
        "so that it would concern nothing",
    ),
    "nothing, as was said": (
        made(Limit("L", where={"channel": "kiosk"}, max=3, may_be_empty=True)),
        "note",
        "'kiosk' does not occur",
    ),
    "a rule about nothing": (
        made(CustomerRule("R", where={"channel": "kiosk"}, max=1)),
        "warning",
        "where 'channel': 'kiosk' does not occur in column 'channel' of offers, so that it would concern nothing",
    ),
    "both occur, but not together": (
        made(Limit("L", where={"channel": "email", "supplier": "acme"}, max=3)),
        "warning",
        "limit 'L': no candidate fulfils its conditions: it concerns nothing",
    ),
    "no offer in the range": (
        made(CustomerRule("R", where={"size": {"min": 10}}, max=1)),
        "warning",
        "customer_rule 'R': no candidate fulfils its conditions: it concerns nobody",
    ),
    "customers without candidates": (
        made(Limit("L", customers={"segment": "bronze"}, max=3)),
        "warning",
        "limit 'L': no customer who has candidates fulfils its conditions",
    ),
    "a limit that cannot bind": (
        made(Limit("L", where={"channel": "mail"}, max=60)),
        "note",
        "limit 'L': max: it can never bind: at most 60 can be reached",
    ),
    "a limit on cost that cannot bind": (made(Limit("L", sum="cost", max=1e6)), "note", "never bind"),
    "a min that cannot bind": (
        made(Limit("L", min=0)),
        "note",
        "limit 'L': min: it can never bind: at least 0 can be reached",
    ),
    "a min that cannot be reached": (
        made(Limit("L", where={"channel": "mail"}, min=61)),
        "warning",
        "limit 'L': min: 61 cannot be reached: at most 60 can",
    ),
    "because of the rules": (
        made(Limit("L", min=31), CustomerRule("one", max=1)),
        "warning",
        "limit 'L': min: 31 cannot be reached: at most 30 can",
    ),
    "of a segment": (
        made(Limit("L", customers={"segment": "gold"}, min=46)),
        "warning",
        "limit 'L': min: 46 cannot be reached: at most 45 can",
    ),
    "of a group": (
        made(Limit("L", by="supplier", min=31)),
        "warning",
        "min: 31 of supplier 'acme' (and so in 2 more groups) cannot be reached: at most 30 can",
    ),
    "a max that cannot be kept": (made(Limit("L", max=-1)), "warning", "max: -1 cannot be reached: at least 0 can"),
    "zeros": (
        made(Limit("L", sum="zero", max=1), offers={**OFFERS, "zero": [0.0] * 4}),
        "warning",
        "limit 'L': 'zero' is 0 for everything that it sums",
    ),
    "bounds of others": (
        made(Limit("L", by="supplier", table={"supplier": ["acme", "zeta"], "max": [3.0, 9.0]})),
        "note",
        "table of limit 'L', column 'supplier': no offer is of supplier 'zeta'",
    ),
    "no bounds for some": (
        made(Limit("L", by="supplier", table={"supplier": ["acme"], "max": [3.0]})),
        "note",
        "no bounds for 'bravo', 'corner'",
    ),
    "a rule that cannot bind": (
        made(CustomerRule("R", by="channel", max=2)),
        "note",
        "customer_rule 'R': max: it can never bind: nobody has more than 2 candidates that it is about",
    ),
    "slots that nobody fills": (made(CustomerRule("R", max=16)), "note", "nobody has more than 3 candidates"),
    "a rule that asks for nothing": (made(CustomerRule("R", min=0)), "warning", "a min of 0 asks for nothing"),
    "no conflicts": (
        made(CustomerRule("R", conflicts={"offer_a": pa.array([], pa.string()), "offer_b": pa.array([], pa.string())})),
        "warning",
        "customer_rule 'R': conflicts: the table names no pair",
    ),
    "the same twice": (
        made(Limit("L", max=3), Limit("M", max=3)),
        "warning",
        "limit 'M': it says the same as limit 'L'",
    ),
    "a penalty of a hard limit": (
        made(Limit("L", max=3, penalty=1.0)),
        "warning",
        "limit 'L': penalty: it has no effect: the limit is hard, not soft",
    ),
    "no margin": (
        made(offers=without(OFFERS, "margin")),
        "warning",
        "objective: there is no column 'value', and none 'margin' that it could follow from",
    ),
    "worth nothing": (
        made(candidates={**CANDIDATES, "value": [0.0] * 3 * CUSTOMERS}),
        "warning",
        "objective: the value of every candidate is 0: nothing will be given",
    ),
    "worth less than nothing": (
        made(Limit("L", min=5), candidates={**CANDIDATES, "value": [-1.0] * 3 * CUSTOMERS}),
        "note",
        "objective: no candidate has a value above 0",
    ),
    "the same response": (
        made(candidates={**CANDIDATES, "response": [0.5] * 3 * CUSTOMERS}),
        "note",
        "column 'response': it is 0.5 for every candidate",
    ),
    "an offer for nobody": (made(), "note", "table offers: 1 of 4 offers have no candidates: 'd'"),
    "customers for nothing": (made(), "note", "table customers: 5 of 35 customers have no candidates"),
    "other customers": (
        made(customers={"customer": ["007"], "segment": ["gold"]}),
        "warning",
        "table customers: it has none of the customers of table candidates: strings here, integers there",
    ),
    "another history": (
        made(CustomerRule("R", max=1, history=True), history={"customer": [999], "offer": ["a"]}),
        "warning",
        "table history: it has no effect: none of its customers has candidates",
    ),
    "a history that no rule counts": (
        made(CustomerRule("R", max=1), history={"customer": [1], "offer": ["a"]}),
        "warning",
        "table history: it has no effect: no customer rule counts it",
    ),
    "a rule that counts this plan alone": (
        made(CustomerRule("R", max=1), history={"customer": [1], "offer": ["a"]}),
        "note",
        "customer_rule 'R': it counts this plan alone, as it says nothing of days; "
        "say history = true or history = false",
    ),
    "customers whom nobody is": (
        made(CustomerRule("R", max=1, customers={"segment": "staff"})),
        "warning",
        "customer_rule 'R': customers 'segment': 'staff' does not occur in column 'segment' of customers",
    ),
    "a history for nothing": (
        made(history={"customer": [1], "offer": ["a"]}),
        "warning",
        "table history: it has no effect: there is no customer rule",
    ),
    "a misspelt column without effect": (
        made(candidates={**CANDIDATES, "csot": RESPONSE}),
        "warning",
        "table candidates, column 'csot': nothing asks for it, and there is no column 'cost'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FOUND)
def test_what_may_be_a_mistake_is_found(case: str) -> None:
    campaign, severity, message = FOUND[case]
    found = [finding for finding in campaign.check() if message in finding.text]
    assert [finding.severity for finding in found] == [severity], campaign.check()


QUIET = {
    "values that occur": [Limit("L", where={"channel": ["mail", "email"]}, max=3)],
    "values of the history": [CustomerRule("R", where={"channel": "till"}, max=1, history=True)],
    "list of customers": [Limit("L", customers={"customer": np.arange(CUSTOMERS)}, max=3)],
    "report": [Limit("L", mode="report")],
    "a promise": [Limit("L", by="supplier", table={"supplier": ["acme", "bravo", "corner"], "min": [1.0, 2.0, 3.0]})],
    "ratio": [Limit("R", ratio=("value", "cost"), min=2.0)],
}  # fmt: skip


@pytest.mark.parametrize("case", QUIET)
def test_what_is_meant_is_not_found(case: str) -> None:
    history = {"customer": [1], "channel": ["till"], "offer": ["z"]} if "history" in case else None
    found = made(*QUIET[case], history=history).check()  # type: ignore[arg-type]
    labels = tuple(part.label for part in QUIET[case])  # type: ignore[attr-defined]
    said = [finding for finding in found if finding.place.startswith(labels)]
    if case != "values of the history":
        assert not said
    else:  # the rule counts what customers have had, and nothing of this campaign
        assert [finding.severity for finding in said] == ["warning"]


def test_categories_are_meant_whether_an_offer_has_them_or_not() -> None:
    channel = pd.Categorical(OFFERS["channel"], categories=["mail", "email", "kiosk"])
    offers = pd.DataFrame({**OFFERS, "channel": channel})
    found = made(Limit("L", where={"channel": "kiosk"}, max=3), offers=offers).check()
    assert not [finding for finding in found if finding.severity == "error"]


def test_check_lists_what_compiling_refuses() -> None:
    campaign = made(Limit("L", sum="marign", max=3), Limit("M", where={"channel": "mial"}, max=1))
    errors = [finding for finding in campaign.check() if finding.severity == "error"]
    assert [finding.place for finding in errors] == ["limit 'M': where 'channel'", "limit 'L'"]
    assert "did you mean 'margin'?" in errors[1].message


def test_messages_list_all_columns_of_the_table(tmp_path: Path) -> None:
    table = pa.table({"cust": [1], "offer": ["a"], "colour": ["red"]})
    pq.write_table(table, tmp_path / "candidates.parquet")
    for candidates in (table, str(tmp_path / "candidates.parquet"), iter([table])):
        with pytest.raises(InvalidInput, match="'customer', got cust, offer, colour"):
            made(candidates=candidates)
    campaign = made(Limit("L", sum="wieght", max=3), candidates={**CANDIDATES, "weight": RESPONSE})
    with pytest.raises(InvalidInput, match=r"did you mean 'weight'\? \(known: customer, offer,"):
        campaign.solve()
    later = made(candidates={**CANDIDATES, "weight": RESPONSE})
    with pytest.raises(InvalidInput, match="has not read a column 'weight': nothing summed it"):
        later.with_limits([Limit("L", sum="weight", max=3)])


def test_python_warns_once_of_each_and_the_result_keeps_all(tmp_path: Path) -> None:
    campaign = made(Limit("L", max=3, penalty=1.0), Limit("M", where={"channel": "mail"}, max=60))
    with pytest.warns(CampaignWarning) as caught:
        result = campaign.solve()
    assert [str(warning.message) for warning in caught] == [
        "limit 'L': penalty: it has no effect: the limit is hard, not soft"
    ]
    assert caught[0].filename == __file__
    assert "warning      limit 'L': penalty" in result.summary()
    assert {finding.severity for finding in result.findings} == {"warning", "note"}
    written = result.write(tmp_path / "out")
    content = json.loads((written / "result.json").read_text())
    assert content["findings"] == [finding.to_dict() for finding in result.findings]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made(Limit("M", where={"channel": "mail"}, max=60)).solve()  # notes are no warnings


def test_a_finding_is_a_value() -> None:
    finding = Finding("note", "limit 'L': max", "it can never bind\n")
    assert str(finding) == r"note: limit 'L': max: it can never bind\n"
    assert Finding(**finding.to_dict()) == finding and hash(finding)
    assert repr(finding).startswith("Finding(severity='note', place=")


def test_may_be_empty_is_written_and_read(tmp_path: Path) -> None:
    limit = Limit("L", where={"channel": np.array(["kiosk"])}, max=3, may_be_empty=True)
    rule = CustomerRule("R", where={"channel": "kiosk"}, max=3, may_be_empty=True)
    campaign = made(limit, rule, Limit("M", max=3))
    couponry.write_campaign(campaign, tmp_path / "folder")
    back = couponry.read_campaign(tmp_path / "folder")
    assert back.limits == campaign.limits and back.rules == campaign.rules
    assert (tmp_path / "folder" / "campaign.toml").read_text().count("may_be_empty") == 2


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_compiled_campaign_can_be_copied(copied: Any) -> None:
    campaign = made(Limit("L", max=20), CustomerRule("R", max=1))
    objective = campaign.solve(gap=0).objective
    assert copied(campaign).solve(gap=0).objective == objective
    compiled = copied(campaign.compile())
    assert compiled.problem.shard.item.tolist() == campaign.compile().problem.shard.item.tolist()
    compiled.effects()
