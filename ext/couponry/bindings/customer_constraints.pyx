# The boundary of the kernel that compiles customer rules into rows and cardinality constraints.
"""Customer constraints in C++; `couponry.kernels.reference` says what the kernel does."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from checks cimport (
    ALWAYS_CHECKED, customers_of, items_beyond, not_offsets, not_within, offsets_of, one_or, refuse, same, within,
)
from contract cimport Table, View, aligned, check, item_data, table, view

cdef extern from "customer_constraints/compile.hpp" namespace "couponry" nogil:
    cdef cppclass MeasureSpec:
        Table[const int32_t] set
        int64_t sets
        View[const int32_t] measure, rule, candidate_row
        View[const uint8_t] counts_groups
        Table[const int64_t] low, high, of_item, of_candidate, held
        View[const int64_t] held_ptr

    cdef cppclass RequirementSpec:
        View[const int64_t] ptr, item_ptr, met_ptr
        View[const int32_t] rule, scope, item, met
        Table[const uint8_t] inside

    cdef cppclass RuleSpec:
        Table[const int32_t] group, cap, least, held
        int64_t groups, mandatory_rule
        View[const int32_t] rule, upper, had, conflict, conflict_rule
        View[const uint8_t] plain, mandatory
        View[const int64_t] held_ptr, had_ptr, conflict_ptr
        MeasureSpec measures
        RequirementSpec requirements

    int c_compile_constraints "couponry::compile_constraints"(
        View[const int64_t], const void*, int64_t, const RuleSpec&, int64_t, int64_t, int64_t*, int64_t*, int64_t,
        int64_t*) noexcept


cdef MeasureSpec measures_view(measures) except *:
    cdef MeasureSpec out
    out.set = table[int32_t](measures.set)
    out.sets = measures.sets
    out.measure = view[int32_t](measures.measure)
    out.rule = view[int32_t](measures.rule)
    out.counts_groups = view[uint8_t](measures.counts_groups)
    out.low = table[int64_t](measures.low)
    out.high = table[int64_t](measures.high)
    out.of_item = table[int64_t](measures.of_item)
    out.of_candidate = table[int64_t](measures.of_candidate)
    out.candidate_row = view[int32_t](measures.candidate_row)
    out.held_ptr = view[int64_t](measures.held_ptr)
    out.held = table[int64_t](measures.held)
    return out


cdef RequirementSpec requirements_view(requirements) except *:
    cdef RequirementSpec out
    out.ptr = view[int64_t](requirements.ptr)
    out.rule = view[int32_t](requirements.rule)
    out.scope = view[int32_t](requirements.scope)
    out.inside = table[uint8_t](requirements.inside)
    out.item_ptr = view[int64_t](requirements.item_ptr)
    out.item = view[int32_t](requirements.item)
    out.met_ptr = view[int64_t](requirements.met_ptr)
    out.met = view[int32_t](requirements.met)
    return out


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
    out.measures = measures_view(spec.measures)
    out.requirements = requirements_view(spec.requirements)
    return out


cdef int measures_agree(const MeasureSpec& spec, int64_t customers, int64_t candidates, int64_t items) except -1:
    """Whether the shapes of rules about sums and numbers of groups agree."""
    cdef int64_t layers = spec.set.rows, measures = spec.rule.size
    within(spec.sets, 0, 0x7FFFFFFF, "spec.measures.sets")
    same(spec.measure.size, layers, "spec.measures.measure: layers")
    same(spec.counts_groups.size, measures, "spec.measures.counts_groups: measures")
    same(spec.candidate_row.size, measures, "spec.measures.candidate_row: measures")
    same(spec.low.rows, measures, "spec.measures.low: measures")
    same(spec.high.rows, measures, "spec.measures.high: measures")
    same(spec.of_item.rows, measures, "spec.measures.of_item: measures")
    if layers:
        same(spec.set.columns, items, "spec.measures.set: items")
    if measures:
        one_or(spec.low.columns, customers, "spec.measures.low: customers")
        one_or(spec.high.columns, customers, "spec.measures.high: customers")
        same(spec.of_item.columns, items, "spec.measures.of_item: items")
    if spec.of_candidate.rows:
        same(spec.of_candidate.columns, candidates, "spec.measures.of_candidate: candidates")
    offsets_of(spec.held_ptr.size, customers, "spec.measures.held_ptr")
    return same(spec.held.rows, 2, "spec.measures.held: rows")


cdef int requirements_agree(const RequirementSpec& spec, int64_t customers, int64_t items) except -1:
    """Whether the shapes of requirements agree."""
    offsets_of(spec.ptr.size, items, "spec.requirements.ptr")
    same(spec.scope.size, spec.rule.size, "spec.requirements.scope: requirements")
    if spec.inside.rows:
        one_or(spec.inside.columns, customers, "spec.requirements.inside: customers")
    offsets_of(spec.met_ptr.size, customers, "spec.requirements.met_ptr")
    return same(spec.item_ptr.size, spec.rule.size + 1, "spec.requirements.item_ptr: offsets")


cdef int look_at_measures(const MeasureSpec& spec, int64_t start, int64_t stop) except -1:
    """Refuse what leads out of the arrays of rules about sums and numbers of groups."""
    cdef int64_t cells = spec.set.rows * spec.set.columns
    refuse(not_within[int32_t](b"spec.measures.set", spec.set.data, 0, cells, -1, spec.sets - 1))
    refuse(not_within[int32_t](
        b"spec.measures.measure", spec.measure.data, 0, spec.measure.size, 0, spec.rule.size - 1))
    refuse(not_within[int32_t](b"spec.measures.candidate_row", spec.candidate_row.data, 0, spec.candidate_row.size, -1,
                               spec.of_candidate.rows - 1))
    if spec.held_ptr.size > 1:
        refuse(not_offsets(b"spec.measures.held_ptr", spec.held_ptr.data, start, stop, spec.held.columns))
    return 0


cdef int look_at_requirements(const RequirementSpec& spec, int64_t start, int64_t stop, int64_t items) except -1:
    """The same for requirements."""
    if spec.ptr.size > 1:
        refuse(not_offsets(b"spec.requirements.ptr", spec.ptr.data, 0, items, spec.rule.size))
    refuse(not_within[int32_t](
        b"spec.requirements.scope", spec.scope.data, 0, spec.scope.size, 0, spec.inside.rows - 1))
    refuse(not_offsets(b"spec.requirements.item_ptr", spec.item_ptr.data, 0, spec.rule.size, spec.item.size))
    refuse(not_within[int32_t](b"spec.requirements.item", spec.item.data, 0, spec.item.size, 0, items - 1))
    if spec.met_ptr.size > 1:
        refuse(not_offsets(b"spec.requirements.met_ptr", spec.met_ptr.data, start, stop, spec.met.size))
    return 0


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
    requirements_agree(spec.requirements, customers, spec.group.columns)
    return measures_agree(spec.measures, customers, candidates, spec.group.columns)


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
    look_at_measures(spec.measures, start, stop)
    look_at_requirements(spec.requirements, start, stop, items)
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
    cdef int64_t done = start
    cdef int status
    spec_agrees(spec_, customers_of(indptr_.size, start, stop), item.shape[0])
    same(ptr.shape[0], indptr_.size, "ptr: offsets")
    aligned(&ptr[0], sizeof(int64_t))
    aligned(out, sizeof(int64_t))
    if start == stop:
        return stop
    items = item_data(item) if item.shape[0] else NULL
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_offsets(b"indptr", indptr_.data, start, stop, item.shape[0]))
        refuse(items_beyond(b"item", items, item_bytes, indptr[start], indptr[stop], spec_.group.columns))
        look_at_spec(spec_, start, stop)
    with nogil:
        status = c_compile_constraints(
            indptr_, items, item_bytes, spec_, start, stop, &ptr[0], out, constraints.shape[0], &done)
    check(status)
    return done
