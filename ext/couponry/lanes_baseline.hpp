// Vector steps of an evaluation where no vectors are known: the plain loops.
#pragma once

#include "evaluate_steps.hpp"

namespace couponry {
namespace {

using Lanes = Steps;

}  // namespace
}  // namespace couponry
