# The native kernels' boundary: views of the caller's arrays, the GIL released, a status turned into an exception.
"""The kernels in C++; `couponry.kernels.reference` says what each of them does.

`evaluate` and `read_bytes` exist once per instruction set. The widest that the processor has is used, unless the
environment variable COUPONRY_ISA, read at import, names a narrower one: avx512, avx2 or baseline.
"""

import os

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from couponry.kernels.contract import FILL

cdef extern from "views.hpp" namespace "couponry" nogil:
    cdef cppclass View[T]:
        T* data
        int64_t size

    cdef cppclass Table[T]:
        T* data
        int64_t rows, columns

    cdef cppclass Shard:
        int64_t first, item_bytes
        View[const int64_t] indptr
        const void* item
        Table[const uint16_t] quantity
        View[const uint16_t] segment

    cdef cppclass Rules:
        View[const int32_t] lower, upper
        Table[const int32_t] group, cap
        int64_t groups, nodes
        View[const int64_t] ptr, sets

    cdef cppclass Cut:
        int64_t searches, slack

    cdef cppclass Rows:
        View[const int64_t] ptr
        View[const int32_t] row
        Table[const double] coefficient
        View[const double] lower, upper, weight, penalty

    cdef int NO_MEMORY, ROW_TOO_LONG

cdef extern from "leaves.hpp" namespace "couponry" nogil:
    cdef cppclass Pass:
        Shard shard
        Rules rules
        const float* price
        int64_t segments, items, start, stop
        uint32_t seed
        int64_t* usage
        uint8_t* chosen
        int64_t unit
        Cut* cut

    cdef cppclass Marking:
        Shard shard
        Rules rules
        const float* price
        int64_t segments, items
        const uint8_t* chosen
        const float* near "near"
        int64_t levels, start, stop
        uint8_t* mover

    cdef cppclass Leaves:
        const char* name
        int evaluate(const Pass&) noexcept
        int mark(const Marking&) noexcept
        void noise(const Shard&, uint32_t, int64_t, int64_t, uint16_t*) noexcept
        uint64_t sum_bytes(const uint8_t*, int64_t) noexcept

cdef extern from "instruction_set.hpp" namespace "couponry" nogil:
    const Leaves& leaves() noexcept
    bint use_leaves(const char*) noexcept
    const char* runnable(int) noexcept
    const char* compiler_name() noexcept

cdef extern from "quantise.hpp" namespace "couponry" nogil:
    void c_span "couponry::span"[I, V](const I*, const V*, int64_t, double*, double*) noexcept
    void c_quantise "couponry::quantise"[I, V](
        const I*, const V*, int64_t, const double*, const double*, uint16_t*, uint8_t*, double*, double*) noexcept

cdef extern from "settle.hpp" namespace "couponry" nogil:
    cdef cppclass Prices:
        const float* data
        int64_t segments, items

    int c_alternatives "couponry::alternatives"(
        const Shard&, const Rules&, const Prices&, const uint8_t*, int64_t, int64_t, int64_t*, float*) noexcept
    void c_fine_usage "couponry::fine_usage"(
        const Shard&, const uint8_t*, const uint8_t*, int64_t, int64_t, int64_t*, int64_t) noexcept

cdef extern from "tangle.hpp" namespace "couponry" nogil:
    cdef cppclass Agreed:
        Table[const int32_t] group, cap, least, held
        int64_t groups, mandatory_rule
        View[const int32_t] rule, upper, had, conflict, conflict_rule
        View[const uint8_t] plain, mandatory
        View[const int64_t] held_ptr, had_ptr, conflict_ptr

    int c_tangle "couponry::tangle"(
        View[const int64_t], const void*, int64_t, const Agreed&, int64_t, int64_t, int64_t*, int64_t*) noexcept

cdef extern from "exchange.hpp" namespace "couponry" nogil:
    cdef cppclass Amounts:
        const double* data
        int64_t segments, items

    cdef cppclass Improvement:
        bint fill
        Shard shard
        Rules rules
        Table[const double] exact
        Amounts reduced, objective
        Rows rows
        View[const uint8_t] item_helps
        View[double] activity
        View[uint8_t] chosen

    int c_regret "couponry::regret"(
        const Shard&, const Rules&, const Table[const double]&, const Amounts&, View[const uint8_t],
        uint32_t, int64_t, int64_t, View[double]) noexcept
    int c_choose_exactly "couponry::choose_exactly"(
        const Shard&, const Rules&, const Table[const double]&, const Amounts&, uint32_t, int64_t, int64_t,
        View[uint8_t], int64_t, Cut*) noexcept
    int c_propose "couponry::propose"(const Improvement&, int64_t, int64_t, View[double]) noexcept
    cdef cppclass Effort:
        int64_t moves, looks

    int c_improve "couponry::improve"(const Improvement&, View[double], int64_t, int64_t, Effort*) noexcept

ctypedef fused item_t:
    uint16_t
    uint32_t

ctypedef fused value_t:
    float
    double

ctypedef fused number_t:
    uint8_t
    uint16_t
    uint32_t
    int32_t
    int64_t
    double


cdef View[const number_t] view(const number_t[::1] array) noexcept:
    cdef View[const number_t] out
    out.size = array.shape[0]
    out.data = &array[0] if out.size else NULL
    return out


cdef Table[const number_t] table(const number_t[:, ::1] array) noexcept:
    cdef Table[const number_t] out
    out.rows, out.columns = array.shape[0], array.shape[1]
    out.data = &array[0, 0] if out.rows and out.columns else NULL
    return out


cdef Amounts amounts(const double[:, :, ::1] array) noexcept:
    cdef Amounts out
    out.segments, out.items = array.shape[1], array.shape[2]
    out.data = &array[0, 0, 0] if array.shape[0] and out.segments and out.items else NULL
    return out


cdef Shard shard_view(shard) except *:
    cdef Shard out
    out.first = shard.first
    out.indptr = view[int64_t](shard.indptr)
    out.item_bytes = shard.item.itemsize
    if out.item_bytes == 2:
        out.item = view[uint16_t](shard.item).data
    else:
        out.item = view[uint32_t](shard.item).data
    out.quantity = table[uint16_t](shard.quantity)
    out.segment = view[uint16_t](shard.segment)
    return out


cdef Rules rules_view(rules) except *:
    cdef Rules out
    out.lower = view[int32_t](rules.lower)
    out.upper = view[int32_t](rules.upper)
    out.group = table[int32_t](rules.group)
    out.groups = rules.groups
    out.cap = table[int32_t](rules.cap)
    out.ptr = view[int64_t](rules.ptr)
    out.sets = view[int64_t](rules.sets)
    out.nodes = rules.nodes
    return out


cdef Agreed agreed_view(agreed) except *:
    cdef Agreed out
    out.group = table[int32_t](agreed.group)
    out.groups = agreed.groups
    out.rule = view[int32_t](agreed.rule)
    out.plain = view[uint8_t](agreed.plain)
    out.cap = table[int32_t](agreed.cap)
    out.least = table[int32_t](agreed.least)
    out.upper = view[int32_t](agreed.upper)
    out.held_ptr = view[int64_t](agreed.held_ptr)
    out.held = table[int32_t](agreed.held)
    out.had_ptr = view[int64_t](agreed.had_ptr)
    out.had = view[int32_t](agreed.had)
    out.conflict_ptr = view[int64_t](agreed.conflict_ptr)
    out.conflict = view[int32_t](agreed.conflict)
    out.conflict_rule = view[int32_t](agreed.conflict_rule)
    out.mandatory = view[uint8_t](agreed.mandatory)
    out.mandatory_rule = agreed.mandatory_rule
    return out


cdef Rows rows_view(rows) except *:
    cdef Rows out
    out.ptr = view[int64_t](rows.ptr)
    out.row = view[int32_t](rows.row)
    out.coefficient = table[double](rows.coefficient)
    out.lower = view[double](rows.lower)
    out.upper = view[double](rows.upper)
    out.weight = view[double](rows.weight)
    out.penalty = view[double](rows.penalty)
    return out


cdef int check(int status) except -1:
    if status == NO_MEMORY:
        raise MemoryError("native kernel: no memory for its working arrays")
    if status == ROW_TOO_LONG:
        raise ValueError("shard: a customer has more than 2**31 - 1 candidates")
    return 0


def span(const item_t[::1] item, const value_t[::1] values, double[::1] low, double[::1] high):
    """Widen low[k] and high[k] (IN/OUT, float64) to the least and largest value of each item."""
    cdef int64_t n = item.shape[0]
    if n == 0:
        return
    with nogil:
        c_span(&item[0], &values[0], n, &low[0], &high[0])


def quantise(
    const item_t[::1] item,
    const value_t[::1] values,
    const double[::1] low,
    const double[::1] step,
    uint16_t[::1] quantity,
    uint8_t[::1] fine,
    double[::1] error,
    double[::1] fine_error,
):
    """Round values to quantity and fine (OUT, uint16 and uint8); error and fine_error (IN/OUT) widen to the largest miss."""
    cdef int64_t n = item.shape[0]
    if n == 0:
        return
    with nogil:
        c_quantise(
            &item[0], &values[0], n, &low[0], &step[0], &quantity[0], &fine[0], &error[0], &fine_error[0])


def noise(shard, seed, int64_t start, int64_t stop, uint16_t[::1] out):
    """A uniform number (OUT, uint16) for each candidate of the customers start <= i < stop."""
    cdef Shard shard_ = shard_view(shard)
    cdef uint32_t seed_ = seed & 0xFFFFFFFF
    if start >= stop or out.shape[0] == 0:
        return
    with nogil:
        leaves().noise(shard_, seed_, start, stop, &out[0])


def tangle(
    const int64_t[::1] indptr, item, agreed, int64_t start, int64_t stop, int64_t[::1] ptr, int64_t[::1] sets,
):
    """The sets of the customers start <= i < stop who need them, or, where `sets` is empty, how long they are."""
    cdef Agreed agreed_ = agreed_view(agreed)
    cdef View[const int64_t] indptr_ = view[int64_t](indptr)
    cdef const void* items = NULL
    cdef int64_t item_bytes = item.itemsize
    cdef int64_t* out = &sets[0] if sets.shape[0] else NULL
    cdef int status
    if start >= stop:
        return
    if item_bytes == 2:
        items = view[uint16_t](item).data
    else:
        items = view[uint32_t](item).data
    with nogil:
        status = c_tangle(indptr_, items, item_bytes, agreed_, start, stop, &ptr[0], out)
    check(status)


def evaluate(
    shard, rules, const float[:, :, ::1] price, seed, int64_t start, int64_t stop,
    int64_t[:, :, ::1] usage, uint8_t[::1] chosen, int64_t unit, int64_t[::1] cut,
):
    """Each customer's best choice at the given prices; usage and cut are added to.

    chosen (unless empty), of the candidates of the customers start <= i < stop, is written.
    """
    cdef Pass work
    cdef Cut cut_
    cdef int status
    work.shard = shard_view(shard)
    work.rules = rules_view(rules)
    work.segments, work.items = price.shape[1], price.shape[2]
    work.seed = seed & 0xFFFFFFFF
    work.start, work.stop = start, stop
    if start >= stop or work.segments == 0 or work.items == 0:
        return  # nobody, or nothing that anybody could be given
    if work.items > 0x7FFFFFFF:
        raise ValueError("price: expected at most 2**31 - 1 items, which vectors of 32-bit numbers can index")
    work.price = &price[0, 0, 0]
    work.usage = &usage[0, 0, 0]
    work.chosen = NULL
    if chosen.shape[0]:
        work.chosen = &chosen[0] - work.shard.indptr.data[start]  # the kernel counts from the first customer's
    cut_.searches = cut_.slack = 0
    work.unit = unit
    work.cut = &cut_
    with nogil:
        status = leaves().evaluate(work)
    check(status)
    cut[0] += cut_.searches
    cut[1] += cut_.slack


cdef Prices prices(const float[:, :, ::1] array) noexcept:
    cdef Prices out
    out.segments, out.items = array.shape[1], array.shape[2]
    out.data = &array[0, 0, 0]
    return out


def mark(
    shard, rules, const float[:, :, ::1] price, const uint8_t[::1] chosen, const float[:, :, :, ::1] near,
    int64_t start, int64_t stop, uint8_t[::1] mover,
):
    """Whom of the customers start <= i < stop a change matters little: 1 in mover (OUT), else 0."""
    cdef Marking work
    cdef int status
    if start >= stop:
        return
    if chosen.shape[0] == 0:  # nobody has any candidates
        mover[:] = 0
        return
    work.shard = shard_view(shard)
    work.rules = rules_view(rules)
    work.segments, work.items = price.shape[1], price.shape[2]
    work.start, work.stop = start, stop
    work.price = &price[0, 0, 0]
    work.near = &near[0, 0, 0, 0]
    work.levels = near.shape[0]
    work.chosen = &chosen[0]
    work.mover = &mover[0]
    with nogil:
        status = leaves().mark(work)
    check(status)


def alternatives(
    shard, rules, const float[:, :, ::1] price, const uint8_t[::1] chosen, int64_t start, int64_t stop,
    int64_t[::1] partner, float[::1] loss,
):
    """What changing each candidate's decision costs, and what comes or goes instead (both OUT)."""
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
    """Where in their quantities' steps the chosen candidates lie, added to total."""
    cdef Shard shard_ = shard_view(shard)
    cdef int64_t items = total.shape[1]
    if start >= stop or chosen.shape[0] == 0:
        return
    with nogil:
        c_fine_usage(shard_, &fine[0], &chosen[0], start, stop, &total[0, 0], items)


def regret(
    shard, rules, exact, reduced, const uint8_t[::1] chosen, seed, int64_t start, int64_t stop, double[::1] out,
):
    """What each candidate's decision is worth, into out (float64, (e)) for the customers start <= i < stop."""
    cdef Shard shard_ = shard_view(shard)
    cdef Rules rules_ = rules_view(rules)
    cdef Table[const double] exact_ = table[double](exact)
    cdef Amounts reduced_ = amounts(reduced)
    cdef View[const uint8_t] chosen_ = view[uint8_t](chosen)
    cdef View[double] out_
    cdef uint32_t seed_ = seed & 0xFFFFFFFF
    cdef int status
    out_.size = out.shape[0]
    if out_.size == 0:
        return
    out_.data = &out[0]
    with nogil:
        status = c_regret(shard_, rules_, exact_, reduced_, chosen_, seed_, start, stop, out_)
    check(status)


def choose_exactly(
    shard, rules, exact, reduced, seed, int64_t start, int64_t stop, uint8_t[::1] chosen, int64_t unit,
    int64_t[::1] cut,
):
    """The best choice in float64 of the customers start <= i < stop who have sets, into chosen; cut is added to."""
    cdef Shard shard_ = shard_view(shard)
    cdef Rules rules_ = rules_view(rules)
    cdef Table[const double] exact_ = table[double](exact)
    cdef Amounts reduced_ = amounts(reduced)
    cdef View[uint8_t] chosen_
    cdef Cut cut_
    cdef uint32_t seed_ = seed & 0xFFFFFFFF
    cdef int status
    chosen_.size = chosen.shape[0]
    if start >= stop or chosen_.size == 0:
        return
    chosen_.data = &chosen[0]
    cut_.searches = cut_.slack = 0
    with nogil:
        status = c_choose_exactly(shard_, rules_, exact_, reduced_, seed_, start, stop, chosen_, unit, &cut_)
    check(status)
    cut[0] += cut_.searches
    cut[1] += cut_.slack


cdef Improvement improvement(
    int mode, shard, rules, exact, reduced, objective, rows, const uint8_t[:, ::1] item_helps,
    double[::1] activity, uint8_t[::1] chosen,
) except *:
    cdef Improvement work
    work.fill = mode == FILL
    work.shard = shard_view(shard)
    work.rules = rules_view(rules)
    work.exact = table[double](exact)
    work.reduced = amounts(reduced)
    work.objective = amounts(objective)
    work.rows = rows_view(rows)
    work.item_helps.size = item_helps.shape[0] * item_helps.shape[1]
    work.item_helps.data = &item_helps[0, 0]
    work.activity.size = activity.shape[0]
    work.activity.data = &activity[0] if activity.shape[0] else NULL
    work.chosen.size = chosen.shape[0]
    work.chosen.data = &chosen[0] if chosen.shape[0] else NULL
    return work


def propose(
    int mode, shard, rules, exact, reduced, objective, rows, const uint8_t[:, ::1] item_helps,
    double[::1] activity, uint8_t[::1] chosen, int64_t start, int64_t stop, double[::1] priority,
):
    """Priority (float64, (n)) of the best move of the customers start <= i < stop whose priority is not infinite."""
    cdef Improvement work
    cdef View[double] out
    cdef int status
    if start >= stop:
        return
    work = improvement(mode, shard, rules, exact, reduced, objective, rows, item_helps, activity, chosen)
    out.size = priority.shape[0]
    out.data = &priority[0]
    with nogil:
        status = c_propose(work, start, stop, out)
    check(status)


def improve(
    int mode, shard, rules, exact, reduced, objective, rows, const uint8_t[:, ::1] item_helps,
    double[::1] activity, uint8_t[::1] chosen, double[::1] priority, int64_t patience, int64_t looks,
):
    """Move single coupons, the best move of all customers first; activity, chosen and priority follow.

    Returns the moves made and the looks at customers that it took.
    """
    cdef Improvement work
    cdef View[double] priority_
    cdef Effort done
    cdef int status
    if chosen.shape[0] == 0:
        return 0, 0
    work = improvement(mode, shard, rules, exact, reduced, objective, rows, item_helps, activity, chosen)
    priority_.size = priority.shape[0]
    priority_.data = &priority[0]
    with nogil:
        status = c_improve(work, priority_, patience, looks, &done)
    check(status)
    return done.moves, done.looks


def read_bytes(const uint8_t[::1] array, int64_t start, int64_t stop):
    """Sum, modulo 2**64, of array[start:stop] as little-endian 64-bit numbers: reads every byte once, does no more."""
    cdef uint64_t total
    if not 0 <= start <= stop <= array.shape[0]:
        raise ValueError(f"start, stop: expected 0 <= start <= stop <= {array.shape[0]}, got {start}, {stop}")
    if start == stop:
        return 0
    with nogil:
        total = leaves().sum_bytes(&array[start], stop - start)
    return total


def compiler():
    """Name and version of the compiler that built this module."""
    return compiler_name().decode()


def instruction_set():
    """Name of the instruction set in use: avx512, avx2 or baseline."""
    return leaves().name.decode()


def instruction_sets():
    """Names of all instruction sets that run on this processor, widest first."""
    names = []
    cdef const char* name = runnable(0)
    while name != NULL:
        names.append(name.decode())
        name = runnable(len(names))
    return names


def _use_instruction_set(name):
    """Switch to another instruction set, for tests and benchmarks; nothing else may be running a kernel."""
    if not use_leaves(name.encode()):
        raise ValueError(
            f"COUPONRY_ISA: expected one of {', '.join(instruction_sets())} (what this processor runs), got {name!r}")


try:
    _use_instruction_set(os.environ.get("COUPONRY_ISA", ""))
except ValueError as error:
    raise ImportError(str(error)) from None
