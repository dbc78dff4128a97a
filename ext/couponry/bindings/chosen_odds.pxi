# The boundary of the kernels of log odds; a part of affinity.pyx.

cdef extern from "affinity/chosen_odds.hpp" namespace "couponry" nogil:
    cdef cppclass BegunTables:
        View[const float] prior, near, offer, popular, customer
        Table[const int32_t] of_items, of_offers
        int64_t groups
        Table[const float] of_group

    cdef cppclass BoughtItems:
        View[const int64_t] indptr
        View[const int32_t] item
        View[const float] weight

    cdef cppclass ResponseTables:
        Table[const float] table, shift
        View[const float] score, squared, trips
        double slope
        int64_t own

    cdef cppclass Responses:
        View[float] p0, p1

    int c_score_begun "couponry::score_begun"(const BegunTables&, const BoughtItems&, const Chosen&) noexcept
    int c_response_odds "couponry::response_odds"(
        const ResponseTables&, const View[const float]&, const Chosen&, const Responses&) noexcept
    Fault begun_fault(const BegunTables&, const BoughtItems&, const Chosen&) noexcept
    Fault offers_fault(const Chosen&, int64_t) noexcept


cdef Chosen chosen_view(chosen) except *:
    cdef Chosen out
    cdef int64_t all = 0, i
    out.number, out.offer = writable[int32_t](chosen.number), writable[int32_t](chosen.offer)
    out.role, out.score = writable[uint8_t](chosen.role), writable[float](chosen.score)
    same(out.role.size, out.offer.size, "chosen.role: offers")
    same(out.score.size, out.offer.size, "chosen.score: offers")
    for i in range(out.number.size):
        all += out.number.data[i]
    same(all, out.offer.size, "chosen.number: offers of all customers")
    return out


def score_begun(
    tables, const int64_t[::1] indptr, const int32_t[::1] item, const float[::1] weight, chosen, *, bint unchecked=False,
):
    cdef BegunTables tables_
    cdef BoughtItems bought
    cdef Chosen chosen_ = chosen_view(chosen)
    cdef int status
    tables_.prior, tables_.near = view[float](tables.prior), view[float](tables.near)
    tables_.offer, tables_.popular = view[float](tables.offer), view[float](tables.popular)
    tables_.customer, tables_.of_group = view[float](tables.customer), table[float](tables.of_group)
    tables_.of_items, tables_.of_offers = table[int32_t](tables.of_items), table[int32_t](tables.of_offers)
    tables_.groups = tables.groups
    bought.indptr, bought.item, bought.weight = view[int64_t](indptr), view[int32_t](item), view[float](weight)
    same(bought.indptr.size, chosen_.number.size + 1, "indptr: offsets")
    same(bought.weight.size, bought.item.size, "weight: items")
    same(tables_.near.size, 3, "tables.near: numbers")
    same(tables_.customer.size, 3, "tables.customer: numbers")
    same(tables_.prior.size, tables_.offer.size, "tables.prior: offers")
    same(tables_.popular.size, tables_.offer.size, "tables.popular: offers")
    within(tables_.groups, 0, 0x7FFFFFFF, "tables.groups")
    same(tables_.of_items.rows, tables_.of_group.rows, "tables.of_items: groupings")
    same(tables_.of_offers.rows, tables_.of_group.rows, "tables.of_offers: groupings")
    if tables_.of_group.rows:
        same(tables_.of_group.columns, 2, "tables.of_group: coefficients")
        same(tables_.of_offers.columns, tables_.offer.size, "tables.of_offers: offers")
    if chosen_.offer.size == 0:
        return
    if not unchecked or ALWAYS_CHECKED:
        refuse(begun_fault(tables_, bought, chosen_))
    with nogil:
        status = c_score_begun(tables_, bought, chosen_)
    check(status)


def response_odds(
    tables, const float[::1] trips, chosen, float[::1] p0, float[::1] p1, *, bint unchecked=False,
):
    cdef ResponseTables tables_
    cdef View[const float] trips_ = view[float](trips)
    cdef Chosen chosen_ = chosen_view(chosen)
    cdef Responses responses
    cdef int status
    tables_.table, tables_.shift = table[float](tables.table), table[float](tables.shift)
    tables_.score, tables_.squared = view[float](tables.score), view[float](tables.squared)
    tables_.trips, tables_.slope, tables_.own = view[float](tables.trips), tables.slope, tables.own
    responses.p0, responses.p1 = writable[float](p0), writable[float](p1)
    same(trips_.size, chosen_.number.size, "trips: customers")
    same(tables_.table.rows, 3, "tables.table: roles")
    same(tables_.score.size, 3, "tables.score: roles")
    same(tables_.squared.size, 3, "tables.squared: roles")
    same(tables_.trips.size, 3, "tables.trips: roles")
    same(responses.p0.size, chosen_.offer.size, "p0: offers")
    same(responses.p1.size, chosen_.offer.size, "p1: offers")
    if tables_.shift.rows:
        same(tables_.shift.rows, 3, "tables.shift: roles")
        same(tables_.shift.columns, tables_.table.columns, "tables.shift: offers")
    if chosen_.offer.size == 0:
        return
    if not unchecked or ALWAYS_CHECKED:
        refuse(offers_fault(chosen_, tables_.table.columns))
    with nogil:
        status = c_response_odds(tables_, trips_, chosen_, responses)
    check(status)
