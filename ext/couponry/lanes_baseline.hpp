// Vector steps of an evaluation where no vectors are known: the plain loops.
#pragma once

#include "evaluate_steps.hpp"
#include "short_sets.hpp"

namespace couponry {
namespace {

using Lanes = Steps;
using ShortSets = PlainShortSets;

}  // namespace
}  // namespace couponry
