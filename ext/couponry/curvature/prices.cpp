// Steps of each price by itself; see `move_prices` in reference/steps/price_steps.py.
#include <cmath>

#include "curvature/steps.hpp"

namespace couponry {
namespace {

struct Pace {
    double growth, shortening, longest_length;
};

// Moves one coordinate, and says by how many typical coupons its limit was off before. Selections, no branches: which
// way a limit is off is hard to foretell.
inline double move(const PriceSteps& steps, const double* activity, int64_t k, const Pace& pace) noexcept {
    const double beyond = activity[steps.row.data[k]] - steps.bound.data[k];
    const double at = steps.point.data[k], longest = steps.longest.data[k], highest = steps.highest.data[k];
    const double violated = beyond * steps.weight.data[k], asked = beyond * steps.side.data[k];
    const bool priced = at > 0.0;
    const double off = priced || violated > 0.0 ? violated : 0.0;
    const double towards = priced || asked > 0.0 ? asked : 0.0;
    const double turned = towards * steps.last.data[k], back = turned < 0.0 ? pace.shortening : 1.0;
    const double next = steps.length.data[k] * (turned > 0.0 ? pace.growth : back);
    const double length = next < pace.longest_length ? next : pace.longest_length;
    double step = length * towards / steps.curvature.data[k];
    step = step < longest ? step : longest;
    double moved = at + (step > -longest ? step : -longest);
    moved = moved > 0.0 ? moved : 0.0;
    steps.last.data[k] = towards;
    steps.length.data[k] = length;
    steps.point.data[k] = moved < highest ? moved : highest;
    return std::fabs(off);
}

}  // namespace

double move_prices(const PriceSteps& steps, const double* activity, int64_t start, int64_t stop, double growth,
                   double shortening, double longest_length) noexcept {
    const Pace pace{growth, shortening, longest_length};
    double even = 0.0, odd = 0.0;
    int64_t k = start;
    for (; k + 1 < stop; k += 2) {
        even += move(steps, activity, k, pace);
        odd += move(steps, activity, k + 1, pace);
    }
    if (k < stop) even += move(steps, activity, k, pace);
    return even + odd;
}

}  // namespace couponry
