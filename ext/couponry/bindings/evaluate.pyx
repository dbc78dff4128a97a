# The boundary of the kernels that pass over all candidates: quantities, choices at given prices, free customers.
#
# Docstrings are those of couponry.kernels.reference, and are attached where the native modules are gathered.
"""Kernels in C++ that pass over all candidates; `couponry.kernels.reference` says what each of them does.

`evaluate`, `fix_choices`, `find_undecided`, `choose_undecided`, `noise` and `read_bytes` exist once per instruction set.
The widest that the processor has is used, unless the environment variable COUPONRY_ISA, read at import, names a narrower
one: avx512, avx2 or baseline.
"""

import os

cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t

from checks cimport (
    ALWAYS_CHECKED, Fault, block_of, items_beyond, look_at_prices, look_at_rules, look_at_shard, not_offsets,
    not_within, refuse, rules_agree, same, within,
)
from contract cimport NO_ROOM, ROW_TOO_LONG, Cut, Rules, Shard, aligned, check, rules_view, shard_view

cdef extern from "dispatch/kernel_table.hpp" namespace "couponry" nogil:
    cdef cppclass Fixing:
        Shard shard
        Rules rules
        const float* price
        int64_t segments, items, start, stop
        const uint8_t* bits
        const float* threshold
        int64_t levels
        const uint8_t* fine
        int64_t attributes, fine_stride
        int64_t* usage
        int64_t* fine_usage
        uint8_t* is_free
        uint8_t* chosen

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

    cdef cppclass KernelTable:
        const char* name
        int evaluate(const Pass&) noexcept
        int fix_choices(const Fixing&) noexcept
        void noise(const Shard&, uint32_t, int64_t, int64_t, uint16_t*) noexcept
        void hash_blocks(const uint64_t*, int64_t, const uint64_t*, int64_t, uint64_t*) noexcept
        uint64_t sum_bytes(const uint8_t*, int64_t) noexcept
        int find_undecided(const Finding&, const Undecided&, int64_t*) noexcept
        void choose_undecided(const Undecided&, const float*, int64_t, int64_t*) noexcept

cdef extern from "dispatch/instruction_set.hpp" namespace "couponry" nogil:
    const KernelTable& kernels() noexcept
    bint use_instruction_set(const char*) noexcept
    const char* runnable(int) noexcept
    const char* compiler_name() noexcept

cdef extern from "common/copy_runs.hpp" namespace "couponry" nogil:
    void c_copy_runs "couponry::copy_runs"(
        const uint8_t*, int64_t, const int64_t*, const int64_t*, int64_t, int64_t, uint8_t*) noexcept

cdef extern from "evaluate/quantise_values.hpp" namespace "couponry" nogil:
    void c_span "couponry::span"[I, V](const I*, const V*, int64_t, double*, double*) noexcept

    cdef cppclass Rounding:
        const void* item
        const void* values
        int64_t item_bytes, value_bytes, rows
        uint16_t* quantity
        uint8_t* fine

    cdef cppclass ItemTables:
        const double* low
        const double* step
        double* error
        double* fine_error
        int64_t items

    int quantise_values(const Rounding&, const ItemTables&) noexcept

ctypedef fused item_t:
    uint16_t
    uint32_t

ctypedef fused value_t:
    float
    double


cdef int tables_agree(
    const Shard& shard, item, const Rules& rules, int64_t start, int64_t stop, const float[:, :, ::1] price,
    int64_t chosen, bint may_be_empty,
) except -1:
    """Whether the shapes of what a pass is given agree."""
    cdef int64_t block = block_of(shard, item, start, stop)
    same(price.shape[0], 1 + shard.quantity.rows, "price: 1 + attributes")
    if price.shape[2] > 0x7FFFFFFF:
        raise ValueError("price: expected at most 2**31 - 1 items, which vectors of 32-bit numbers can index")
    rules_agree(shard, rules, price.shape[2])
    return 0 if may_be_empty else same(chosen, block, "chosen: candidates of these customers")


cdef int look_at_pass(
    const Shard& shard, const Rules& rules, int64_t start, int64_t stop, const float[:, :, ::1] price,
) except -1:
    """Refuse what leads a pass out of its arrays; there are some customers, and some prices or no candidates."""
    look_at_shard(shard, start, stop, price.shape[1], price.shape[2])
    look_at_rules(shard, rules, start, stop)
    if price.shape[1] and price.shape[2]:
        look_at_prices(&price[0, 0, 0], price.shape[0] * price.shape[1] * price.shape[2])
    return 0


def span(
    const item_t[::1] item, const value_t[::1] values, double[::1] low, double[::1] high, bint unchecked=False,
):
    cdef int64_t n = item.shape[0]
    same(values.shape[0], n, "values: candidates")
    same(high.shape[0], low.shape[0], "high: items")
    if n == 0:
        return
    aligned(&item[0], sizeof(item_t))
    aligned(&values[0], sizeof(value_t))
    if low.shape[0]:
        aligned(&low[0], sizeof(double))
        aligned(&high[0], sizeof(double))
    if not unchecked or ALWAYS_CHECKED:
        refuse(items_beyond(b"item", &item[0], item.itemsize, 0, n, low.shape[0]))
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
    bint unchecked=False,
):
    cdef int64_t n = item.shape[0], items = low.shape[0]
    cdef Rounding work
    cdef ItemTables tables
    cdef int status
    same(values.shape[0], n, "values: candidates")
    same(quantity.shape[0], n, "quantity: candidates")
    same(fine.shape[0], n, "fine: candidates")
    same(step.shape[0], items, "step: items")
    same(error.shape[0], items, "error: items")
    same(fine_error.shape[0], items, "fine_error: items")
    if n == 0:
        return
    aligned(&item[0], sizeof(item_t))
    aligned(&values[0], sizeof(value_t))
    aligned(&quantity[0], sizeof(uint16_t))
    if items:
        aligned(&low[0], sizeof(double))
        aligned(&step[0], sizeof(double))
        aligned(&error[0], sizeof(double))
        aligned(&fine_error[0], sizeof(double))
    if not unchecked or ALWAYS_CHECKED:
        refuse(items_beyond(b"item", &item[0], item.itemsize, 0, n, items))
    work.item, work.item_bytes, work.rows = &item[0], sizeof(item_t), n
    work.values, work.value_bytes = &values[0], sizeof(value_t)
    work.quantity, work.fine = &quantity[0], &fine[0]
    tables.items = items
    tables.low, tables.step = &low[0], &step[0]
    tables.error, tables.fine_error = &error[0], &fine_error[0]
    with nogil:
        status = quantise_values(work, tables)
    check(status)


def noise(shard, seed, int64_t start, int64_t stop, uint16_t[::1] out, *, bint unchecked=False):
    cdef Shard shard_ = shard_view(shard)
    cdef uint32_t seed_ = seed & 0xFFFFFFFF
    same(out.shape[0], block_of(shard_, shard.item, start, stop), "out: candidates of these customers")
    if out.shape[0] == 0:
        return
    aligned(&out[0], sizeof(uint16_t))
    if not unchecked or ALWAYS_CHECKED:
        look_at_shard(shard_, start, stop, 0x10000, 0x100000000)  # of any segment and item
    with nogil:
        kernels().noise(shard_, seed_, start, stop, &out[0])


cdef int set_up(
    Pass* work, Cut* cut, shard, rules, const float[:, :, ::1] price, seed, int64_t start, int64_t stop,
    int64_t[:, :, ::1] usage, int64_t chosen, bint may_be_empty, int64_t unit, int64_t[::1] cut_counts, bint unchecked,
) except -1:
    """Fill in what a pass is given but for `chosen`, once it is looked at; 0 where there is nothing to do, else 1."""
    work.shard = shard_view(shard)
    work.rules = rules_view(rules)
    work.segments, work.items = price.shape[1], price.shape[2]
    work.seed = seed & 0xFFFFFFFF
    work.start, work.stop = start, stop
    tables_agree(work.shard, shard.item, work.rules, start, stop, price, chosen, may_be_empty and chosen == 0)
    same(cut_counts.shape[0], 2, "cut: numbers")
    same(usage.shape[0], price.shape[0], "usage: 1 + attributes")
    same(usage.shape[1], price.shape[1], "usage: segments")
    same(usage.shape[2], price.shape[2], "usage: items")
    if start == stop or work.segments == 0 or work.items == 0:
        return 0  # nobody, or nothing that anybody could be given
    aligned(&price[0, 0, 0], sizeof(float))
    aligned(&usage[0, 0, 0], sizeof(int64_t))
    aligned(&cut_counts[0], sizeof(int64_t))
    if not unchecked or ALWAYS_CHECKED:
        look_at_pass(work.shard, work.rules, start, stop, price)
    work.price = &price[0, 0, 0]
    work.usage = &usage[0, 0, 0]
    work.chosen = NULL
    cut.searches = cut.slack = 0
    work.unit = unit
    work.cut = cut
    return 1


def evaluate(
    shard, rules, const float[:, :, ::1] price, seed, int64_t start, int64_t stop,
    int64_t[:, :, ::1] usage, uint8_t[::1] chosen, int64_t unit, int64_t[::1] cut, *, bint unchecked=False,
):
    cdef Pass work
    cdef Cut cut_
    cdef int status
    if not set_up(
            &work, &cut_, shard, rules, price, seed, start, stop, usage, chosen.shape[0], True, unit, cut, unchecked):
        return
    if chosen.shape[0]:
        work.chosen = &chosen[0]
    with nogil:
        status = kernels().evaluate(work)
    check(status)
    cut[0] += cut_.searches
    cut[1] += cut_.slack


def fix_choices(
    shard, rules, const float[:, :, ::1] price, int64_t start, int64_t stop, const uint8_t[::1] bits,
    const float[:, :, :, ::1] threshold, const uint8_t[:, :] fine, int64_t[:, :, ::1] usage,
    int64_t[:, :, ::1] fine_usage, uint8_t[::1] is_free, uint8_t[::1] chosen, *, bint unchecked=False,
):
    cdef Fixing fixing
    cdef int status
    cdef int64_t segments = price.shape[1], items = price.shape[2]
    fixing.shard = shard_view(shard)
    fixing.rules = rules_view(rules)
    fixing.segments, fixing.items, fixing.start, fixing.stop = segments, items, start, stop
    tables_agree(fixing.shard, shard.item, fixing.rules, start, stop, price, chosen.shape[0], False)
    same(is_free.shape[0], stop - start, "is_free: customers")
    same(bits.shape[0], (chosen.shape[0] + 7) // 8, "bits: bytes of these customers' candidates")
    within(threshold.shape[0], 1, 0x7FFFFFFF, "threshold: levels")
    same(threshold.shape[1], 2, "threshold: axis 1")
    same(threshold.shape[2], segments, "threshold: segments")
    same(threshold.shape[3], items, "threshold: items")
    same(fine.shape[1], chosen.shape[0], "fine: candidates of these customers")
    if fine.shape[0] and fine.shape[1] > 1:
        same(fine.strides[1], 1, "fine: bytes to the next candidate")
    same(usage.shape[0], price.shape[0], "usage: 1 + attributes")
    same(usage.shape[1], segments, "usage: segments")
    same(usage.shape[2], items, "usage: items")
    same(fine_usage.shape[0], fine.shape[0], "fine_usage: attributes")
    same(fine_usage.shape[1], segments, "fine_usage: segments")
    same(fine_usage.shape[2], items, "fine_usage: items")
    if segments * items > 0x3FFFFFFF:
        raise ValueError("price: expected at most 2**30 - 1 cells, two of which vectors of 32-bit numbers can index")
    if start == stop or segments == 0 or items == 0:
        is_free[:] = 0
        return  # nobody, or nothing that anybody could be given
    aligned(&price[0, 0, 0], sizeof(float))
    aligned(&threshold[0, 0, 0, 0], sizeof(float))
    aligned(&usage[0, 0, 0], sizeof(int64_t))
    if fine_usage.shape[0]:
        aligned(&fine_usage[0, 0, 0], sizeof(int64_t))
    fixing.price = &price[0, 0, 0]
    fixing.bits = &bits[0] if bits.shape[0] else NULL
    fixing.chosen = &chosen[0] if chosen.shape[0] else NULL
    if not unchecked or ALWAYS_CHECKED:
        look_at_pass(fixing.shard, fixing.rules, start, stop, price)
    fixing.threshold = &threshold[0, 0, 0, 0]
    fixing.levels = threshold.shape[0]
    fixing.attributes = fine.shape[0] if fine.shape[1] else 0
    fixing.fine = &fine[0, 0] if fixing.attributes else NULL
    fixing.fine_stride = fine.strides[0]
    fixing.usage = &usage[0, 0, 0]
    fixing.fine_usage = &fine_usage[0, 0, 0] if fixing.attributes else NULL
    fixing.is_free = &is_free[0]
    with nogil:
        status = kernels().fix_choices(fixing)
    check(status)


include "decide.pxi"


include "undecided.pxi"


def copy_runs(
    const uint8_t[:, ::1] source, const int64_t[::1] begin, const int64_t[::1] ptr, int64_t start, int64_t stop,
    uint8_t[:, ::1] out, *, bint unchecked=False,
):
    cdef int64_t runs = begin.shape[0], run
    same(ptr.shape[0], runs + 1, "ptr: offsets")
    same(out.shape[1], source.shape[1], "out: bytes of an entry")
    if not 0 <= start <= stop <= runs:
        raise ValueError(f"start, stop: expected 0 <= start <= stop <= {runs}, got {start}, {stop}")
    if start == stop:
        return
    aligned(&begin[0], sizeof(int64_t))
    aligned(&ptr[0], sizeof(int64_t))
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_offsets(b"ptr", &ptr[0], start, stop, out.shape[0]))
        for run in range(start, stop):
            if not 0 <= begin[run] <= source.shape[0] - (ptr[run + 1] - ptr[run]):
                raise ValueError(f"begin: expected runs within {source.shape[0]} entries, got another one at {run}")
    if source.shape[0] == 0 or out.shape[0] == 0 or out.shape[1] == 0:
        return  # all runs are empty
    with nogil:
        c_copy_runs(&source[0, 0], source.shape[1], &begin[0], &ptr[0], start, stop, &out[0, 0])


def hash_blocks(const uint64_t[::1] words, const uint64_t[::1] key, uint64_t[:, ::1] out, *, bint unchecked=False):
    cdef int64_t blocks = out.shape[0], size = key.shape[0] - 3
    if size < 8 or size % 8 or words.shape[0] != blocks * size or out.shape[1] != 4:
        raise ValueError(f"words: expected {blocks} blocks of {size} words and 4 numbers for each, got {words.shape[0]} words")
    if blocks == 0:
        return
    aligned(&words[0], sizeof(uint64_t))
    aligned(&key[0], sizeof(uint64_t))
    aligned(&out[0, 0], sizeof(uint64_t))
    with nogil:
        kernels().hash_blocks(&words[0], blocks, &key[0], size, &out[0, 0])


def read_bytes(const uint8_t[::1] array, int64_t start, int64_t stop):
    """Sum, modulo 2**64, of array[start:stop] as little-endian 64-bit numbers: reads every byte once, does no more."""
    cdef uint64_t total
    if not 0 <= start <= stop <= array.shape[0]:
        raise ValueError(f"start, stop: expected 0 <= start <= stop <= {array.shape[0]}, got {start}, {stop}")
    if start == stop:
        return 0
    with nogil:
        total = kernels().sum_bytes(&array[start], stop - start)
    return total


def compiler():
    """Name and version of the compiler that built this module."""
    return compiler_name().decode()


def instruction_set():
    """Name of the instruction set in use: avx512, avx2 or baseline."""
    return kernels().name.decode()


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
    if not use_instruction_set(name.encode()):
        raise ValueError(
            f"COUPONRY_ISA: expected one of {', '.join(instruction_sets())} (what this processor runs), got {name!r}")


try:
    _use_instruction_set(os.environ.get("COUPONRY_ISA", ""))
except ValueError as error:
    raise ImportError(str(error)) from None
