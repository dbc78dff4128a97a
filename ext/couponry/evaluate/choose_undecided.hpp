// Choices among what is undecided, a customer to a lane; see reference/undecided/find_undecided.py.
//
// Included once per instruction set, after the `Lanes` that it is written in.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/bits.hpp"
#include "dispatch/kernel_table.hpp"
#include "evaluate/sixteen.hpp"
#include "evaluate/steps.hpp"

namespace couponry {
namespace {

class UndecidedTile {
public:
    // Chooses at some prices of items, and adds what changes by it to `usage`.
    void choose(const Undecided& undecided, int64_t tile, const float* price, int64_t* usage) noexcept {
        const int64_t first = undecided.ptr[tile], rows = undecided.ptr[tile + 1] - first;
        COUPONRY_ASSERT(rows <= Undecided::MOST_CANDIDATES);
        const int32_t* item = undecided.item.data + first * WIDTH;
        const float* own = undecided.own.data + first * WIDTH;
        SixteenFloats value[Undecided::MOST_CANDIDATES];
        SixteenInts before[Undecided::MOST_CANDIDATES];
        for (int64_t j = 0; j < rows; ++j) {
            alignas(64) float values[WIDTH];
            for (int64_t lane = 0; lane < WIDTH; ++lane)
                values[lane] = price[item[j * WIDTH + lane]] + own[j * WIDTH + lane];
            std::memcpy(&value[j], values, sizeof values);
            SixteenInts others{};
            for (int64_t sooner = 0; sooner < j; ++sooner) {
                const SixteenInts better = value[j] > value[sooner];
                before[sooner] -= better;
                others -= ~better;
            }
            before[j] = others;
        }
        SixteenInts slots;
        std::memcpy(&slots, undecided.slots.data + tile * WIDTH, sizeof slots);
        const SixteenFloats nothing{};
        for (int64_t j = 0; j < rows; ++j) {
            const SixteenInts taken = (value[j] > nothing) & (before[j] < slots);
            alignas(64) int32_t takes[WIDTH];
            std::memcpy(takes, &taken, sizeof takes);
            // where it holds it is -1
            const uint32_t all = static_cast<uint32_t>(~Lanes::at_least(takes, WIDTH, 0)) & 0xFFFF;
            const uint32_t changed = all ^ undecided.held[first + j];
            if (!changed) continue;
            undecided.held[first + j] = static_cast<uint16_t>(all);
            for (uint32_t word = changed; word; word &= word - 1) {
                const int lane = lowest_bit(word);
                usage[item[j * WIDTH + lane]] += all >> lane & 1 ? 1 : -1;
            }
        }
    }

private:
    static constexpr int64_t WIDTH = Undecided::TOGETHER;
};

void choose_undecided(const Undecided& undecided, const float* price, int64_t items, int64_t* usage) noexcept {
    UndecidedTile tile;
    for (int64_t t = 0; t < undecided.segment.size; ++t) {
        const int64_t first_cell = undecided.segment[t] * items;
        tile.choose(undecided, t, price + first_cell, usage + first_cell);
    }
}

}  // namespace
}  // namespace couponry
