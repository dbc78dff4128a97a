"""Lists of several scorers after several weeks, for windows of several lengths, with intervals of their differences.

    python benchmarks/cases/affinity/affinity_cuts.py [--level product] [--last 44] [--weeks 4] [--scorer PersonalModel]
    python benchmarks/cases/affinity/affinity_cuts.py --set uci --data FOLDER [--one-call] [--customers 4000]
    python benchmarks/cases/affinity/affinity_cuts.py --tune
    python benchmarks/cases/affinity/affinity_cuts.py --scramble

Recall and NDCG at 20 of households, of all items and of items new to the household; how much of what is begun the
scored pairs cover; predicted over happened, and the expected calibration error; differences to `--against` with the
middle 95 % of 2,000 bootstrap samples of the households. Settings were chosen after week 20 (`--tune` repeats it).
`--keep FILE` keeps each household's figures, `--beside FILE` gives differences to those kept by another version.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import numpy as np
from benchmarks.instances.affinity_data import Judged, Level, Truth, levels, ranked
from benchmarks.instances.affinity_scorers import (
    HALF_LIVES,
    PLAIN,
    REPEAT,
    SCORERS,
    Choices,
    Scored,
    one_call,
    repeat_score,
)
from benchmarks.instances.affinity_split import Scores, Split
from benchmarks.instances.purchase_data import FILES, level_of
from benchmarks.peers import tifu_knn, up_cf
from benchmarks.peers.baskets import Baskets
from benchmarks.peers.tifu_knn import TifuKnn
from benchmarks.peers.up_cf import UpCf
from benchmarks.support.hardware import describe
from benchmarks.support.intervals import calibration_error, paired_interval

from couponry.utils.threads import thread_count

TUNING = 20
CUTS = {"completejourney": (28, 36, 44, 48), "uci": (16, 22, 28, 34), "ta-feng": (9, 11, 13)}
PEERS = ("TIFU-KNN", "UP-CF")
OFFERS = 3000
CHOSEN = {
    "product": Choices(TifuKnn(3, 1.0, 1.0, 1300, 0.6), UpCf(up_cf.ALL, 1.0, 5), 16.0),
    "type": Choices(TifuKnn(3, 1.0, 0.8, 900, 0.6), UpCf(up_cf.ALL, 1.0, 10), 16.0),
}
Kept = dict[str, Any]


def main() -> None:
    arguments = _arguments()
    data = _levels(arguments)
    report: dict[str, Any] = describe(thread_count())
    for name, level in data.items():
        if arguments.tune:
            report[name] = {"chosen after week": TUNING, **_tuned(Split(level, TUNING))}
        elif arguments.scramble:
            report[name] = _scrambled(level, arguments)
        else:
            report[name] = _cuts(level, arguments)
    print(json.dumps(report, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--set", choices=list(CUTS), default="completejourney")
    parser.add_argument("--data", type=Path, help="folder of the files of other sets")
    parser.add_argument("--customers", type=int, help="a sample of a set's customers")
    parser.add_argument("--level", choices=["product", "type"], action="append")
    parser.add_argument("--last", type=int, action="append", help="last week that is known")
    parser.add_argument("--weeks", type=int, action="append", help="weeks to predict; default: 4")
    parser.add_argument("--scorer", choices=list(SCORERS), action="append")
    parser.add_argument("--against", choices=list(SCORERS), action="append")
    parser.add_argument("--one-call", action="store_true", help="lists of one call, too")
    parser.add_argument("--tune", action="store_true")
    parser.add_argument("--scramble", action="store_true")
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--beside", type=Path)
    arguments = parser.parse_args()
    if arguments.set != "completejourney" and arguments.data is None:
        parser.error("--set: expected --data FOLDER with it")
    return arguments


def _levels(arguments: argparse.Namespace) -> dict[str, Level]:
    if arguments.set in FILES:
        return {arguments.set: level_of(arguments.data, arguments.set, arguments.customers)}
    return {name: level for name, level in levels().items() if name in (arguments.level or [name])}


def _cuts(level: Level, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """All cuts and lengths of windows; those beyond the end of the data are left out."""
    end = int(level.purchases["week"].max())
    names = arguments.scorer or [
        name for name in SCORERS if level.name in CHOSEN or name not in PEERS
    ]
    kept: Kept = {} if arguments.beside is None else dict(np.load(arguments.beside))
    keep: Kept = {}
    found = []
    for last in arguments.last or CUTS[arguments.set]:
        for weeks in arguments.weeks or [4]:
            if last + weeks <= end:
                cut = _Cut(Split(level, last, weeks), names, arguments)
                found.append(cut.report(kept))
                keep.update(cut.kept())
    if arguments.keep is not None:
        np.savez_compressed(arguments.keep, **keep)
    return found


class _Cut:
    """Lists of all scorers after a week."""

    def __init__(self, split: Split, names: list[str], arguments: argparse.Namespace):
        self.split, self.against = split, arguments.against or [REPEAT, PLAIN]
        choices = CHOSEN.get(split.level.name, Choices())
        self.figures: dict[str, dict[str, Any]] = {}
        self.judged: dict[str, tuple[Judged, Judged]] = {}
        for name in names:
            started = time.process_time()
            scored = SCORERS[name](split, choices)
            seconds = time.process_time() - started
            self._judge(name, scored, seconds)
        self.one_call = _one_call(split, choices) if arguments.one_call else None

    def _judge(self, name: str, scored: Scored, seconds: float) -> None:
        split = self.split
        judged = split.judged(*scored.lists), split.judged_new(*(scored.begun or scored.lists))
        self.judged[name] = judged
        self.figures[name] = {
            "processor_seconds": round(seconds, 1),
            **split.truth.means(judged[0]),
            "new": split.new.means(judged[1]),
        }
        if scored.begun is not None:
            self.figures[name]["coverage"] = _coverage(split, scored.begun)
        if scored.probabilities:
            self.figures[name]["calibration"] = {
                what: _calibration(split.truth, scores)
                for what, scores in scored.probabilities.items()
            }

    def report(self, kept: Kept) -> dict[str, Any]:
        """Figures, and differences to others."""
        found: dict[str, Any] = {"last": self.split.last, "weeks": self.split.weeks}
        found["scorers"] = self.figures
        others = {name: self.judged[name] for name in self.against if name in self.judged}
        differences: dict[str, Any] = {}
        for name, mine in self.judged.items():
            for other, theirs in others.items():
                if other != name:
                    differences.setdefault(name, {})[other] = _differences(mine, theirs)
            key = self._key(name)
            if f"{key}/ndcg" in kept:
                before = Judged(kept[f"{key}/recall"], kept[f"{key}/ndcg"])
                new = Judged(kept[f"{key}/new recall"], kept[f"{key}/new ndcg"])
                differences.setdefault(name, {})["kept"] = _differences(mine, (before, new))
        found["differences"] = differences
        if self.one_call is not None:
            found["one call"] = self.one_call
        return found

    def kept(self) -> Kept:
        """Figures of each household."""
        found: Kept = {}
        for name, (all_items, new) in self.judged.items():
            key = self._key(name)
            found[f"{key}/recall"], found[f"{key}/ndcg"] = all_items.recall, all_items.ndcg
            found[f"{key}/new recall"], found[f"{key}/new ndcg"] = new.recall, new.ndcg
        return found

    def _key(self, name: str) -> str:
        return f"{self.split.level.name}/{self.split.last}/{self.split.weeks}/{name}"


def _differences(mine: tuple[Judged, Judged], theirs: tuple[Judged, Judged]) -> dict[str, Any]:
    return {
        "recall@20": paired_interval(mine[0].recall - theirs[0].recall),
        "ndcg@20": paired_interval(mine[0].ndcg - theirs[0].ndcg),
        "new recall@20": paired_interval(mine[1].recall - theirs[1].recall),
        "new ndcg@20": paired_interval(mine[1].ndcg - theirs[1].ndcg),
    }


def _coverage(split: Split, begun: Scores) -> float:
    """Share of what households began, of what anybody had bought before, that is among the scored pairs."""
    among = np.isin(split.new.keys, begun[0] * split.new.items + begun[1])
    return round(float(among.mean()), 4)


def _calibration(truth: Truth, scores: Scores) -> dict[str, float]:
    customer, item, score = scores
    happened = np.isin(customer * truth.items + item, truth.keys)
    predicted = score.astype(np.float64)
    return {
        "predicted / happened": round(float(predicted.sum() / max(happened.sum(), 1)), 3),
        "calibration error": round(calibration_error(predicted, happened), 4),
    }


def _one_call(split: Split, choices: Choices) -> dict[str, Any]:
    """Lists of one call beside the simple score and a model, among the items that sell most."""
    top = np.sort(np.argsort(-split.buyers, kind="stable")[:OFFERS])
    offered = np.zeros(len(split.history.items), bool)
    offered[top] = True
    keys = split.truth.keys[offered[split.truth.keys % split.truth.items]]
    truth = Truth(keys, split.truth.items, split.truth.customers, split.truth.place)
    fill = np.where(offered, split.buyers, 0.0)

    def judged(scores: Scores) -> Judged:
        customer, item, score = (column[offered[scores[1]]] for column in scores)
        return truth.judged(ranked(truth, customer, item, score, fill))

    started = time.process_time()
    scores = one_call(split, top)
    seconds = time.process_time() - started
    found = {"one call": judged(scores)}
    for name in (REPEAT, "PersonalModel"):
        found[name] = judged(SCORERS[name](split, choices).lists)
    return {
        "processor_seconds": round(seconds, 1),
        **{name: truth.means(one) for name, one in found.items()},
        "differences": {
            name: paired_interval(found["one call"].ndcg - found[name].ndcg)
            for name in (REPEAT, "PersonalModel")
        },
    }


def _tuned(split: Split) -> dict[str, Any]:
    """The half-life, and settings of others' methods from the papers' ranges, one after the other."""
    baskets = Baskets.before(split)
    lives = {life: split.judge(*repeat_score(split, life))["ndcg@20"] for life in HALF_LIVES}
    report: dict[str, Any] = {"half_life": {str(life): ndcg for life, ndcg in lives.items()}}
    for kind, grid in ((TifuKnn, tifu_knn.GRID), (UpCf, up_cf.GRID)):
        found: dict[tuple[Any, ...], float] = {}
        chosen = {name: getattr(kind(), name) for name in grid}
        for name, values in grid.items():
            for value in values:
                settings = {**chosen, name: value}
                scores = kind(**settings).scores(split, baskets)
                found[tuple(settings.values())] = split.judge(*scores)["ndcg@20"]
            best = max(found, key=lambda key: found[key])
            chosen = dict(zip(grid, best, strict=True))
        report[kind.__name__] = {**chosen, "ndcg@20": found[best]}
        print(kind.__name__, report[kind.__name__], file=sys.stderr, flush=True)
    return report


def _scrambled(level: Level, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Whether scores have the same bits where all that comes later is scrambled, and all rows are shuffled."""
    found = []
    random = np.random.default_rng(0)
    for last in arguments.last or CUTS[arguments.set]:
        rows = level.purchases.copy()
        later = np.flatnonzero(rows["week"] > last)
        for names in (["customer"], ["item"], ["day", "week"]):
            drawn = random.permutation(later)
            for name in names:
                values = rows[name].to_numpy().copy()
                values[later] = values[drawn]
                rows[name] = values
        rows = rows.sample(frac=1.0, random_state=last)
        scrambled = Level(level.name, rows, level.groups, level.before)
        for name in arguments.scorer or ["JointModel"]:
            bits = [_bits(one, last, name) for one in (level, scrambled)]
            found.append({"last": last, "scorer": name, "same bits": bits[0] == bits[1]})
    return found


def _bits(level: Level, last: int, name: str) -> list[bytes]:
    split = Split(level, last)
    place = np.full(split.truth.customers, -1)
    place[split.truth.place] = np.arange(len(split.truth.place))
    scored = SCORERS[name](split, CHOSEN.get(level.name, Choices()))
    return [
        column.tobytes()
        for customer, item, score in (scored.lists, *scored.probabilities.values())
        for column in (place[customer], item, score)
    ]


if __name__ == "__main__":
    main()
