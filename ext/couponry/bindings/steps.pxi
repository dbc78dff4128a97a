# The boundary of steps of prices; a part of curvature.pyx.

cdef extern from "curvature/steps.hpp" namespace "couponry" nogil:
    cdef cppclass StepModel:
        View[const int64_t] indptr
        View[const int32_t] column
        View[const double] value, damping, diagonal
        View[const uint8_t] free

    cdef cppclass StepSearch:
        View[const double] low, high
        int64_t rounds, steps
        double settled, restless, tolerance

    cdef cppclass PriceSteps:
        View[const int64_t] row
        View[const double] bound, side, weight, curvature, longest, highest
        View[double] point, last, length

    int c_minimise_in_box "couponry::minimise_in_box"(
        const StepModel&, View[uint8_t], View[const double], const StepSearch&, View[double], double*,
        int64_t*) noexcept
    int c_quasi_newton_step "couponry::quasi_newton_step"(
        const Table[const double]&, const Table[const double]&, View[const uint8_t], View[const double], double,
        View[double]) noexcept
    double c_move_prices "couponry::move_prices"(
        const PriceSteps&, const double*, int64_t, int64_t, double, double, double) noexcept
    int c_minimise_model "couponry::minimise_model"(
        const StepModel&, View[const double], View[double], double, int64_t, int64_t*) noexcept


cdef StepModel model_view(model, int64_t n, bint unchecked) except *:
    cdef StepModel out
    out.indptr = view[int64_t](model.indptr)
    out.column = view[int32_t](model.column)
    out.value = view[double](model.value)
    out.damping = view[double](model.damping)
    out.diagonal = view[double](model.diagonal)
    out.free = view[uint8_t](model.free)
    same(out.indptr.size, n + 1, "model.indptr: offsets")
    same(out.value.size, out.column.size, "model.value: entries")
    same(out.column.size, out.indptr.data[n], "model.column: entries")
    same(out.damping.size, n, "model.damping: coordinates")
    same(out.diagonal.size, n, "model.diagonal: coordinates")
    same(out.free.size, n, "model.free: coordinates")
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_offsets(b"model.indptr", out.indptr.data, 0, n, out.column.size))
        refuse(not_within[int32_t](b"model.column", out.column.data, 0, out.column.size, 0, n - 1))
    return out


def minimise_model(
    model, const double[::1] right, double[::1] step, double tolerance, int64_t steps, *, bint unchecked=False,
):
    cdef View[const double] right_ = view[double](right)
    cdef View[double] step_ = writable[double](step)
    cdef int64_t n = right_.size, made = 0
    cdef StepModel model_ = model_view(model, n, unchecked)
    cdef int status
    same(step_.size, n, "step: coordinates")
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_flags(b"model.free", model_.free.data, n))
    with nogil:
        status = c_minimise_model(model_, right_, step_, tolerance, steps, &made)
    check(status)
    return made


def minimise_in_box(
    model, const double[::1] gradient, search, double[::1] step, double[::1] promised, *, bint unchecked=False,
):
    cdef View[const double] gradient_ = view[double](gradient)
    cdef View[double] step_ = writable[double](step)
    cdef View[double] promised_ = writable[double](promised)
    cdef int64_t n = gradient_.size, made = 0
    cdef StepModel model_ = model_view(model, n, unchecked)
    cdef View[uint8_t] free_ = writable[uint8_t](model.free)
    cdef StepSearch search_
    cdef int status
    search_.low = view[double](search.low)
    search_.high = view[double](search.high)
    search_.rounds, search_.steps = search.rounds, search.steps
    search_.settled, search_.restless, search_.tolerance = search.settled, search.restless, search.tolerance
    same(search_.low.size, n, "search.low: coordinates")
    same(search_.high.size, n, "search.high: coordinates")
    same(step_.size, n, "step: coordinates")
    same(promised_.size, 1, "promised: numbers")
    with nogil:
        status = c_minimise_in_box(model_, free_, gradient_, search_, step_, promised_.data, &made)
    check(status)
    return made


def quasi_newton_step(
    const double[:, ::1] steps, const double[:, ::1] turned, const uint8_t[::1] free, const double[::1] slope,
    double least_curvature, double[::1] step, *, bint unchecked=False,
):
    cdef Table[const double] steps_ = table[double](steps)
    cdef Table[const double] turned_ = table[double](turned)
    cdef View[const uint8_t] free_ = view[uint8_t](free)
    cdef View[const double] slope_ = view[double](slope)
    cdef View[double] step_ = writable[double](step)
    cdef int status
    same(turned_.rows, steps_.rows, "turned: steps")
    same(steps_.columns, slope_.size, "steps: coordinates")
    same(turned_.columns, slope_.size, "turned: coordinates")
    same(free_.size, slope_.size, "free: coordinates")
    same(step_.size, slope_.size, "step: coordinates")
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_flags(b"free", free_.data, free_.size))
    with nogil:
        status = c_quasi_newton_step(steps_, turned_, free_, slope_, least_curvature, step_)
    check(status)


cdef PriceSteps steps_view(steps) except *:
    cdef PriceSteps out
    out.row = view[int64_t](steps.row)
    out.bound = view[double](steps.bound)
    out.side = view[double](steps.side)
    out.weight = view[double](steps.weight)
    out.curvature = view[double](steps.curvature)
    out.longest = view[double](steps.longest)
    out.highest = view[double](steps.highest)
    out.point = writable[double](steps.point)
    out.last = writable[double](steps.last)
    out.length = writable[double](steps.length)
    same(out.bound.size, out.row.size, "steps.bound: coordinates")
    same(out.side.size, out.row.size, "steps.side: coordinates")
    same(out.weight.size, out.row.size, "steps.weight: coordinates")
    same(out.curvature.size, out.row.size, "steps.curvature: coordinates")
    same(out.longest.size, out.row.size, "steps.longest: coordinates")
    same(out.highest.size, out.row.size, "steps.highest: coordinates")
    same(out.point.size, out.row.size, "steps.point: coordinates")
    same(out.last.size, out.row.size, "steps.last: coordinates")
    same(out.length.size, out.row.size, "steps.length: coordinates")
    return out


def move_prices(
    steps, const double[::1] activity, int64_t start, int64_t stop, double growth, double shortening,
    double longest_length, *, bint unchecked=False,
):
    cdef PriceSteps steps_ = steps_view(steps)
    cdef View[const double] activity_ = view[double](activity)
    cdef double off
    within(stop, 0, steps_.row.size, "stop")
    within(start, 0, stop, "start")
    if not unchecked or ALWAYS_CHECKED:
        refuse(not_within[int64_t](b"steps.row", steps_.row.data, 0, steps_.row.size, 0, activity_.size - 1))
    with nogil:
        off = c_move_prices(steps_, activity_.data, start, stop, growth, shortening, longest_length)
    return off
