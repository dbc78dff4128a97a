# The boundary of the kernels of affinity.
"""The kernels of affinity in C++; `couponry.kernels.reference` says what each of them does."""

from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

from checks cimport (
    ALWAYS_CHECKED, Fault, customers_of, not_finite, not_offsets, not_within, refuse, same, within,
)
from contract cimport Table, View, aligned, check, table, view, writable, writable_table

cdef extern from "affinity/fold_purchases.hpp" namespace "couponry" nogil:
    cdef cppclass Purchases:
        View[const int64_t] ptr
        View[const int32_t] period
        View[const uint8_t] discounted
        View[const int64_t] spend

    cdef cppclass Pairs:
        View[int32_t] times, first, last, discounted
        View[int64_t] spend, squared_gaps
        View[uint64_t] recent
        Table[float] decay

    void c_fold_purchases "couponry::fold_purchases"(
        const Purchases&, const Table[const float]&, const Pairs&) noexcept
    Fault periods_beyond(const Purchases&, int64_t, const Pairs&) noexcept

cdef extern from "affinity/best_offers.hpp" namespace "couponry" nogil:
    cdef cppclass Bought:
        View[const int64_t] indptr
        View[const uint32_t] item
        View[const float] weight, own_weight

    cdef cppclass Link:
        pass

    cdef cppclass Links:
        View[const int64_t] ptr
        View[const Link] link

    cdef cppclass Kinds:
        View[const int32_t] item, offer
        View[const int64_t] ptr

    cdef cppclass Eligible:
        View[const int64_t] ptr
        View[const int32_t] offer

    cdef cppclass Factors:
        Table[const float] customer, offer

    cdef cppclass Chosen:
        View[int32_t] number, offer
        View[uint8_t] role
        View[float] score

    cdef cppclass Choice:
        Bought bought
        Links similar, own
        Kinds kinds
        int64_t offers
        View[const float] prior
        Factors factors
        Eligible eligible
        View[const int32_t] quota
        float above
        int64_t start, stop
        Chosen chosen

    int c_best_offers "couponry::best_offers"(const Choice&) noexcept
    Fault offers_beyond(const char*, const Links&, int64_t) noexcept

cdef extern from "affinity/keep_likeliest.hpp" namespace "couponry" nogil:
    int c_keep_likeliest "couponry::keep_likeliest"(View[const int32_t], const Chosen&) noexcept
    Fault chosen_fault(const Chosen&, View[const int32_t]) noexcept

cdef extern from "trees/score_trees.hpp" namespace "couponry" nogil:
    cdef int64_t LEAVES

    cdef cppclass Trees:
        View[const int64_t] ptr
        View[const int32_t] feature
        View[const float] threshold
        View[const uint32_t] mask
        Table[const double] value

    int c_score_trees "couponry::score_trees"(
        const Trees&, const Table[const float]&, const View[double]&) noexcept
    Fault trees_fault(const Trees&, int64_t) noexcept

cdef extern from "trees/add_columns.hpp" namespace "couponry" nogil:
    void c_add_columns "couponry::add_columns"(
        const Table[const float]&, View[const double], View[double]) noexcept

cdef extern from "affinity/variants.hpp" namespace "couponry" nogil:
    bint use_variant(const char*) noexcept


cdef Links links_view(links) except *:
    cdef Links out
    cdef const int32_t[:, ::1] pair = links.pair
    out.ptr = view[int64_t](links.ptr)
    same(pair.shape[1], 2, "links.pair: columns")
    out.link.size = pair.shape[0]
    out.link.data = <const Link*>&pair[0, 0] if pair.shape[0] else NULL
    aligned(out.link.data, sizeof(int32_t))
    return out


cdef int pairs_agree(const Purchases& bought, Table[const float] factor, const Pairs& pairs) except -1:
    """Whether the shapes of purchases and of the pairs that they are taken up into agree."""
    cdef int64_t rows = bought.period.size, count = pairs.times.size
    same(bought.ptr.size, count + 1, "ptr: offsets")
    same(bought.discounted.size, rows, "discounted: purchases")
    same(bought.spend.size, rows, "spend: purchases")
    same(pairs.first.size, count, "pairs.first: pairs")
    same(pairs.last.size, count, "pairs.last: pairs")
    same(pairs.discounted.size, count, "pairs.discounted: pairs")
    same(pairs.spend.size, count, "pairs.spend: pairs")
    same(pairs.squared_gaps.size, count, "pairs.squared_gaps: pairs")
    same(pairs.recent.size, count, "pairs.recent: pairs")
    same(pairs.decay.rows, count, "pairs.decay: pairs")
    return same(pairs.decay.columns, factor.columns, "pairs.decay: half-lives")


cdef int links_agree(const Links& links, int64_t items, str what) except -1:
    return same(links.ptr.size, items + 1, what)


cdef int choice_agrees(const Choice& choice) except -1:
    """Whether the shapes of what offers are chosen by agree."""
    cdef int64_t customers = customers_of(choice.bought.indptr.size, choice.start, choice.stop)
    cdef int64_t items = choice.similar.ptr.size - 1, pairs = choice.bought.item.size, room, width = 0
    within(items, 0, 0x7FFFFFFF, "scoring.similar.ptr: offsets less 1")
    within(choice.offers, 0, 0x7FFFFFFF, "scoring.offers")
    links_agree(choice.own, items, "scoring.own.ptr: offsets")
    same(choice.bought.weight.size, pairs, "scoring.bought.weight: pairs")
    same(choice.bought.own_weight.size, pairs, "scoring.bought.own_weight: pairs")
    same(choice.kinds.item.size, items, "scoring.kinds.item: items")
    within(choice.kinds.ptr.size, 1, 0x7FFFFFFF, "scoring.kinds.ptr: offsets")
    if choice.prior.size:
        same(choice.prior.size, choice.offers, "scoring.prior: offers")
    same(choice.factors.customer.columns, choice.factors.offer.rows, "scoring.factors.customer: factors")
    if choice.factors.offer.rows:
        same(choice.factors.customer.rows, customers, "scoring.factors.customer: customers")
        same(choice.factors.offer.columns, choice.offers, "scoring.factors.offer: offers")
    if choice.eligible.ptr.size:
        same(choice.eligible.ptr.size, customers + 1, "scoring.eligible.ptr: offsets")
    same(choice.quota.size, 3, "scoring.quota: roles")
    for role in range(3):
        within(choice.quota.data[role], 0, 0x7FFFFFFF, "scoring.quota")
        width += choice.quota.data[role]
    room = (width if width < choice.offers else choice.offers) * (choice.stop - choice.start)
    same(choice.chosen.number.size, choice.stop - choice.start, "chosen.number: customers")
    within(choice.chosen.offer.size, room, 0x7FFFFFFFFFFFFFFF, "chosen.offer: room")
    same(choice.chosen.role.size, choice.chosen.offer.size, "chosen.role: room")
    return same(choice.chosen.score.size, choice.chosen.offer.size, "chosen.score: room")


cdef int look_at_choice(const Choice& choice) except -1:
    """Refuse what leads a choice of offers out of its arrays."""
    cdef int64_t items = choice.similar.ptr.size - 1, kinds = choice.kinds.ptr.size - 1, last = choice.offers - 1
    cdef int64_t begin, end
    refuse(not_offsets(
        b"scoring.bought.indptr", choice.bought.indptr.data, choice.start, choice.stop, choice.bought.item.size))
    begin, end = choice.bought.indptr.data[choice.start], choice.bought.indptr.data[choice.stop]
    refuse(not_within[uint32_t](b"scoring.bought.item", choice.bought.item.data, begin, end, 0, items - 1))
    refuse(not_finite[float](b"scoring.bought.weight", choice.bought.weight.data + begin, end - begin))
    refuse(not_finite[float](b"scoring.bought.own_weight", choice.bought.own_weight.data + begin, end - begin))
    refuse(not_finite[float](b"scoring.prior", choice.prior.data, choice.prior.size))
    if choice.factors.offer.rows:
        begin, end = choice.start * choice.factors.offer.rows, choice.stop * choice.factors.offer.rows
        refuse(not_finite[float](b"scoring.factors.customer", choice.factors.customer.data + begin, end - begin))
        refuse(not_finite[float](
            b"scoring.factors.offer", choice.factors.offer.data, choice.factors.offer.rows * choice.offers))
    refuse(not_offsets(b"scoring.similar.ptr", choice.similar.ptr.data, 0, items, choice.similar.link.size))
    refuse(offers_beyond(b"scoring.similar", choice.similar, choice.offers))
    refuse(not_offsets(b"scoring.own.ptr", choice.own.ptr.data, 0, items, choice.own.link.size))
    refuse(offers_beyond(b"scoring.own", choice.own, choice.offers))
    refuse(not_within[int32_t](b"scoring.kinds.item", choice.kinds.item.data, 0, items, -1, kinds - 1))
    refuse(not_offsets(b"scoring.kinds.ptr", choice.kinds.ptr.data, 0, kinds, choice.kinds.offer.size))
    refuse(not_within[int32_t](b"scoring.kinds.offer", choice.kinds.offer.data, 0, choice.kinds.offer.size, 0, last))
    if choice.eligible.ptr.size:
        refuse(not_offsets(
            b"scoring.eligible.ptr", choice.eligible.ptr.data, choice.start, choice.stop, choice.eligible.offer.size))
        begin = choice.eligible.ptr.data[choice.start]
        end = choice.eligible.ptr.data[choice.stop]
        refuse(not_within[int32_t](b"scoring.eligible.offer", choice.eligible.offer.data, begin, end, 0, last))
    return 0


def fold_purchases(
    const int64_t[::1] ptr, const int32_t[::1] period, const uint8_t[::1] discounted, const int64_t[::1] spend,
    const float[:, ::1] factor, pairs, *, bint unchecked=False,
):
    cdef Purchases bought
    cdef Table[const float] factor_ = table[float](factor)
    cdef Pairs pairs_
    bought.ptr, bought.period = view[int64_t](ptr), view[int32_t](period)
    bought.discounted, bought.spend = view[uint8_t](discounted), view[int64_t](spend)
    pairs_.times = writable[int32_t](pairs.times)
    pairs_.first = writable[int32_t](pairs.first)
    pairs_.last = writable[int32_t](pairs.last)
    pairs_.discounted = writable[int32_t](pairs.discounted)
    pairs_.spend = writable[int64_t](pairs.spend)
    pairs_.squared_gaps = writable[int64_t](pairs.squared_gaps)
    pairs_.recent = writable[uint64_t](pairs.recent)
    pairs_.decay = writable_table[float](pairs.decay)
    pairs_agree(bought, factor_, pairs_)
    if period.shape[0] == 0:
        return
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_offsets(b"ptr", bought.ptr.data, 0, bought.ptr.size - 1, bought.period.size))
        refuse(periods_beyond(bought, factor_.rows, pairs_))
    with nogil:
        c_fold_purchases(bought, factor_, pairs_)


def best_offers(scoring, int64_t start, int64_t stop, chosen, *, bint unchecked=False):
    cdef Choice choice
    cdef int status
    bought, kinds, eligible = scoring.bought, scoring.kinds, scoring.eligible
    choice.bought.indptr = view[int64_t](bought.indptr)
    choice.bought.item = view[uint32_t](bought.item)
    choice.bought.weight = view[float](bought.weight)
    choice.bought.own_weight = view[float](bought.own_weight)
    choice.similar, choice.own = links_view(scoring.similar), links_view(scoring.own)
    choice.kinds.item, choice.kinds.ptr = view[int32_t](kinds.item), view[int64_t](kinds.ptr)
    choice.kinds.offer = view[int32_t](kinds.offer)
    choice.offers = scoring.offers
    choice.prior, choice.quota = view[float](scoring.prior), view[int32_t](scoring.quota)
    choice.factors.customer = table[float](scoring.factors.customer)
    choice.factors.offer = table[float](scoring.factors.offer)
    choice.above = scoring.above
    choice.eligible.ptr = view[int64_t](eligible.ptr)
    choice.eligible.offer = view[int32_t](eligible.offer)
    choice.start, choice.stop = start, stop
    choice.chosen.number, choice.chosen.offer = writable[int32_t](chosen.number), writable[int32_t](chosen.offer)
    choice.chosen.role, choice.chosen.score = writable[uint8_t](chosen.role), writable[float](chosen.score)
    choice_agrees(choice)
    if start == stop:
        return
    if not unchecked or ALWAYS_CHECKED:
        look_at_choice(choice)
    with nogil:
        status = c_best_offers(choice)
    check(status)


def keep_likeliest(const int32_t[::1] quota, chosen, *, bint unchecked=False):
    cdef View[const int32_t] quota_ = view[int32_t](quota)
    cdef Chosen chosen_
    cdef int status
    chosen_.number, chosen_.offer = writable[int32_t](chosen.number), writable[int32_t](chosen.offer)
    chosen_.role, chosen_.score = writable[uint8_t](chosen.role), writable[float](chosen.score)
    same(quota_.size, 3, "quota: roles")
    same(chosen_.role.size, chosen_.offer.size, "chosen.role: offers")
    same(chosen_.score.size, chosen_.offer.size, "chosen.score: offers")
    if not unchecked or ALWAYS_CHECKED:
        refuse(chosen_fault(chosen_, quota_))
    with nogil:
        status = c_keep_likeliest(quota_, chosen_)
    check(status)


cdef Trees trees_view(trees) except *:
    cdef Trees out
    out.ptr, out.feature = view[int64_t](trees.ptr), view[int32_t](trees.feature)
    out.threshold, out.mask = view[float](trees.threshold), view[uint32_t](trees.mask)
    out.value = table[double](trees.value)
    within(out.ptr.size, 1, 0x7FFFFFFF, "trees.ptr: offsets")
    same(out.threshold.size, out.feature.size, "trees.threshold: nodes")
    same(out.mask.size, out.feature.size, "trees.mask: nodes")
    same(out.value.rows, out.ptr.size - 1, "trees.value: trees")
    same(out.value.columns, LEAVES, "trees.value: leaves")
    return out


def score_trees(trees, const float[:, ::1] columns, double[::1] out, *, bint unchecked=False):
    cdef Trees trees_ = trees_view(trees)
    cdef Table[const float] columns_ = table[float](columns)
    cdef View[double] out_ = writable[double](out)
    cdef int status
    same(columns_.columns, out_.size, "columns: rows")
    if out_.size == 0:
        return
    if not unchecked or ALWAYS_CHECKED:
        refuse(trees_fault(trees_, columns_.rows))
    with nogil:
        status = c_score_trees(trees_, columns_, out_)
    check(status)


def add_columns(const float[:, ::1] columns, const double[::1] weight, double[::1] out, *, bint unchecked=False):
    cdef Table[const float] columns_ = table[float](columns)
    cdef View[const double] weight_ = view[double](weight)
    cdef View[double] out_ = writable[double](out)
    same(columns_.rows, weight_.size, "columns: features")
    same(columns_.columns, out_.size, "columns: rows")
    with nogil:
        c_add_columns(columns_, weight_, out_)


include "pair_features.pxi"

include "chosen_odds.pxi"


def _use_instruction_set(name):
    """Switch to another instruction set, for tests and benchmarks; nothing else may be running a kernel."""
    if not use_variant(name.encode()):
        raise ValueError(f"expected an instruction set that runs here, got {name!r}")
