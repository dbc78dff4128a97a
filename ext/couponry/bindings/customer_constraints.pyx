# The boundary of the kernel that compiles customer rules into cardinality constraints.
"""Customer constraints in C++; `couponry.kernels.reference` says what the kernel does."""

from libc.stdint cimport int32_t, int64_t, uint8_t

from contract cimport Table, View, check, item_data, table, view

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


def compile_constraints(
    const int64_t[::1] indptr, item, spec, int64_t start, int64_t stop, int64_t[::1] ptr, int64_t[::1] constraints,
):
    cdef RuleSpec spec_ = spec_view(spec)
    cdef View[const int64_t] indptr_ = view[int64_t](indptr)
    cdef const void* items
    cdef int64_t item_bytes = item.itemsize
    cdef int64_t* out = &constraints[0] if constraints.shape[0] else NULL
    cdef int status
    if start >= stop:
        return
    items = item_data(item)
    with nogil:
        status = c_compile_constraints(indptr_, items, item_bytes, spec_, start, stop, &ptr[0], out)
    check(status)
