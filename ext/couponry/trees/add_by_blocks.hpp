// Columns times weights, for every instruction set: blocks of rows whose sums stay in the nearest cache.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>

#include "common/views.hpp"

namespace couponry {
namespace {

constexpr int64_t BLOCK_SUMS = 1024;

void add_by_blocks(const Table<const float>& columns, View<const double> weight, View<double> out) noexcept {
    for (int64_t start = 0; start < out.size; start += BLOCK_SUMS) {
        const int64_t rows = out.size - start < BLOCK_SUMS ? out.size - start : BLOCK_SUMS;
        double* const sum = out.data + start;
        for (int64_t f = 0; f < weight.size; ++f) {
            const float* const column = columns.row(f).data + start;
            const double by = weight[f];
            for (int64_t r = 0; r < rows; ++r) {
                const double part = static_cast<double>(column[r]) * by;
                sum[r] += part;
            }
        }
    }
}

}  // namespace
}  // namespace couponry
