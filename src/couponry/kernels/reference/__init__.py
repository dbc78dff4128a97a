"""The kernels in plain Python: the specification that the compiled backends must match bit for bit.

Every function is also valid Numba, and the Numba backend compiles this very text. Arithmetic is written one operation
at a time: float32 in packed passes and affinity, float64 elsewhere, never contracted.

    evaluate  fix_choices  alternatives  regret  local_search    kernels about choices
    backups/                                                     what comes next where a coupon falls out
    exchanges/                                                   moves of several customers that fit together
    customer_constraints                                         rules compiled for single customers
    changes                                                      kernels about changes of single decisions
    steps/                                                       steps of prices
    late/                                                        customers one after another, within what is left
    undecided/                                                   what is undecided once prices hardly move
    constraint_search  search_bounds                             the exact search that they share
    preference  rules                                            order of choice and ties; what rules allow
    candidates  affinity  purchases                              kernels about what comes in: rows, offers, purchases
    scores/                                                      features of pairs that were bought, log odds, counts
    memory                                                       memory, numbers and texts hashed, runs copied
"""

from __future__ import annotations

from .affinity import add_columns, best_offers, fold_purchases, keep_likeliest, score_trees
from .alternatives import alternatives
from .backups.list_backups import backups
from .candidates import (
    find_customers,
    find_outside,
    find_stretches,
    number_offers,
    order_stretches,
    quantise,
    span,
)
from .changes import (
    count_losses,
    group_changes,
    list_changes,
    mirror_products,
    multiply_changes,
)
from .customer_constraints import compile_constraints
from .evaluate import evaluate, noise, price_candidates
from .exchanges.find_exchanges import find_exchanges
from .exchanges.list_moves import list_moves
from .fix_choices import fix_choices
from .late.decide import decide, prepare
from .local_search import make_moves, propose
from .memory import copy_runs, hash_blocks, hash_numbers, hash_texts, number_texts
from .purchases import (
    count_ranges,
    gather_purchases,
    group_purchases,
    group_states,
    order_purchases,
    place_purchases,
    take_purchases,
)
from .regret import choose_exactly, regret, sum_choice
from .scores.chosen_odds import response_odds, score_begun
from .scores.item_counts import count_purchases
from .scores.pair_features import pair_features
from .scores.pair_odds import pair_log_odds
from .steps.model_step import minimise_in_box, minimise_model
from .steps.price_steps import move_prices
from .steps.quasi_newton import quasi_newton_step
from .undecided.find_undecided import choose_undecided, find_undecided

__all__ = [
    "add_columns",
    "alternatives",
    "backups",
    "best_offers",
    "choose_exactly",
    "choose_undecided",
    "compile_constraints",
    "copy_runs",
    "count_losses",
    "count_purchases",
    "count_ranges",
    "decide",
    "evaluate",
    "find_customers",
    "find_exchanges",
    "find_outside",
    "find_stretches",
    "find_undecided",
    "fix_choices",
    "fold_purchases",
    "gather_purchases",
    "group_changes",
    "group_purchases",
    "group_states",
    "hash_blocks",
    "hash_numbers",
    "hash_texts",
    "keep_likeliest",
    "list_changes",
    "list_moves",
    "make_moves",
    "minimise_in_box",
    "minimise_model",
    "mirror_products",
    "move_prices",
    "multiply_changes",
    "noise",
    "number_offers",
    "number_texts",
    "order_purchases",
    "order_stretches",
    "pair_features",
    "pair_log_odds",
    "place_purchases",
    "prepare",
    "price_candidates",
    "propose",
    "quantise",
    "quasi_newton_step",
    "regret",
    "response_odds",
    "score_begun",
    "score_trees",
    "span",
    "sum_choice",
    "take_purchases",
]
