// A step of Newton's method by conjugate gradients; see `minimise_model` in reference/changes.py.
#include <new>
#include <vector>

#include "curvature/changes.hpp"

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

void times(const StepModel& model, const double* step, double* out) noexcept {
    for (int64_t i = 0; i < model.damping.size; ++i) {
        if (!model.free[i]) {
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
        times(model, step.data, im);
        for (int64_t i = 0; i < n; ++i) re[i] = right[i] - im[i];
        const double enough = tolerance * tolerance * dot(right.data, right.data, n);
        double before = 1.0;
        for (*made = 0; *made < steps; ++*made) {
            if (!(dot(re, re, n) > enough)) return DONE;
            for (int64_t i = 0; i < n; ++i) im[i] = re[i] / model.diagonal[i];
            const double now = dot(re, im, n), share = *made > 0 ? now / before : 0.0;
            for (int64_t i = 0; i < n; ++i) to[i] = im[i] + share * to[i];
            times(model, to, im);
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

}  // namespace couponry
