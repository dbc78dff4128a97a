# The boundary of the kernel that compiles customer rules into cardinality constraints.
"""Customer constraints in C++; `couponry.kernels.reference` says what the kernel does."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from checks cimport (
    ALWAYS_CHECKED, customers_of, items_beyond, not_offsets, not_within, offsets_of, one_or, refuse, same, within,
)
from contract cimport Table, View, aligned, check, item_data, table, view

cdef extern from "customer_constraints/compile.hpp" namespace "couponry" nogil:
    cdef cppclass RuleSpec:
        Table[const int32_t] group, cap, least, held
        int64_t groups, mandatory_rule
        View[const int32_t] rule, upper, had, conflict, conflict_rule
        View[const uint8_t] plain, mandatory
        View[const int64_t] held_ptr, had_ptr, conflict_ptr

    int c_compile_constraints "couponry::compile_constraints"(
        View[const int64_t], const void*, int64_t, const RuleSpec&, int64_t, int64_t, int64_t*, int64_t*) noexcept


cdef RuleSpec spec_view(spec) except *:
    cdef RuleSpec out
    out.group = table[int32_t](spec.group)
    out.groups = spec.groups
    out.rule = view[int32_t](spec.rule)
    out.plain = view[uint8_t](spec.plain)
    out.cap = table[int32_t](spec.cap)
    out.least = table[int32_t](spec.least)
    out.upper = view[int32_t](spec.upper)
    out.held_ptr = view[int64_t](spec.held_ptr)
    out.held = table[int32_t](spec.held)
    out.had_ptr = view[int64_t](spec.had_ptr)
    out.had = view[int32_t](spec.had)
    out.conflict_ptr = view[int64_t](spec.conflict_ptr)
    out.conflict = view[int32_t](spec.conflict)
    out.conflict_rule = view[int32_t](spec.conflict_rule)
    out.mandatory = view[uint8_t](spec.mandatory)
    out.mandatory_rule = spec.mandatory_rule
    return out


cdef int spec_agrees(const RuleSpec& spec, int64_t customers, int64_t candidates) except -1:
    """Whether the shapes of rules agree."""
    cdef int64_t rules = spec.group.rows
    within(spec.groups, 0, 0x7FFFFFFF, "spec.groups")
    same(spec.rule.size, rules, "spec.rule: rows")
    same(spec.plain.size, rules, "spec.plain: rows")
    same(spec.cap.rows, rules, "spec.cap: rows")
    same(spec.least.rows, rules, "spec.least: rows")
    if rules:
        one_or(spec.cap.columns, customers, "spec.cap: customers")
        one_or(spec.least.columns, customers, "spec.least: customers")
    one_or(spec.upper.size, customers, "spec.upper: customers")
    offsets_of(spec.held_ptr.size, customers, "spec.held_ptr")
    same(spec.held.rows, 2, "spec.held: rows")
    offsets_of(spec.had_ptr.size, customers, "spec.had_ptr")
    offsets_of(spec.conflict_ptr.size, spec.group.columns, "spec.conflict_ptr")
    same(spec.conflict_rule.size, spec.conflict.size, "spec.conflict_rule: conflicts")
    if spec.mandatory.size:
        same(spec.mandatory.size, candidates, "spec.mandatory: candidates")
    return 0


cdef int look_at_spec(const RuleSpec& spec, int64_t start, int64_t stop) except -1:
    """Refuse what leads out of the arrays of rules, of customers start <= i < stop."""
    cdef int64_t items = spec.group.columns
    refuse(not_within[int32_t](b"spec.group", spec.group.data, 0, spec.group.rows * items, -1, spec.groups - 1))
    if spec.held_ptr.size > 1:
        refuse(not_offsets(b"spec.held_ptr", spec.held_ptr.data, start, stop, spec.held.columns))
    if spec.had_ptr.size > 1:
        refuse(not_offsets(b"spec.had_ptr", spec.had_ptr.data, start, stop, spec.had.size))
        refuse(not_within[int32_t](b"spec.had", spec.had.data, 0, spec.had.size, 0, items - 1))
    if spec.conflict_ptr.size > 1:
        refuse(not_offsets(b"spec.conflict_ptr", spec.conflict_ptr.data, 0, items, spec.conflict.size))
    return refuse(not_within[int32_t](b"spec.conflict", spec.conflict.data, 0, spec.conflict.size, 0, items - 1))


def compile_constraints(
    const int64_t[::1] indptr, item, spec, int64_t start, int64_t stop, int64_t[::1] ptr, int64_t[::1] constraints,
    *, bint unchecked=False,
):
    cdef RuleSpec spec_ = spec_view(spec)
    cdef View[const int64_t] indptr_ = view[int64_t](indptr)
    cdef int64_t item_bytes = item.itemsize
    cdef int64_t* out = &constraints[0] if constraints.shape[0] else NULL
    cdef const void* items
    cdef int status
    spec_agrees(spec_, customers_of(indptr_.size, start, stop), item.shape[0])
    same(ptr.shape[0], indptr_.size, "ptr: offsets")
    aligned(&ptr[0], sizeof(int64_t))
    aligned(out, sizeof(int64_t))
    if start == stop:
        return
    if out != NULL:
        refuse(not_offsets(b"ptr", &ptr[0], start, stop, constraints.shape[0]))
    items = item_data(item) if item.shape[0] else NULL
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_offsets(b"indptr", indptr_.data, start, stop, item.shape[0]))
        refuse(items_beyond(b"item", items, item_bytes, indptr[start], indptr[stop], spec_.group.columns))
        look_at_spec(spec_, start, stop)
    with nogil:
        status = c_compile_constraints(indptr_, items, item_bytes, spec_, start, stop, &ptr[0], out)
    check(status)
