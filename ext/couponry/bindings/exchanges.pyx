# The boundary of the kernels of exchanges.
"""Kernels in C++ about exchanges; `couponry.kernels.reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t

from checks cimport ALWAYS_CHECKED, block_of, not_finite, not_offsets, refuse, same, within
from contract cimport View, aligned, check, view, writable
from search cimport LocalSearch, look_at_search, search_view

cdef extern from "exchanges/exchanges.hpp" namespace "couponry" nogil:
    cdef cppclass OpenRows:
        View[const double] price, idle

    cdef cppclass ListedMoves:
        View[int32_t] row
        View[int64_t] customer, leaving, into
        View[double] use, gain

    cdef cppclass RowMoves:
        View[const int64_t] ptr, customer
        View[const double] use, gain, cost

    cdef cppclass Rooms:
        View[const double] room, back, least, enough

    int c_list_moves "couponry::list_moves"(
        const LocalSearch&, const OpenRows&, int64_t, int64_t, const ListedMoves&, int64_t*) noexcept
    int c_find_exchanges "couponry::find_exchanges"(
        const RowMoves&, const Rooms&, int64_t, int64_t, int64_t, View[int64_t], View[double]) noexcept


cdef ListedMoves moves_view(moves) except *:
    cdef ListedMoves out
    out.row = writable[int32_t](moves.row)
    out.customer = writable[int64_t](moves.customer)
    out.leaving = writable[int64_t](moves.leaving)
    out.into = writable[int64_t](moves.into)
    out.use = writable[double](moves.use)
    out.gain = writable[double](moves.gain)
    same(out.customer.size, out.row.size, "moves.customer: moves")
    same(out.leaving.size, out.row.size, "moves.leaving: moves")
    same(out.into.size, out.row.size, "moves.into: moves")
    same(out.use.size, out.row.size, "moves.use: moves")
    same(out.gain.size, out.row.size, "moves.gain: moves")
    return out


def list_moves(shard, rules, search, open_rows, int64_t start, int64_t stop, moves, *, bint unchecked=False):
    cdef LocalSearch search_ = search_view(shard, rules, search)
    cdef OpenRows open_
    cdef ListedMoves moves_ = moves_view(moves)
    cdef int64_t made = 0
    cdef int status
    open_.price = view[double](open_rows.price)
    open_.idle = view[double](open_rows.idle)
    block_of(search_.shard, shard.item, start, stop)
    same(open_.price.size, search_.activity.size, "open_rows.price: limits")
    same(open_.idle.size, search_.activity.size, "open_rows.idle: limits")
    if start == stop:
        return 0
    if not unchecked or ALWAYS_CHECKED:
        look_at_search(search_, start, stop)
        refuse(not_finite[double](b"open_rows.price", open_.price.data, open_.price.size))
    with nogil:
        status = c_list_moves(search_, open_, start, stop, moves_, &made)
    check(status)
    return made


def find_exchanges(
    moves, rooms, int64_t width, int64_t start, int64_t stop, int64_t[:, ::1] picked, double[::1] gained,
    *, bint unchecked=False,
):
    cdef RowMoves moves_
    cdef Rooms rooms_
    cdef View[int64_t] picked_
    cdef View[double] gained_ = writable[double](gained)
    cdef int64_t rows = gained_.size
    cdef int status
    moves_.ptr = view[int64_t](moves.ptr)
    moves_.customer = view[int64_t](moves.customer)
    moves_.use = view[double](moves.use)
    moves_.gain = view[double](moves.gain)
    moves_.cost = view[double](moves.cost)
    rooms_.room = view[double](rooms.room)
    rooms_.back = view[double](rooms.back)
    rooms_.least = view[double](rooms.least)
    rooms_.enough = view[double](rooms.enough)
    within(width, 1, 0x7FFFFFFF, "width")
    within(stop, 0, rows, "stop")
    within(start, 0, stop, "start")
    same(moves_.ptr.size, rows + 1, "moves.ptr: offsets")
    same(moves_.use.size, moves_.customer.size, "moves.use: moves")
    same(moves_.gain.size, moves_.customer.size, "moves.gain: moves")
    same(moves_.cost.size, moves_.customer.size, "moves.cost: moves")
    same(rooms_.room.size, rows, "rooms.room: rows")
    same(rooms_.back.size, rows, "rooms.back: rows")
    same(rooms_.least.size, rows, "rooms.least: rows")
    same(rooms_.enough.size, rows, "rooms.enough: rows")
    same(picked.shape[0], rows, "picked: rows")
    same(picked.shape[1], 3, "picked: moves")
    if rows == 0:
        return
    picked_.size, picked_.data = 3 * rows, &picked[0, 0]
    aligned(picked_.data, sizeof(int64_t))
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_offsets(b"moves.ptr", moves_.ptr.data, 0, rows, moves_.customer.size))
        refuse(not_finite[double](b"moves.use", moves_.use.data, moves_.use.size))
        refuse(not_finite[double](b"moves.gain", moves_.gain.data, moves_.gain.size))
        refuse(not_finite[double](b"moves.cost", moves_.cost.data, moves_.cost.size))
    with nogil:
        status = c_find_exchanges(moves_, rooms_, width, start, stop, picked_, gained_)
    check(status)
