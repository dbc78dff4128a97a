// Steps of prices: within a model of the dual, by the last steps, and of each price by itself.
#pragma once

#include <cstdint>

#include "common/views.hpp"

namespace couponry {

// A damped quadratic model, some coordinates of which are free; see `StepModel` in steps_contract.py.
struct StepModel {
    View<const int64_t> indptr;
    View<const int32_t> column;
    View<const double> value, damping, diagonal;
    View<const uint8_t> free;
};

// See `minimise_model` in reference/steps/model_step.py.
int minimise_model(const StepModel& model, View<const double> right, View<double> step, double tolerance, int64_t steps,
                   int64_t* made) noexcept;

// Bounds on a step, and how it is searched for; see `StepSearch` in steps_contract.py.
struct StepSearch {
    View<const double> low, high;
    int64_t rounds;
    double settled, restless, tolerance;
    int64_t steps;
};

// See `minimise_in_box` in reference/steps/model_step.py; `free` is what the model has, to be written.
int minimise_in_box(const StepModel& model, View<uint8_t> free, View<const double> gradient, const StepSearch& search,
                    View<double> step, double* promised, int64_t* made) noexcept;

// See `quasi_newton_step` in reference/steps/quasi_newton.py.
int quasi_newton_step(const Table<const double>& steps, const Table<const double>& turned, View<const uint8_t> free,
                      View<const double> slope, double least_curvature, View<double> step) noexcept;

// Prices that move each by itself; see `PriceSteps` in steps_contract.py.
struct PriceSteps {
    View<const int64_t> row;
    View<const double> bound, side, weight, curvature, longest, highest;
    View<double> point, last, length;
};

// See `move_prices` in reference/steps/price_steps.py.
double move_prices(const PriceSteps& steps, const double* activity, int64_t start, int64_t stop, double growth,
                   double shortening, double longest_length) noexcept;

}  // namespace couponry
