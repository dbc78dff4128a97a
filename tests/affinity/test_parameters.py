"""Models as other tools take them: arguments by name, copies, texts, pickles, and what is said before a fit."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.affinity.test_scores import GROUPS, shop, split

from couponry import InvalidInput
from couponry.affinity import (
    Assortment,
    BoostedTrees,
    CandidateModel,
    DiscoveryModel,
    JointModel,
    LogisticRegression,
    PersonalModel,
    RepeatScore,
    ResponseModel,
)

ASSORTMENT = Assortment(pa.table({"offer": np.arange(5), "product": np.arange(5)}))


def models() -> list[Any]:
    """One of each kind, with arguments that are not the usual ones."""
    personal = PersonalModel(GROUPS, ridge=3.0, by_customer=True)
    money = (np.ones(5), np.full(5, 0.5))
    response = ResponseModel({"intercept": -1.0, "p0": 0.5})
    discovery = DiscoveryModel(GROUPS, items=30, keep=8)
    return [
        JointModel(personal, discovery),
        LogisticRegression(ridge=2.0, most_steps=7),
        BoostedTrees(trees=9, monotone={"x0": 1}),
        RepeatScore(half_life=4.0),
        personal,
        discovery,
        response,
        CandidateModel(
            ASSORTMENT, {"reward": 2}, personal=personal, response=response, money=money
        ),
    ]


every_model = pytest.mark.parametrize("model", models(), ids=lambda model: type(model).__name__)


def copy_of(model: Any) -> Any:
    """An unfitted copy as `sklearn.base.clone` makes it, which asks that arguments are kept as they are given."""
    given = {
        name: copy_of(value) if hasattr(value, "get_params") else value
        for name, value in model.get_params(deep=False).items()
    }
    made = type(model)(**given)
    for name, value in made.get_params(deep=False).items():
        assert value is given[name], f"{name} is not kept as it was given"
    return made


@every_model
def test_copies_texts_and_pickles(model: Any) -> None:
    copy = copy_of(model)
    assert copy is not model and repr(copy) == repr(model) == repr(pickle.loads(pickle.dumps(copy)))
    assert len(repr(model)) < 250 and "\n" not in repr(model)


def test_texts_name_what_is_not_usual() -> None:
    assert repr(PersonalModel()) == "PersonalModel()"
    assert repr(LogisticRegression(2.0)) == "LogisticRegression(ridge=2.0)"
    assert repr(PersonalModel(np.zeros((3, 2)), ridge=1.5)) == (
        "PersonalModel(groups=<ndarray 3 x 2>, ridge=1.5)"
    )
    shown = repr(models()[-1])
    assert shown.startswith(
        "CandidateModel(assortment=<Assortment>, quota={'reward': 2}, personal=PersonalModel("
    )
    assert (
        "response=ResponseModel(coefficients={'intercept': -1.0, 'p0': 0.5}), money=<tuple of 2>"
        in shown
    )
    many = ResponseModel({f"category={n}": 1.0 for n in range(100)})
    assert repr(many).startswith("ResponseModel(coefficients=<dict of category=0, ")
    assert len(repr(many)) < 120


def test_arguments_by_name() -> None:
    model = models()[-1]
    assert model.get_params()["personal__ridge"] == 3.0
    assert "personal__ridge" not in model.get_params(deep=False)
    assert model.set_params(personal__ridge=5.0, neighbours=7) is model
    assert model.personal.ridge == 5.0 and model.neighbours == 7
    with pytest.raises(InvalidInput, match="no argument 'rigde'; did you mean 'ridge'"):
        PersonalModel().set_params(rigde=1.0)
    with pytest.raises(InvalidInput, match="expected a response model beside it"):
        model.set_params(response=None)
    assert model.response is not None
    given = ResponseModel().set_params(coefficients={"p0": 1.0})
    assert given.score({"p0": [0.5]}).tolist() == [0.5]


@every_model
def test_what_is_not_fitted_says_so(model: Any) -> None:
    if isinstance(model, ResponseModel):
        model = ResponseModel()
    history = split(shop(1, customers=5), 16)[0]
    use = {
        "LogisticRegression": lambda: model.predict(np.ones((1, 2), np.float32)),
        "BoostedTrees": lambda: model.predict(np.ones((1, 2), np.float32)),
        "ResponseModel": lambda: model.score({"p0": [0.5]}),
        "CandidateModel": lambda: model.candidates(history),
    }.get(type(model).__name__, lambda: model.score(history))
    fresh = copy_of(model)
    assert not fresh.__sklearn_is_fitted__() and not hasattr(fresh, "feature_names_in_")
    with pytest.raises(InvalidInput, match=f"{type(model).__name__}: expected a fitted model"):
        use()


def test_fitted_models_pickled_score_the_same_bits_and_take_little() -> None:
    table = shop(11, customers=60)
    windows = [split(table, 12), split(table, 16)]
    history = windows[-1][0]
    made = {
        RepeatScore(): (history,),
        PersonalModel(GROUPS): (windows,),
        DiscoveryModel(GROUPS, items=30, keep=8): (windows,),
    }
    for model, given in made.items():
        assert model.fit(*given) is model and model.__sklearn_is_fitted__()
        stored = pickle.dumps(model)
        assert len(stored) < 100_000
        again = pickle.loads(stored)
        mine, theirs = model.score(history), again.score(history)
        mine, theirs = getattr(mine, "score", mine), getattr(theirs, "score", theirs)
        assert len(mine) and mine.tobytes() == theirs.tobytes()
        if not isinstance(model, RepeatScore):
            assert again.feature_names_in_.tolist() == model.names_
            assert again.n_features_in_ == len(model.names_)
