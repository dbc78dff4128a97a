# The boundary of the kernels about changing a choice: what decisions are worth, and the moves of the local search.
"""Kernels in C++ about changing a choice; `couponry.kernels.reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from checks cimport (
    ALWAYS_CHECKED, Fault, block_of, look_at_prices, look_at_rules, look_at_shard, not_finite, not_flags, not_offsets,
    not_within, refuse, rules_agree, same, within,
)
from contract cimport (
    Cut, Rules, Shard, Table, View, aligned, check, rules_view, shard_view, view, writable,
    writable_table,
)
from search cimport (
    Amounts, LocalSearch, amounts, exact_view, look_at_amounts, look_at_exact, look_at_search, search_view,
)

cdef extern from "local_search/alternatives.hpp" namespace "couponry" nogil:
    cdef cppclass Prices:
        const float* data
        int64_t segments, items

    int c_alternatives "couponry::alternatives"(
        const Shard&, const Rules&, const Prices&, const uint8_t*, int64_t, int64_t, int64_t*, float*) noexcept

cdef extern from "local_search/backups.hpp" namespace "couponry" nogil:
    int c_backups "couponry::backups"(
        const Shard&, const Rules&, View[const double], View[const uint8_t], uint32_t, int64_t, int64_t,
        View[uint8_t], Table[uint8_t]) noexcept

cdef extern from "local_search/local_search.hpp" namespace "couponry" nogil:
    cdef cppclass Moves:
        View[double] priority
        View[int64_t] leaving, into, waiting, aside, counts

    cdef cppclass Effort:
        int64_t moves, looks
        double gain

    int c_regret "couponry::regret"(
        const Shard&, const Rules&, const Table[const double]&, const Amounts&, View[const uint8_t],
        uint32_t, int64_t, int64_t, View[double]) noexcept
    int c_choose_exactly "couponry::choose_exactly"(
        const Shard&, const Rules&, const Table[const double]&, const Amounts&, uint32_t, int64_t, int64_t,
        View[uint8_t], int64_t, Cut*) noexcept
    cdef cppclass UsageTable:
        double* data
        int64_t segments, items

    void c_sum_choice "couponry::sum_choice"(
        const Shard&, const Table[const double]&, View[const uint8_t], int64_t, int64_t, const UsageTable&) noexcept
    int c_propose "couponry::propose"(const LocalSearch&, const Moves&, int64_t, int64_t) noexcept
    int c_make_moves "couponry::make_moves"(
        const LocalSearch&, const Moves&, int64_t, bint, Effort*) noexcept


cdef Prices prices(const float[:, :, ::1] array, int64_t attributes) except *:
    cdef Prices out
    same(array.shape[0], 1 + attributes, "price: 1 + attributes")
    out.segments, out.items = array.shape[1], array.shape[2]
    out.data = &array[0, 0, 0] if out.segments and out.items else NULL
    aligned(out.data, sizeof(float))
    return out


cdef Moves moves_view(moves, const LocalSearch& search) except *:
    cdef Moves out
    cdef int64_t customers = search.shard.indptr.size - 1
    out.priority = writable[double](moves.priority)
    out.leaving = writable[int64_t](moves.leaving)
    out.into = writable[int64_t](moves.into)
    out.waiting = writable[int64_t](moves.waiting)
    out.aside = writable[int64_t](moves.aside)
    out.counts = writable[int64_t](moves.counts)
    same(out.priority.size, customers, "moves.priority: customers")
    same(out.leaving.size, customers, "moves.leaving: customers")
    same(out.into.size, customers, "moves.into: customers")
    same(out.waiting.size, customers, "moves.waiting: customers")
    same(out.aside.size, customers, "moves.aside: customers")
    same(out.counts.size, 2, "moves.counts: numbers")
    within(out.counts.data[0], 0, customers, "moves.counts: waiting")
    within(out.counts.data[1], 0, customers - out.counts.data[0], "moves.counts: aside")
    return out


cdef int look_at_moves(const Moves& moves, int64_t customers, int64_t candidates) except -1:
    """Refuse customers and candidates that there are not."""
    refuse(not_within[int64_t](b"moves.waiting", moves.waiting.data, 0, customers, 0, customers - 1))
    refuse(not_within[int64_t](b"moves.aside", moves.aside.data, 0, customers, 0, customers - 1))
    refuse(not_within[int64_t](b"moves.leaving", moves.leaving.data, 0, customers, -1, candidates - 1))
    return refuse(not_within[int64_t](b"moves.into", moves.into.data, 0, customers, -1, candidates - 1))


cdef int look_at_exact_values(
    const Shard& shard, const Rules& rules, Table[const double] exact, const Amounts& reduced,
    int64_t start, int64_t stop,
) except -1:
    """Refuse what leads exact choices of these customers out of their arrays."""
    look_at_shard(shard, start, stop, reduced.segments, reduced.items)
    look_at_rules(shard, rules, start, stop)
    look_at_amounts(reduced, 1 + exact.rows, b"reduced")
    return look_at_exact(shard, exact, start, stop)


def alternatives(
    shard, rules, const float[:, :, ::1] price, const uint8_t[::1] chosen, int64_t start, int64_t stop,
    int64_t[::1] partner, float[::1] loss, *, bint unchecked=False,
):
    cdef Shard shard_ = shard_view(shard)
    cdef Rules rules_ = rules_view(rules)
    cdef Prices price_ = prices(price, shard_.quantity.rows)
    cdef int64_t block = block_of(shard_, shard.item, start, stop)
    cdef int status
    rules_agree(shard_, rules_, price_.items)
    same(chosen.shape[0], block, "chosen: candidates of these customers")
    same(partner.shape[0], block, "partner: candidates of these customers")
    same(loss.shape[0], block, "loss: candidates of these customers")
    if block == 0:
        return
    aligned(&partner[0], sizeof(int64_t))
    aligned(&loss[0], sizeof(float))
    if not unchecked or ALWAYS_CHECKED:
        look_at_shard(shard_, start, stop, price_.segments, price_.items)
        look_at_rules(shard_, rules_, start, stop)
        look_at_prices(price_.data, price.shape[0] * price_.segments * price_.items)
        refuse(not_flags(b"chosen", &chosen[0], block))
    with nogil:
        status = c_alternatives(shard_, rules_, price_, &chosen[0], start, stop, &partner[0], &loss[0])
    check(status)


def backups(
    shard, rules, const double[::1] value, const uint8_t[::1] chosen, seed, int64_t start, int64_t stop,
    uint8_t[::1] rank, uint8_t[:, ::1] instead, *, bint unchecked=False,
):
    cdef Shard shard_ = shard_view(shard)
    cdef Rules rules_ = rules_view(rules)
    cdef View[const double] value_ = view[double](value)
    cdef View[const uint8_t] chosen_ = view[uint8_t](chosen)
    cdef View[uint8_t] rank_ = writable[uint8_t](rank)
    cdef Table[uint8_t] instead_ = writable_table[uint8_t](instead)
    cdef uint32_t seed_ = seed & 0xFFFFFFFF
    cdef int64_t block = block_of(shard_, shard.item, start, stop)
    cdef int64_t begin, e, coupons = 0
    cdef int status
    rules_agree(shard_, rules_, rules_.group.columns)
    same(value_.size, shard_.quantity.columns, "value: candidates")
    same(chosen_.size, shard_.quantity.columns, "chosen: candidates")
    same(rank_.size, shard_.quantity.columns, "rank: candidates")
    within(instead_.columns, 1, 255, "instead: backups of a customer")
    if block == 0:
        same(instead_.rows, 0, "instead: coupons of these customers")
        return
    begin = shard_.indptr.data[start]
    if not unchecked or ALWAYS_CHECKED:
        look_at_shard(shard_, start, stop, 1 << 16, rules_.group.columns)
        look_at_rules(shard_, rules_, start, stop)
        refuse(not_finite[double](b"value", value_.data + begin, block))
        refuse(not_flags(b"chosen", chosen_.data + begin, block))
    for e in range(begin, begin + block):
        coupons += chosen_.data[e]
    same(instead_.rows, coupons, "instead: coupons of these customers")
    with nogil:
        status = c_backups(shard_, rules_, value_, chosen_, seed_, start, stop, rank_, instead_)
    check(status)


def regret(
    shard, rules, exact, reduced, const uint8_t[::1] chosen, seed, int64_t start, int64_t stop, double[::1] out,
    *, bint unchecked=False,
):
    cdef Shard shard_ = shard_view(shard)
    cdef Rules rules_ = rules_view(rules)
    cdef Table[const double] exact_ = exact_view(exact, shard_)
    cdef Amounts reduced_ = amounts(reduced, exact_, "reduced")
    cdef View[const uint8_t] chosen_ = view[uint8_t](chosen)
    cdef View[double] out_ = writable[double](out)
    cdef uint32_t seed_ = seed & 0xFFFFFFFF
    cdef int64_t block = block_of(shard_, shard.item, start, stop)
    cdef int status
    rules_agree(shard_, rules_, reduced_.items)
    same(chosen_.size, shard_.quantity.columns, "chosen: candidates")
    same(out_.size, shard_.quantity.columns, "out: candidates")
    if block == 0:
        return
    if not unchecked or ALWAYS_CHECKED:
        look_at_exact_values(shard_, rules_, exact_, reduced_, start, stop)
        refuse(not_flags(b"chosen", chosen_.data + shard_.indptr.data[start], block))
    with nogil:
        status = c_regret(shard_, rules_, exact_, reduced_, chosen_, seed_, start, stop, out_)
    check(status)


def choose_exactly(
    shard, rules, exact, reduced, seed, int64_t start, int64_t stop, uint8_t[::1] chosen, int64_t unit,
    int64_t[::1] cut, *, bint unchecked=False,
):
    cdef Shard shard_ = shard_view(shard)
    cdef Rules rules_ = rules_view(rules)
    cdef Table[const double] exact_ = exact_view(exact, shard_)
    cdef Amounts reduced_ = amounts(reduced, exact_, "reduced")
    cdef View[uint8_t] chosen_ = writable[uint8_t](chosen)
    cdef Cut cut_
    cdef uint32_t seed_ = seed & 0xFFFFFFFF
    cdef int64_t block = block_of(shard_, shard.item, start, stop)
    cdef int status
    rules_agree(shard_, rules_, reduced_.items)
    same(chosen_.size, shard_.quantity.columns, "chosen: candidates")
    same(cut.shape[0], 2, "cut: numbers")
    aligned(&cut[0], sizeof(int64_t))
    if block == 0:
        return
    if not unchecked or ALWAYS_CHECKED:
        look_at_exact_values(shard_, rules_, exact_, reduced_, start, stop)
    cut_.searches = cut_.slack = 0
    with nogil:
        status = c_choose_exactly(shard_, rules_, exact_, reduced_, seed_, start, stop, chosen_, unit, &cut_)
    check(status)
    cut[0] += cut_.searches
    cut[1] += cut_.slack


def sum_choice(
    shard, exact, const uint8_t[::1] chosen, int64_t start, int64_t stop, double[:, :, ::1] usage, *,
    bint unchecked=False,
):
    cdef Shard shard_ = shard_view(shard)
    cdef Table[const double] exact_ = exact_view(exact, shard_)
    cdef View[const uint8_t] chosen_ = view[uint8_t](chosen)
    cdef int64_t block = block_of(shard_, shard.item, start, stop)
    cdef UsageTable usage_
    same(chosen_.size, shard_.quantity.columns, "chosen: candidates")
    same(usage.shape[0], 1 + exact_.rows, "usage: 1 + attributes")
    usage_.segments, usage_.items = usage.shape[1], usage.shape[2]
    usage_.data = &usage[0, 0, 0] if usage_.segments and usage_.items else NULL
    aligned(usage_.data, sizeof(double))
    if block == 0:
        return
    if not unchecked or ALWAYS_CHECKED:
        look_at_shard(shard_, start, stop, usage_.segments, usage_.items)
        look_at_exact(shard_, exact_, start, stop)
        refuse(not_flags(b"chosen", chosen_.data + shard_.indptr.data[start], block))
    with nogil:
        c_sum_choice(shard_, exact_, chosen_, start, stop, usage_)


def propose(shard, rules, search, moves, int64_t start, int64_t stop, *, bint unchecked=False):
    cdef LocalSearch search_ = search_view(shard, rules, search)
    cdef Moves moves_ = moves_view(moves, search_)
    cdef int64_t customers = search_.shard.indptr.size - 1
    cdef int status
    block_of(search_.shard, shard.item, 0, customers)
    if not 0 <= start <= stop <= moves_.counts.data[1]:
        raise ValueError(f"start, stop: expected 0 <= start <= stop <= moves.counts[1], got {start}, {stop}")
    if start == stop:
        return
    if not unchecked or ALWAYS_CHECKED:
        look_at_search(search_, 0, customers)
        refuse(not_within[int64_t](b"moves.aside", moves_.aside.data, 0, customers, 0, customers - 1))
    with nogil:
        status = c_propose(search_, moves_, start, stop)
    check(status)


def make_moves(
    shard, rules, search, moves, int64_t looks, bint in_rounds, *, bint unchecked=False,
):
    cdef LocalSearch search_ = search_view(shard, rules, search)
    cdef Moves moves_ = moves_view(moves, search_)
    cdef int64_t customers = search_.shard.indptr.size - 1
    cdef Effort done
    cdef int status
    block_of(search_.shard, shard.item, 0, customers)
    if not unchecked or ALWAYS_CHECKED:
        look_at_search(search_, 0, customers)
        look_at_moves(moves_, customers, search_.chosen.size)
    with nogil:
        status = c_make_moves(search_, moves_, looks, in_rounds, &done)
    check(status)
    return done.moves, done.looks, done.gain
