"""The kernels in C++ (sources in ext/couponry), compiled when the package is built.

Each function carries the docstring of its twin in the reference. `evaluate`, `fix_choices`, `find_undecided`,
`choose_undecided`, `decide`, `noise`, `hash_blocks`, `read_bytes`, `best_offers`, `score_trees` and `add_columns` exist
once per instruction set: the widest that the processor has is used, unless the environment variable COUPONRY_ISA, read
at import, names a narrower one (avx512, avx2 or baseline).
"""

from __future__ import annotations

from .. import reference
from .affinity import _use_instruction_set as _use_for_affinity
from .affinity import (
    add_columns,
    best_offers,
    fold_purchases,
    keep_likeliest,
    pair_features,
    pair_log_odds,
    response_odds,
    score_begun,
    score_trees,
)
from .candidates import (
    find_customers,
    find_outside,
    find_stretches,
    number_offers,
    order_stretches,
    price_candidates,
)
from .curvature import (
    count_losses,
    group_changes,
    list_changes,
    minimise_in_box,
    minimise_model,
    mirror_products,
    move_prices,
    multiply_changes,
    quasi_newton_step,
)
from .customer_constraints import compile_constraints
from .evaluate import _use_instruction_set as _use_for_evaluate
from .evaluate import (
    choose_undecided,
    compiler,
    copy_runs,
    decide,
    evaluate,
    find_undecided,
    fix_choices,
    hash_blocks,
    instruction_set,
    instruction_sets,
    noise,
    prepare,
    quantise,
    read_bytes,
    span,
)
from .exchanges import find_exchanges, list_moves
from .local_search import (
    alternatives,
    backups,
    choose_exactly,
    make_moves,
    propose,
    regret,
    sum_choice,
)
from .purchases import (
    count_purchases,
    count_ranges,
    gather_purchases,
    group_purchases,
    group_states,
    hash_numbers,
    hash_texts,
    number_texts,
    order_purchases,
    place_purchases,
    take_purchases,
)

__all__ = [
    "add_columns",
    "alternatives",
    "backups",
    "best_offers",
    "choose_exactly",
    "choose_undecided",
    "compile_constraints",
    "compiler",
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
    "instruction_set",
    "instruction_sets",
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
    "read_bytes",
    "regret",
    "response_odds",
    "score_begun",
    "score_trees",
    "span",
    "sum_choice",
    "take_purchases",
]


def _use_instruction_set(name: str) -> None:
    """Switch to another instruction set, for tests and benchmarks; nothing else may be running a kernel."""
    _use_for_evaluate(name)
    _use_for_affinity(name)


for _name in reference.__all__:
    globals()[_name].__doc__ = getattr(reference, _name).__doc__

_use_for_affinity(instruction_set())
