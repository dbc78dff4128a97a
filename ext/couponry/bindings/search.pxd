# What the boundaries of kernels about moves share: a local search as they are given it.

from libc.stdint cimport int32_t, int64_t, uint8_t

from checks cimport (
    Fault, look_at_rules, look_at_shard, not_finite, not_flags, not_offsets, not_within, refuse, rules_agree, same,
)
from contract cimport Rules, Shard, Table, View, aligned, rules_view, shard_view, table, view, writable

cdef extern from "local_search/local_search.hpp" namespace "couponry" nogil:
    cdef cppclass Amounts:
        const double* data
        int64_t segments, items

    cdef cppclass LimitRows:
        View[const int64_t] ptr
        View[const int32_t] row
        Table[const double] coefficient
        View[const double] lower, upper, weight, penalty

    cdef cppclass LocalSearch:
        bint fill
        Shard shard
        Rules rules
        Table[const double] exact
        Amounts reduced, objective
        LimitRows rows
        View[const uint8_t] item_helps
        View[double] activity
        View[uint8_t] chosen

cdef enum:
    FILL = 1  # `couponry.kernels.contract.FILL`


cdef inline Amounts amounts(const double[:, :, ::1] array, Table[const double] exact, str what) except *:
    cdef Amounts out
    same(array.shape[0], 1 + exact.rows, f"{what}: 1 + attributes")
    out.segments, out.items = array.shape[1], array.shape[2]
    out.data = &array[0, 0, 0] if out.segments and out.items else NULL
    aligned(out.data, sizeof(double))
    return out


cdef inline Table[const double] exact_view(exact, const Shard& shard) except *:
    cdef Table[const double] out = table[double](exact)
    if out.rows:
        same(out.columns, shard.quantity.columns, "exact: candidates")
    return out


cdef inline int look_at_amounts(const Amounts& amounts, int64_t planes, const char* what) except -1:
    cdef Fault fault
    with nogil:
        fault = not_finite[double](what, amounts.data, planes * amounts.segments * amounts.items)
    return refuse(fault)


cdef inline int look_at_exact(const Shard& shard, Table[const double] exact, int64_t start, int64_t stop) except -1:
    """Refuse values of these customers' candidates that are no finite numbers; the shard was looked at."""
    cdef int64_t begin = shard.indptr.data[start], end = shard.indptr.data[stop], row
    for row in range(exact.rows):
        refuse(not_finite[double](b"exact", exact.data + row * exact.columns + begin, end - begin))
    return 0


cdef inline LimitRows rows_view(rows) except *:
    cdef LimitRows out
    out.ptr = view[int64_t](rows.ptr)
    out.row = view[int32_t](rows.row)
    out.coefficient = table[double](rows.coefficient)
    out.lower = view[double](rows.lower)
    out.upper = view[double](rows.upper)
    out.weight = view[double](rows.weight)
    out.penalty = view[double](rows.penalty)
    return out


cdef inline LocalSearch search_view(shard, rules, search) except *:
    cdef LocalSearch out
    cdef const uint8_t[:, ::1] item_helps = search.item_helps
    out.fill = search.mode == FILL
    out.shard = shard_view(shard)
    out.rules = rules_view(rules)
    out.exact = exact_view(search.exact, out.shard)
    out.reduced = amounts(search.reduced, out.exact, "reduced")
    out.objective = amounts(search.objective, out.exact, "objective")
    out.rows = rows_view(search.rows)
    out.item_helps.size = item_helps.shape[0] * item_helps.shape[1]
    out.item_helps.data = &item_helps[0, 0] if out.item_helps.size else NULL
    out.activity = writable[double](search.activity)
    out.chosen = writable[uint8_t](search.chosen)
    search_agrees(out, item_helps.shape[0], item_helps.shape[1])
    return out


cdef inline int search_agrees(const LocalSearch& search, int64_t segments, int64_t items) except -1:
    """Whether the shapes of a local search agree."""
    cdef int64_t rows = search.activity.size
    rules_agree(search.shard, search.rules, items)
    same(search.rules.group.columns, items, "rules.group: items")  # it tells how many there are
    same(search.chosen.size, search.shard.quantity.columns, "chosen: candidates")
    same(search.reduced.segments, segments, "reduced: segments")
    same(search.reduced.items, items, "reduced: items")
    same(search.objective.segments, segments, "objective: segments")
    same(search.objective.items, items, "objective: items")
    same(search.rows.lower.size, rows, "rows.lower: limits")
    same(search.rows.upper.size, rows, "rows.upper: limits")
    same(search.rows.weight.size, rows, "rows.weight: limits")
    same(search.rows.penalty.size, rows, "rows.penalty: limits")
    same(search.rows.ptr.size, segments * items + 1, "rows.ptr: offsets")
    same(search.rows.coefficient.rows, search.rows.row.size, "rows.coefficient: entries")
    return same(search.rows.coefficient.columns, 1 + search.exact.rows, "rows.coefficient: 1 + attributes")


cdef inline int look_at_search(const LocalSearch& search, int64_t start, int64_t stop) except -1:
    """Refuse what leads a local search among these customers out of its arrays."""
    cdef int64_t begin, end, planes = 1 + search.exact.rows
    look_at_shard(search.shard, start, stop, search.reduced.segments, search.reduced.items)
    look_at_rules(search.shard, search.rules, start, stop)
    begin, end = search.shard.indptr.data[start], search.shard.indptr.data[stop]
    refuse(not_offsets(b"rows.ptr", search.rows.ptr.data, 0, search.rows.ptr.size - 1, search.rows.row.size))
    refuse(not_within[int32_t](b"rows.row", search.rows.row.data, 0, search.rows.row.size, 0, search.activity.size - 1))
    refuse(not_finite[double](b"rows.coefficient", search.rows.coefficient.data, search.rows.row.size * planes))
    refuse(not_finite[double](b"activity", search.activity.data, search.activity.size))
    look_at_amounts(search.reduced, planes, b"reduced")
    look_at_amounts(search.objective, planes, b"objective")
    look_at_exact(search.shard, search.exact, start, stop)
    return refuse(not_flags(b"chosen", search.chosen.data + begin, end - begin))
