# The boundary of the kernels about changing a choice: what decisions are worth, and the moves of the local search.
"""Kernels in C++ about changing a choice; `couponry.kernels.reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from contract cimport Cut, Rules, Shard, Table, View, check, rules_view, shard_view, table, view, writable

from couponry.kernels.contract import FILL as _FILL

cdef extern from "local_search/alternatives.hpp" namespace "couponry" nogil:
    cdef cppclass Prices:
        const float* data
        int64_t segments, items

    int c_alternatives "couponry::alternatives"(
        const Shard&, const Rules&, const Prices&, const uint8_t*, int64_t, int64_t, int64_t*, float*) noexcept
    void c_fine_usage "couponry::fine_usage"(
        const Shard&, const uint8_t*, const uint8_t*, int64_t, int64_t, int64_t*, int64_t) noexcept

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

    cdef cppclass Effort:
        int64_t moves, looks

    int c_regret "couponry::regret"(
        const Shard&, const Rules&, const Table[const double]&, const Amounts&, View[const uint8_t],
        uint32_t, int64_t, int64_t, View[double]) noexcept
    int c_choose_exactly "couponry::choose_exactly"(
        const Shard&, const Rules&, const Table[const double]&, const Amounts&, uint32_t, int64_t, int64_t,
        View[uint8_t], int64_t, Cut*) noexcept
    int c_propose "couponry::propose"(const LocalSearch&, int64_t, int64_t, View[double]) noexcept
    int c_improve "couponry::improve"(const LocalSearch&, View[double], int64_t, int64_t, Effort*) noexcept


cdef Prices prices(const float[:, :, ::1] array) noexcept:
    cdef Prices out
    out.segments, out.items = array.shape[1], array.shape[2]
    out.data = &array[0, 0, 0]
    return out


cdef Amounts amounts(const double[:, :, ::1] array) noexcept:
    cdef Amounts out
    out.segments, out.items = array.shape[1], array.shape[2]
    out.data = &array[0, 0, 0] if array.shape[0] and out.segments and out.items else NULL
    return out


cdef LimitRows rows_view(rows) except *:
    cdef LimitRows out
    out.ptr = view[int64_t](rows.ptr)
    out.row = view[int32_t](rows.row)
    out.coefficient = table[double](rows.coefficient)
    out.lower = view[double](rows.lower)
    out.upper = view[double](rows.upper)
    out.weight = view[double](rows.weight)
    out.penalty = view[double](rows.penalty)
    return out


cdef LocalSearch search_view(shard, rules, search) except *:
    cdef LocalSearch out
    cdef const uint8_t[:, ::1] item_helps = search.item_helps
    out.fill = search.mode == _FILL
    out.shard = shard_view(shard)
    out.rules = rules_view(rules)
    out.exact = table[double](search.exact)
    out.reduced = amounts(search.reduced)
    out.objective = amounts(search.objective)
    out.rows = rows_view(search.rows)
    out.item_helps.size = item_helps.shape[0] * item_helps.shape[1]
    out.item_helps.data = &item_helps[0, 0]
    out.activity = writable[double](search.activity)
    out.chosen = writable[uint8_t](search.chosen)
    return out


def alternatives(
    shard, rules, const float[:, :, ::1] price, const uint8_t[::1] chosen, int64_t start, int64_t stop,
    int64_t[::1] partner, float[::1] loss,
):
    cdef Shard shard_ = shard_view(shard)
    cdef Rules rules_ = rules_view(rules)
    cdef Prices price_
    cdef int status
    if start >= stop or chosen.shape[0] == 0:
        return
    price_ = prices(price)
    with nogil:
        status = c_alternatives(shard_, rules_, price_, &chosen[0], start, stop, &partner[0], &loss[0])
    check(status)


def fine_usage(
    shard, const uint8_t[::1] fine, const uint8_t[::1] chosen, int64_t start, int64_t stop, int64_t[:, ::1] total,
):
    cdef Shard shard_ = shard_view(shard)
    cdef int64_t items = total.shape[1]
    if start >= stop or chosen.shape[0] == 0:
        return
    with nogil:
        c_fine_usage(shard_, &fine[0], &chosen[0], start, stop, &total[0, 0], items)


def regret(
    shard, rules, exact, reduced, const uint8_t[::1] chosen, seed, int64_t start, int64_t stop, double[::1] out,
):
    cdef Shard shard_ = shard_view(shard)
    cdef Rules rules_ = rules_view(rules)
    cdef Table[const double] exact_ = table[double](exact)
    cdef Amounts reduced_ = amounts(reduced)
    cdef View[const uint8_t] chosen_ = view[uint8_t](chosen)
    cdef View[double] out_ = writable[double](out)
    cdef uint32_t seed_ = seed & 0xFFFFFFFF
    cdef int status
    if out_.size == 0:
        return
    with nogil:
        status = c_regret(shard_, rules_, exact_, reduced_, chosen_, seed_, start, stop, out_)
    check(status)


def choose_exactly(
    shard, rules, exact, reduced, seed, int64_t start, int64_t stop, uint8_t[::1] chosen, int64_t unit,
    int64_t[::1] cut,
):
    cdef Shard shard_ = shard_view(shard)
    cdef Rules rules_ = rules_view(rules)
    cdef Table[const double] exact_ = table[double](exact)
    cdef Amounts reduced_ = amounts(reduced)
    cdef View[uint8_t] chosen_ = writable[uint8_t](chosen)
    cdef Cut cut_
    cdef uint32_t seed_ = seed & 0xFFFFFFFF
    cdef int status
    if start >= stop or chosen_.size == 0:
        return
    cut_.searches = cut_.slack = 0
    with nogil:
        status = c_choose_exactly(shard_, rules_, exact_, reduced_, seed_, start, stop, chosen_, unit, &cut_)
    check(status)
    cut[0] += cut_.searches
    cut[1] += cut_.slack


def propose(shard, rules, search, int64_t start, int64_t stop, double[::1] priority):
    cdef LocalSearch search_
    cdef View[double] priority_ = writable[double](priority)
    cdef int status
    if start >= stop:
        return
    search_ = search_view(shard, rules, search)
    with nogil:
        status = c_propose(search_, start, stop, priority_)
    check(status)


def improve(shard, rules, search, double[::1] priority, int64_t patience, int64_t looks):
    cdef LocalSearch search_
    cdef View[double] priority_ = writable[double](priority)
    cdef Effort done
    cdef int status
    if search.chosen.shape[0] == 0:
        return 0, 0
    search_ = search_view(shard, rules, search)
    with nogil:
        status = c_improve(search_, priority_, patience, looks, &done)
    check(status)
    return done.moves, done.looks
