// Steps of Newton's method by conjugate gradients, and quasi-Newton ones; see `minimise_model` and `quasi_newton_step`
// in reference/changes.py.
#include <cmath>
#include <new>
#include <vector>

#include "curvature/steps.hpp"

namespace couponry {
namespace {

double dot(const double* a, const double* b, int64_t n) noexcept {
    double first = 0.0, second = 0.0, third = 0.0, fourth = 0.0;
    const int64_t whole = n - n % 4;
    for (int64_t j = 0; j < whole; j += 4) {
        first += a[j] * b[j];
        second += a[j + 1] * b[j + 1];
        third += a[j + 2] * b[j + 2];
        fourth += a[j + 3] * b[j + 3];
    }
    for (int64_t j = whole; j < n; ++j) first += a[j] * b[j];
    return (first + second) + (third + fourth);
}

// The damped matrix times a step; or at the free coordinates alone, where the step is 0 at all others.
template <bool ALL>
void times(const StepModel& model, const double* step, double* out) noexcept {
    for (int64_t i = 0; i < model.damping.size; ++i) {
        if (!ALL && !model.free[i]) {
            out[i] = 0.0;
            continue;
        }
        double even = 0.0, odd = 0.0;
        const int64_t begin = model.indptr[i], end = model.indptr[i + 1], whole = end - (end - begin) % 2;
        for (int64_t j = begin; j < whole; j += 2) {
            even += model.value[j] * step[model.column[j]];
            odd += model.value[j + 1] * step[model.column[j + 1]];
        }
        if (whole < end) even += model.value[whole] * step[model.column[whole]];
        const double damped = model.damping[i] * step[i];
        out[i] = (even + odd) + damped;
    }
}

}  // namespace

int minimise_model(const StepModel& model, View<const double> right, View<double> step, double tolerance, int64_t steps,
                   int64_t* made) noexcept {
    try {
        const int64_t n = right.size;
        std::vector<double> towards(static_cast<size_t>(n)), image(static_cast<size_t>(n)),
            rest(static_cast<size_t>(n));
        double *to = towards.data(), *im = image.data(), *re = rest.data();
        times<false>(model, step.data, im);
        for (int64_t i = 0; i < n; ++i) re[i] = right[i] - im[i];
        const double enough = tolerance * tolerance * dot(right.data, right.data, n);
        double before = 1.0;
        for (*made = 0; *made < steps; ++*made) {
            if (!(dot(re, re, n) > enough)) return DONE;
            for (int64_t i = 0; i < n; ++i) im[i] = re[i] / model.diagonal[i];
            const double now = dot(re, im, n), share = *made > 0 ? now / before : 0.0;
            for (int64_t i = 0; i < n; ++i) to[i] = im[i] + share * to[i];
            times<false>(model, to, im);
            const double curved = dot(to, im, n);
            if (!(curved > 0.0)) return DONE;
            const double length = now / curved;
            for (int64_t i = 0; i < n; ++i) {
                step[i] += length * to[i];
                re[i] -= length * im[i];
            }
            before = now;
        }
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

namespace {

double within(double number, double low, double high) noexcept {
    return number < low ? low : number > high ? high : number;
}

// By how much the model is lower after a step; `image` is working memory.
double promise_of(const StepModel& model, const double* gradient, const double* step, double* image) noexcept {
    const int64_t n = model.damping.size;
    times<true>(model, step, image);
    for (int64_t i = 0; i < n; ++i) {
        const double half = 0.5 * image[i];
        image[i] = gradient[i] + half;
    }
    return -dot(step, image, n);
}

// What a guess says of a coordinate: which end of its interval it is at next.
int8_t end_after(int8_t end, double step, double slope, double low, double high) noexcept {
    if (end == 0) return step < low ? int8_t{-1} : step > high ? int8_t{1} : int8_t{0};
    return (slope < 0.0 && end < 0) || (slope > 0.0 && end > 0) ? int8_t{0} : end;
}

// What a step and a change of slopes say together, and the change by itself, over the coordinates to keep (1; else 0).
struct Products {
    double square, both;
};

Products products(const double* moved, const double* changed, const double* keep, int64_t n) noexcept {
    double square[4] = {0.0, 0.0, 0.0, 0.0}, both[4] = {0.0, 0.0, 0.0, 0.0};  // as `dot` sums
    const int64_t whole = n - n % 4;
    for (int64_t j = 0; j < whole; j += 4) {
        for (int64_t k = 0; k < 4; ++k) {
            const double c = keep[j + k] * changed[j + k];
            square[k] += c * c;
            both[k] += moved[j + k] * c;
        }
    }
    for (int64_t j = whole; j < n; ++j) {
        const double c = keep[j] * changed[j];
        square[0] += c * c;
        both[0] += moved[j] * c;
    }
    return {(square[0] + square[1]) + (square[2] + square[3]), (both[0] + both[1]) + (both[2] + both[3])};
}

// Add so many times a row to another one, over the coordinates to keep.
void add_kept(double* out, double factor, const double* row, const double* keep, int64_t n) noexcept {
    for (int64_t i = 0; i < n; ++i) out[i] += factor * (keep[i] * row[i]);
}

}  // namespace

int minimise_in_box(const StepModel& model, View<uint8_t> free, View<const double> gradient, const StepSearch& search,
                    View<double> step, double* promised, int64_t* made) noexcept {
    try {
        const int64_t n = gradient.size;
        const View<const double>&low = search.low, &high = search.high;
        std::vector<int8_t> ends(static_cast<size_t>(n));
        std::vector<double> rights(static_cast<size_t>(n)), guesses(static_cast<size_t>(n)),
            images(static_cast<size_t>(n));
        int8_t* end = ends.data();
        double *right = rights.data(), *guess = guesses.data(), *image = images.data();
        for (int64_t i = 0; i < n; ++i) {  // first as if no other one moved
            step[i] = 0.0;
            const double alone = -gradient[i] / model.diagonal[i];
            end[i] = alone < low[i] ? int8_t{-1} : alone > high[i] ? int8_t{1} : int8_t{0};
        }
        int64_t before = n;
        for (*made = 0; *made < search.rounds;) {
            ++*made;
            for (int64_t i = 0; i < n; ++i) {
                free[i] = end[i] == 0;
                step[i] = end[i] < 0 ? low[i] : end[i] > 0 ? high[i] : 0.0;
            }
            times<true>(model, step.data, image);
            for (int64_t i = 0; i < n; ++i) {
                right[i] = free[i] ? -(gradient[i] + image[i]) : 0.0;
                guess[i] = free[i] ? guess[i] : 0.0;
            }
            int64_t iterations = 0;
            const int status =
                minimise_model(model, {right, n}, {guess, n}, search.tolerance, search.steps, &iterations);
            if (status != DONE) return status;
            for (int64_t i = 0; i < n; ++i)
                if (free[i]) step[i] = guess[i];
            times<true>(model, step.data, image);
            int64_t changed = 0;
            for (int64_t i = 0; i < n; ++i) {
                const int8_t now = end_after(end[i], step[i], gradient[i] + image[i], low[i], high[i]);
                changed += now != end[i];
                end[i] = now;
            }
            const double many = static_cast<double>(changed);
            if (many <= search.settled || (before <= changed && many <= search.restless)) break;
            before = changed;
        }
        for (int64_t i = 0; i < n; ++i) step[i] = within(step[i], low[i], high[i]);
        *promised = promise_of(model, gradient.data, step.data, image);
        if (*promised > 0.0) return DONE;
        for (int64_t i = 0; i < n; ++i) step[i] = within(-gradient[i] / model.diagonal[i], low[i], high[i]);
        times<true>(model, step.data, image);
        const double curved = dot(step.data, image, n), downhill = -dot(gradient.data, step.data, n);
        const double share = curved > 0.0 && downhill < curved ? downhill / curved : 1.0;
        for (int64_t i = 0; i < n; ++i) step[i] = share * step[i];
        *promised = promise_of(model, gradient.data, step.data, image);
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

int quasi_newton_step(const Table<const double>& steps, const Table<const double>& turned, View<const uint8_t> free,
                      View<const double> slope, double least_curvature, View<double> step) noexcept {
    try {
        const int64_t many = steps.rows, n = slope.size;
        std::vector<double> kept(static_cast<size_t>(n)), product(static_cast<size_t>(many)), share(product.size());
        double *out = step.data, *keep = kept.data();  // out stays 0 where nothing is kept
        for (int64_t i = 0; i < n; ++i) {
            keep[i] = free[i] ? 1.0 : 0.0;
            out[i] = free[i] ? slope[i] : 0.0;
        }
        double scale = 0.0;
        for (int64_t t = many - 1; t >= 0; --t) {
            const double *m = steps.row(t).data, *c = turned.row(t).data;
            const auto [square, both] = products(m, c, keep, n);
            if (!(both > least_curvature * square)) continue;
            product[static_cast<size_t>(t)] = both;
            if (scale == 0.0) scale = both / square;
            const double part = dot(m, out, n) / both;
            share[static_cast<size_t>(t)] = part;
            add_kept(out, -part, c, keep, n);
        }
        if (scale == 0.0) {
            const double length = std::sqrt(dot(out, out, n));
            scale = 1.0 / (length > 1.0 ? length : 1.0);
        }
        for (int64_t i = 0; i < n; ++i) out[i] = scale * out[i];
        for (int64_t t = 0; t < many; ++t) {
            const double both = product[static_cast<size_t>(t)];
            if (both == 0.0) continue;
            const double rest = share[static_cast<size_t>(t)] - dot(turned.row(t).data, out, n) / both;
            add_kept(out, rest, steps.row(t).data, keep, n);
        }
        for (int64_t i = 0; i < n; ++i) out[i] = -out[i];
    } catch (const std::bad_alloc&) {
        return NO_MEMORY;
    }
    return DONE;
}

}  // namespace couponry
