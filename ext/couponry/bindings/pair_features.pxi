# The boundary of the kernels of features of pairs and of log odds by them; a part of affinity.pyx.

cdef extern from "affinity/pair_features.hpp" namespace "couponry" nogil:
    cdef int64_t OF_ITEM

    cdef cppclass PairStates:
        View[const int32_t] times, first, last, discounted
        View[const int64_t] spend, squared_gaps
        View[const uint64_t] recent
        Table[const float] decay

    cdef cppclass PairReadings:
        View[const int64_t] indptr
        View[const uint32_t] item
        PairStates pairs, trips
        Table[const float] factor
        int64_t until, week

    cdef cppclass ItemValues:
        View[const int64_t] row
        Table[const double] value
        Table[const int32_t] group
        View[const int32_t] half_life
        int64_t middle

    cdef cppclass ItemCoefficients:
        View[const int32_t] column
        Table[const float] coefficient
        View[const double] spread
        View[const uint8_t] seen
        int64_t half_life

    cdef cppclass PairFeatures:
        PairReadings readings
        ItemValues numbers
        ItemCoefficients near
        int64_t start, stop
        View[const int64_t] asked
        Table[float] out

    int64_t features_of(const PairFeatures&) noexcept
    int c_pair_features "couponry::pair_features"(const PairFeatures&) noexcept
    Fault pair_features_fault(const PairFeatures&) noexcept

cdef extern from "affinity/pair_odds.hpp" namespace "couponry" nogil:
    cdef cppclass PairOdds:
        double intercept
        View[const double] coefficient
        Trees trees

    int c_pair_log_odds "couponry::pair_log_odds"(const PairFeatures&, const PairOdds&, const View[double]&) noexcept


cdef PairStates states_view(states) except *:
    cdef PairStates out
    out.times, out.first = view[int32_t](states.times), view[int32_t](states.first)
    out.last, out.discounted = view[int32_t](states.last), view[int32_t](states.discounted)
    out.spend, out.squared_gaps = view[int64_t](states.spend), view[int64_t](states.squared_gaps)
    out.recent, out.decay = view[uint64_t](states.recent), table[float](states.decay)
    return out


cdef int states_agree(const PairStates& states, int64_t count, int64_t half_lives, str what) except -1:
    same(states.times.size, count, what)
    same(states.first.size, count, what)
    same(states.last.size, count, what)
    same(states.discounted.size, count, what)
    same(states.spend.size, count, what)
    same(states.squared_gaps.size, count, what)
    same(states.recent.size, count, what)
    same(states.decay.rows, count, what)
    return same(states.decay.columns, half_lives, what)


cdef int features_agree(const PairFeatures& work) except -1:
    """Whether the shapes of what features are made of agree."""
    cdef int64_t customers = customers_of(work.readings.indptr.size, work.start, work.stop)
    cdef int64_t half_lives = work.readings.factor.columns, items = work.near.column.size
    states_agree(work.readings.pairs, work.readings.item.size, half_lives, "readings.pairs: pairs, half-lives")
    states_agree(work.readings.trips, customers, half_lives, "readings.trips: customers, half-lives")
    within(work.readings.week, 1, 7, "readings.periods_a_week")
    same(work.numbers.row.size, work.asked.size, "numbers.row: pairs that are asked about")
    within(work.numbers.value.columns, OF_ITEM, 0x7FFFFFFF, "numbers.value: columns")
    within(work.numbers.half_life.size, 0, 2, "numbers.half_life: half-lives")
    if half_lives:
        within(work.numbers.middle, 0, half_lives - 1, "numbers.middle")
    if items:
        within(work.near.half_life, 0, half_lives - 1, "near.half_life")
        same(work.near.seen.size, customers, "near.seen: customers")
        same(work.near.coefficient.rows, work.near.spread.size, "near.coefficient: rows")
        same(work.near.coefficient.columns, work.near.spread.size, "near.coefficient: columns")
        if work.numbers.group.rows:
            return same(work.numbers.group.columns, items, "numbers.group: items")
    return 0


cdef PairFeatures features_view(readings, numbers, near, int64_t start, int64_t stop, const int64_t[::1] asked) except *:
    cdef PairFeatures work
    work.readings.indptr, work.readings.item = view[int64_t](readings.indptr), view[uint32_t](readings.item)
    work.readings.pairs, work.readings.trips = states_view(readings.pairs), states_view(readings.trips)
    work.readings.factor = table[float](readings.factor)
    work.readings.until, work.readings.week = readings.until, readings.periods_a_week
    work.numbers.row, work.numbers.value = view[int64_t](numbers.row), table[double](numbers.value)
    work.numbers.group, work.numbers.half_life = table[int32_t](numbers.group), view[int32_t](numbers.half_life)
    work.numbers.middle, work.near.half_life = numbers.middle, near.half_life
    work.near.column, work.near.coefficient = view[int32_t](near.column), table[float](near.coefficient)
    work.near.spread, work.near.seen = view[double](near.spread), view[uint8_t](near.seen)
    work.start, work.stop, work.asked = start, stop, view[int64_t](asked)
    work.out.data, work.out.rows, work.out.columns = <float*>NULL, 0, 0
    features_agree(work)
    return work


def pair_features(
    readings, numbers, near, int64_t start, int64_t stop, const int64_t[::1] asked, float[:, ::1] out, *,
    bint unchecked=False,
):
    cdef PairFeatures work = features_view(readings, numbers, near, start, stop, asked)
    cdef int status
    work.out = writable_table[float](out)
    same(work.out.columns, work.asked.size, "out: pairs that are asked about")
    same(work.out.rows, features_of(work), "out: features")
    if work.asked.size == 0:
        return
    if not unchecked or ALWAYS_CHECKED:
        refuse(pair_features_fault(work))
    with nogil:
        status = c_pair_features(work)
    check(status)


def pair_log_odds(
    readings, numbers, near, int64_t start, int64_t stop, const int64_t[::1] asked, model, double[::1] out, *,
    bint unchecked=False,
):
    cdef PairFeatures work = features_view(readings, numbers, near, start, stop, asked)
    cdef PairOdds model_
    cdef View[double] out_ = writable[double](out)
    cdef int status
    model_.intercept, model_.coefficient = model.intercept, view[double](model.coefficient)
    model_.trees = trees_view(model.trees)
    same(out_.size, work.asked.size, "out: pairs that are asked about")
    same(model_.coefficient.size, features_of(work), "model.coefficient: features")
    if work.asked.size == 0:
        return
    if not unchecked or ALWAYS_CHECKED:
        refuse(pair_features_fault(work))
        refuse(trees_fault(model_.trees, model_.coefficient.size))
    with nogil:
        status = c_pair_log_odds(work, model_, out_)
    check(status)
