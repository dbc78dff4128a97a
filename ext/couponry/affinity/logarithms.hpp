// Logarithms and exponentials made of operations that every processor rounds the same way; see
// reference/scores/logarithms.py.
//
// Compiled once per instruction set, so everything here has internal linkage.
#pragma once

#include <cstdint>
#include <cstring>

#include "affinity/variants.hpp"
#include "common/compiler.hpp"

namespace couponry {
namespace {

COUPONRY_INLINE uint64_t bits_of_double(double value) noexcept {
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

COUPONRY_INLINE double with_bits(uint64_t bits) noexcept {
    double value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Of a positive normal number.
COUPONRY_INLINE double logarithm(double value) noexcept {
    const uint64_t given = bits_of_double(value);
    const uint64_t scale = (given + 0x00195F619980C433u) >> 52;
    const double f = with_bits(given + 0x4000000000000000u - (scale << 52)) - 1.0;
    const double k = (with_bits(0x4330000000000000u | scale) - 4503599627370496.0) - 1024.0;
    const double s = f / (2.0 + f), z = s * s, w = z * z;
    const double odd = w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332));
    const double even = z * (0.6666666666666735130 +
                             w * (0.2857142874366239149 + w * (0.1818357216161805012 + w * 0.1479819860511658591)));
    const double half = 0.5 * f * f;
    return k * 6.93147180369123816490e-01 - ((half - (s * (half + (odd + even)) + k * 1.90821492927058770002e-10)) - f);
}

COUPONRY_INLINE uint32_t bits_of_float(float value) noexcept {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

COUPONRY_INLINE float with_bits(uint32_t bits) noexcept {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Of a positive normal number of float32; each operation is rounded to it.
COUPONRY_INLINE float logarithm(float value) noexcept {
    const uint32_t given = bits_of_float(value);
    const uint32_t scale = (given + 0x00CAFB0Du) >> 23;
    const float f = with_bits(given + 0x40000000u - (scale << 23)) - 1.0f;
    const float k = static_cast<float>(static_cast<int32_t>(scale) - 128);
    const float s = f / (2.0f + f), z = s * s, w = z * z;
    const float r = z * (0.66666662693f + w * 0.28498786688f) + w * (0.40000972152f + w * 0.24279078841f);
    const float half = 0.5f * f * f;
    return k * 6.9313812256e-01f - ((half - (s * (half + r) + k * 9.0580006145e-06f)) - f);
}

// Of a number from -700 to 700.
COUPONRY_INLINE double exponential(double x) noexcept {
    const double magic = 6755399441055744.0;  // what is added to it is rounded to a whole number
    const double whole = x * 1.44269504088896338700 + magic, k = whole - magic;
    const double scale = with_bits((bits_of_double(whole) + 1023) << 52);  // 2 ** k
    const double high = x - k * 6.93147180369123816490e-01, low = k * 1.90821492927058770002e-10;
    const double r = high - low, z = r * r;
    const double c = r - z * (0.166666666666666019037 +
                              z * (-0.00277777777770155933842 +
                                   z * (6.61375632143793436117e-05 +
                                        z * (-1.65339022054652515390e-06 + z * 4.13813679705723846039e-08))));
    return (1.0 - ((low - (r * c) / (2.0 - c)) - high)) * scale;
}

// Of a multiple of NUMBERS_AT_A_TIME numbers, or FLOATS_AT_A_TIME, in place. Counted from 0 each time: where whole
// numbers may wrap around, compilers find no vector in exponentials of a range.
void take_logarithms(double* values, int64_t n) noexcept {
    for (const double* const end = values + n; values < end; values += NUMBERS_AT_A_TIME)
        for (int64_t j = 0; j < NUMBERS_AT_A_TIME; ++j) values[j] = logarithm(values[j]);
}

void take_logarithms_of_floats(float* values, int64_t n) noexcept {
    for (const float* const end = values + n; values < end; values += FLOATS_AT_A_TIME)
        for (int64_t j = 0; j < FLOATS_AT_A_TIME; ++j) values[j] = logarithm(values[j]);
}

void take_exponentials(double* values, int64_t n) noexcept {
    for (const double* const end = values + n; values < end; values += NUMBERS_AT_A_TIME)
        for (int64_t j = 0; j < NUMBERS_AT_A_TIME; ++j) values[j] = exponential(values[j]);
}

}  // namespace
}  // namespace couponry
