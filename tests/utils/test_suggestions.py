"""Which name an unknown one may have meant, and which can only be a slip."""

import doctest

import pytest

from couponry.utils import suggestions
from couponry.utils.suggestions import did_you_mean, known_names, listed, misspelt


def test_a_near_name_is_suggested_and_a_far_one_is_not():
    assert did_you_mean("penality", ["min", "penalty"]) == "; did you mean 'penalty'?"
    assert did_you_mean("PENALTY", ["min", "penalty"]) == "; did you mean 'penalty'?"
    assert did_you_mean("colour", ["min", "penalty"]) == ""
    assert did_you_mean(7, ["7"]) == "" and did_you_mean("seven", [7, None]) == ""


def test_the_list_of_known_names_is_short():
    assert known_names("x", []) == " (known: none)"
    assert known_names("mni", ["min", 7]) == "; did you mean 'min'? (known: min, 7)"
    assert len(listed(range(10**5))) < 150 and listed(range(10**5)).endswith(" more")
    assert len(listed(["x" * 10**6])) < 50


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("mial", "mail"),
        ("Mail", "mail"),
        (" mail", "mail"),
        ("e mail", "E-Mail"),
        ("mai", "mail"),
        ("maill", "mail"),
        ("facevalue", "face_value"),
        ("issue_csot", "issue_cost"),
        ("margn", "margin"),
        ("margins", "margin"),
        ("silver club", "silvr club"),
    ],
)
def test_slips(name, known):
    assert misspelt(name, ["x", 7, None, known]) == known


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("email", "mail"),  # another channel
        ("A", "B"),
        ("tea-50", "tea-75"),
        ("p10", "p11"),
        ("brand-b", "brand-a"),
        ("2024", "2025"),
        ("mail", "mail"),
        ("gold", "silver"),
        (7, "7"),
        ("liam", "mail"),
    ],
)
def test_what_is_no_slip(name, known):
    assert misspelt(name, [known]) is None


def test_examples_run():
    assert doctest.testmod(suggestions).attempted > 0 and doctest.testmod(suggestions).failed == 0
