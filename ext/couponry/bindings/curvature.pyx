# The boundary of the kernels behind the dual's second derivatives.
"""Kernels in C++ about changes of single decisions; `couponry.kernels.reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t

from checks cimport (
    ALWAYS_CHECKED, block_of, look_at_shard, not_finite, not_flags, not_offsets, not_within, refuse, same, within,
)
from contract cimport Shard, Table, View, aligned, check, shard_view, table, view, writable

cdef extern from "curvature/changes.hpp" namespace "couponry" nogil:
    cdef cppclass LossWeights:
        View[const double] line
        View[const int64_t] quantity
        double least

    cdef cppclass LossCounts:
        uint32_t* data
        int64_t decisions, segments, items, bins

    cdef cppclass NearChanges:
        const float* width
        const double* factor
        int64_t segments, items
        double swap
        View[const int64_t] ptr
        View[const int32_t] row
        Table[const double] coefficient

    cdef cppclass Changes:
        View[int64_t] ptr
        View[int32_t] row
        View[double] moved

    cdef cppclass ListedChanges:
        View[const int64_t] ptr
        View[const int32_t] row
        View[const double] moved

    cdef cppclass ChangesByRow:
        Table[const int64_t] begins
        View[const int64_t] entry, end

    void c_count_losses "couponry::count_losses"(
        const Shard&, const uint8_t*, const float*, const LossWeights&, int64_t, int64_t, int64_t,
        const LossCounts&) noexcept
    int c_list_changes "couponry::list_changes"(
        const Shard&, const uint8_t*, const int64_t*, const float*, const NearChanges&, int64_t, int64_t,
        const Changes&, View[int64_t], int64_t*) noexcept
    int c_group_changes "couponry::group_changes"(
        const Changes&, int64_t, int64_t, View[const int64_t], View[int64_t], View[int64_t], View[int64_t],
        View[int64_t]) noexcept
    int c_multiply_changes "couponry::multiply_changes"(
        const ListedChanges&, const ChangesByRow&, int64_t, int64_t, View[int64_t], View[int32_t], View[double],
        int64_t*) noexcept
    int c_mirror_products "couponry::mirror_products"(
        View[const int64_t], View[const int32_t], View[const double], View[int64_t], View[int32_t], View[double],
        int64_t*) noexcept


cdef LossWeights weights_view(weights, int64_t segments, int64_t items, const Shard& shard) except *:
    cdef LossWeights out
    cdef const double[:, :, ::1] line = weights.line
    out.quantity = view[int64_t](weights.quantity)
    out.least = weights.least
    same(line.shape[0], 2 * out.quantity.size, "weights.line: rows")
    same(line.shape[1], segments, "weights.line: segments")
    same(line.shape[2], items, "weights.line: items")
    out.line.size = line.shape[0] * segments * items
    out.line.data = &line[0, 0, 0] if out.line.size else NULL
    aligned(out.line.data, sizeof(double))
    if not 0.0 <= out.least <= 1.0:
        raise ValueError(f"weights.least: expected 0 to 1, got {out.least}")
    return out


cdef NearChanges near_view(near, const Shard& shard) except *:
    cdef NearChanges out
    cdef const float[:, ::1] width = near.width
    cdef const double[:, ::1] factor = near.factor
    out.segments, out.items = width.shape[0], width.shape[1]
    same(factor.shape[0], out.segments, "near.factor: segments")
    same(factor.shape[1], out.items, "near.factor: items")
    out.width = &width[0, 0] if out.segments and out.items else NULL
    out.factor = &factor[0, 0] if out.segments and out.items else NULL
    aligned(out.width, sizeof(float))
    aligned(out.factor, sizeof(double))
    out.swap = near.swap
    out.ptr = view[int64_t](near.ptr)
    out.row = view[int32_t](near.row)
    out.coefficient = table[double](near.coefficient)
    same(out.ptr.size, out.segments * out.items + 1, "near.ptr: offsets")
    same(out.coefficient.rows, out.row.size, "near.coefficient: entries")
    same(out.coefficient.columns, 1 + shard.quantity.rows, "near.coefficient: 1 + quantities")
    return out


cdef Changes changes_view(changes) except *:
    cdef Changes out
    out.ptr = writable[int64_t](changes.ptr)
    out.row = writable[int32_t](changes.row)
    out.moved = writable[double](changes.moved)
    same(out.moved.size, out.row.size, "changes.moved: entries")
    return out


cdef int look_at_partners(const int64_t[::1] partner, int64_t begin, int64_t end) except -1:
    """Refuse partners that are none of the candidates from `begin` to `end`; -1 is nobody."""
    cdef int64_t at
    for at in range(partner.shape[0]):
        if partner[at] != -1 and not begin <= partner[at] < end:
            raise ValueError(f"partner: expected -1 or a candidate of these customers, got another one at {at}")
    return 0


def count_losses(
    shard, const uint8_t[::1] chosen, const float[::1] loss, weights, int64_t first_bin, int64_t start, int64_t stop,
    uint32_t[:, :, :, ::1] count, *, bint unchecked=False,
):
    cdef Shard shard_ = shard_view(shard)
    cdef int64_t block = block_of(shard_, shard.item, start, stop)
    cdef LossWeights weights_ = weights_view(weights, count.shape[1], count.shape[2], shard_)
    cdef LossCounts count_
    within(first_bin, -1024, 1023, "first_bin")
    within(count.shape[0], 1, 2, "count: decisions")
    within(count.shape[3], 1, 0x7FFFFFFF, "count: bins")
    same(chosen.shape[0], block, "chosen: candidates of these customers")
    same(loss.shape[0], block, "loss: candidates of these customers")
    if block == 0:
        return
    count_.decisions, count_.segments, count_.items = count.shape[0], count.shape[1], count.shape[2]
    count_.bins = count.shape[3]
    count_.data = &count[0, 0, 0, 0] if count_.segments and count_.items else NULL
    aligned(count_.data, sizeof(uint32_t))
    aligned(&loss[0], sizeof(float))
    if not unchecked or ALWAYS_CHECKED:
        look_at_shard(shard_, start, stop, count_.segments, count_.items)
        refuse(not_finite[double](b"weights.line", weights_.line.data, weights_.line.size))
        refuse(not_within[int64_t](
            b"weights.quantity", weights_.quantity.data, 0, weights_.quantity.size, 0, shard_.quantity.rows - 1))
        refuse(not_flags(b"chosen", &chosen[0], block))
    with nogil:
        c_count_losses(shard_, &chosen[0], &loss[0], weights_, first_bin, start, stop, count_)


def list_changes(
    shard, const uint8_t[::1] chosen, const int64_t[::1] partner, const float[::1] loss, near, int64_t start,
    int64_t stop, changes, int64_t[::1] reach, *, bint unchecked=False,
):
    cdef Shard shard_ = shard_view(shard)
    cdef NearChanges near_ = near_view(near, shard_)
    cdef Changes changes_ = changes_view(changes)
    cdef View[int64_t] reach_ = writable[int64_t](reach)
    cdef int64_t block = block_of(shard_, shard.item, start, stop)
    cdef int64_t made = 0
    cdef int status
    same(chosen.shape[0], block, "chosen: candidates of these customers")
    same(partner.shape[0], block, "partner: candidates of these customers")
    same(loss.shape[0], block, "loss: candidates of these customers")
    if changes_.ptr.size == 0:
        raise ValueError("changes.ptr: expected room for an offset, got none")
    if block == 0:
        changes_.ptr.data[0] = 0
        return 0
    aligned(&partner[0], sizeof(int64_t))
    aligned(&loss[0], sizeof(float))
    if not unchecked or ALWAYS_CHECKED:
        look_at_shard(shard_, start, stop, near_.segments, near_.items)
        refuse(not_offsets(b"near.ptr", near_.ptr.data, 0, near_.ptr.size - 1, near_.row.size))
        refuse(not_within[int32_t](b"near.row", near_.row.data, 0, near_.row.size, 0, reach_.size - 1))
        look_at_partners(partner, shard_.indptr.data[start], shard_.indptr.data[stop])
        refuse(not_flags(b"chosen", &chosen[0], block))
    with nogil:
        status = c_list_changes(
            shard_, &chosen[0], &partner[0], &loss[0], near_, start, stop, changes_, reach_, &made)
    check(status)
    return made


cdef ListedChanges listed_view(changes) except *:
    cdef ListedChanges out
    out.ptr = view[int64_t](changes.ptr)
    out.row = view[int32_t](changes.row)
    out.moved = view[double](changes.moved)
    same(out.moved.size, out.row.size, "changes.moved: entries")
    if out.ptr.size == 0:
        raise ValueError("changes.ptr: expected at least one offset, got none")
    same(out.row.size, out.ptr.data[out.ptr.size - 1], "changes.row: entries")
    return out


cdef int look_at_changes(const ListedChanges& changes, int64_t first, int64_t last, int64_t rows) except -1:
    """Refuse entries and rows of some changes that there are not."""
    refuse(not_offsets(b"changes.ptr", changes.ptr.data, first, last, changes.row.size))
    return refuse(not_within[int32_t](
        b"changes.row", changes.row.data, changes.ptr.data[first], changes.ptr.data[last], 0, rows - 1))


def group_changes(
    changes, int64_t first, int64_t last, const int64_t[::1] reach, int64_t[::1] begins, int64_t[::1] entry,
    int64_t[::1] end, int64_t[::1] products, *, bint unchecked=False,
):
    cdef ListedChanges listed = listed_view(changes)
    cdef Changes changes_ = changes_view(changes)
    cdef View[const int64_t] reach_ = view[int64_t](reach)
    cdef View[int64_t] begins_ = writable[int64_t](begins)
    cdef View[int64_t] entry_ = writable[int64_t](entry)
    cdef View[int64_t] end_ = writable[int64_t](end)
    cdef View[int64_t] products_ = writable[int64_t](products)
    cdef int status
    within(last, 0, listed.ptr.size - 1, "last")
    within(first, 0, last, "first")
    if begins_.size == 0:
        raise ValueError("begins: expected at least one offset, got none")
    same(reach_.size, begins_.size - 1, "reach: rows")
    same(products_.size, begins_.size - 1, "products: rows")
    same(entry_.size, listed.row.size, "entry: entries")
    same(end_.size, listed.row.size, "end: entries")
    if not unchecked or ALWAYS_CHECKED:
        look_at_changes(listed, first, last, begins_.size - 1)  # others may not be there yet
    with nogil:
        status = c_group_changes(changes_, first, last, reach_, begins_, entry_, end_, products_)
    check(status)


def multiply_changes(
    changes, by_row, int64_t first, int64_t last, int64_t[::1] count, int32_t[::1] column, double[::1] product,
    *, bint unchecked=False,
):
    cdef ListedChanges changes_ = listed_view(changes)
    cdef ChangesByRow by_row_
    cdef View[int64_t] count_ = writable[int64_t](count)
    cdef View[int32_t] column_ = writable[int32_t](column)
    cdef View[double] product_ = writable[double](product)
    cdef int64_t made = 0, part, rows
    cdef int status
    by_row_.begins = table[int64_t](by_row.begins)
    by_row_.entry = view[int64_t](by_row.entry)
    by_row_.end = view[int64_t](by_row.end)
    if by_row_.begins.columns == 0:
        raise ValueError("by_row.begins: expected at least one offset, got none")
    rows = by_row_.begins.columns - 1
    same(by_row_.entry.size, changes_.row.size, "by_row.entry: entries")
    same(by_row_.end.size, changes_.row.size, "by_row.end: entries")
    within(last, 0, rows, "last")
    within(first, 0, last, "first")
    same(count_.size, last - first, "count: rows")
    same(product_.size, column_.size, "product: entries")
    if not unchecked or ALWAYS_CHECKED:
        look_at_changes(changes_, 0, changes_.ptr.size - 1, rows)
        for part in range(by_row_.begins.rows):
            refuse(not_offsets(
                b"by_row.begins", by_row_.begins.data + part * (rows + 1), 0, rows, changes_.row.size))
        refuse(not_within[int64_t](
            b"by_row.entry", by_row_.entry.data, 0, by_row_.entry.size, 0, changes_.row.size - 1))
        refuse(not_within[int64_t](
            b"by_row.end", by_row_.end.data, 0, by_row_.end.size, 0, changes_.row.size))
    with nogil:
        status = c_multiply_changes(changes_, by_row_, first, last, count_, column_, product_, &made)
    check(status)
    return made


def mirror_products(
    const int64_t[::1] count, const int32_t[::1] half_column, const double[::1] half_product, int64_t[::1] indptr,
    int32_t[::1] column, double[::1] product, *, bint unchecked=False,
):
    cdef View[const int64_t] count_ = view[int64_t](count)
    cdef View[const int32_t] half_column_ = view[int32_t](half_column)
    cdef View[const double] half_product_ = view[double](half_product)
    cdef View[int64_t] indptr_ = writable[int64_t](indptr)
    cdef View[int32_t] column_ = writable[int32_t](column)
    cdef View[double] product_ = writable[double](product)
    cdef int64_t made = 0, row, entries = 0
    cdef int status
    same(indptr_.size, count_.size + 1, "indptr: offsets")
    same(half_product_.size, half_column_.size, "half_product: entries")
    same(product_.size, column_.size, "product: entries")
    for row in range(count_.size):
        within(count_.data[row], 0, half_column_.size - entries, "count: entries")
        entries += count_.data[row]
    same(half_column_.size, entries, "half_column: entries")
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_within[int32_t](
            b"half_column", half_column_.data, 0, half_column_.size, 0, count_.size - 1))
    with nogil:
        status = c_mirror_products(count_, half_column_, half_product_, indptr_, column_, product_, &made)
    check(status)
    return made


include "steps.pxi"
