"""Properties of whole campaigns that Hypothesis draws: a few here, many by `python -m tests.fuzz.properties`."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from tests.fuzz.drawing import draw_from
from tests.fuzz.properties import PROPERTIES

from couponry.utils.errors import InvalidInput

EXAMPLES = 3
"""Of each property: each is two solves or three."""


@pytest.mark.parametrize("name", PROPERTIES)
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    database=None,
    phases=[Phase.generate],  # in the suite a failure is said at once; shrink it by hand
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(source=st.randoms(use_true_random=False))
def test_property(name: str, source: random.Random) -> None:
    small = draw_from(source)
    try:
        wrong = PROPERTIES[name](small, source)
    except InvalidInput:
        assume(False)
    assert not wrong, small.script()
