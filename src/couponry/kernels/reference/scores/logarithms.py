"""Logarithms and exponentials made of operations that every processor rounds the same way."""

from __future__ import annotations

import numpy as np

from ...contract import Amounts, Prices

LEAST_BITS = np.uint64(0x00195F619980C433)
"""1024 in the place of the exponent, less the bits of the square root of a half."""

EXPONENT = np.uint64(52)
"""Where the exponent of a float64 begins."""

TWO = np.uint64(0x4000000000000000)
"""Bits of 2.0: 1024 in the place of the exponent."""

WHOLE = np.uint64(0x4330000000000000)
"""Bits of 2 ** 52: with a whole number below that in their lower half, those of the sum."""

LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
"""The logarithm of 2 in two parts, the first of which has zeros at its end."""


def take_logarithms(values: Amounts) -> None:
    """Take the natural logarithm of positive normal numbers, in place, to within a unit in the last place or so.

    A number is 2 ** k times m, with m between the square roots of a half and of two; with s = (m - 1) / (m + 1), the
    logarithm of m is a polynomial in s (fdlibm's). Each operation is rounded by itself.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        IN/OUT.
    """
    bits = values.view(np.uint64)
    for i in range(len(values)):
        given = bits[i]
        scale = (given + LEAST_BITS) >> EXPONENT  # k + 1024
        bits[i] = (given + TWO) - (scale << EXPONENT)
        f = values[i] - 1.0
        bits[i] = WHOLE | scale
        k = (values[i] - 4503599627370496.0) - 1024.0
        s = f / (2.0 + f)
        z = s * s
        w = z * z
        odd = w * (0.3999999999940941908 + w * (0.2222219843214978396 + w * 0.1531383769920937332))
        even = z * (
            0.6666666666666735130
            + w * (0.2857142874366239149 + w * (0.1818357216161805012 + w * 0.1479819860511658591))
        )
        half = 0.5 * f * f
        values[i] = k * LN2_HIGH - ((half - (s * (half + (odd + even)) + k * LN2_LOW)) - f)


LEAST_BITS_32, EXPONENT_32, TWO_32 = np.uint64(0x00CAFB0D), np.uint64(23), np.uint64(0x40000000)
"""The same of float32, with 128 in the place of the exponent."""

ONE_32, HALF_32 = np.float32(1.0), np.float32(0.5)
LN2_HIGH_32, LN2_LOW_32 = np.float32(6.9313812256e-01), np.float32(9.0580006145e-06)
C1, C2, C3, C4 = (
    np.float32(0.66666662693),
    np.float32(0.40000972152),
    np.float32(0.28498786688),
    np.float32(0.24279078841),
)
"""Of the polynomial of float32 in s (FreeBSD's logf)."""


def take_logarithms_of_floats(values: Prices) -> None:
    """Take the natural logarithm of positive normal numbers, in place, to within a unit or so in the last place.

    As `take_logarithms` does; each operation is rounded to float32.

    Parameters
    ----------
    values : ndarray of float32, shape (n,)
        IN/OUT.
    """
    bits = values.view(np.uint32)
    for i in range(len(values)):
        given = np.uint64(bits[i])
        scale = (given + LEAST_BITS_32) >> EXPONENT_32  # k + 128
        bits[i] = (given + TWO_32) - (scale << EXPONENT_32)
        f = values[i] - ONE_32
        k = np.float32(np.int64(scale) - 128)
        s = f / (ONE_32 + ONE_32 + f)
        z = s * s
        w = z * z
        r = z * (C1 + w * C3) + w * (C2 + w * C4)
        half = HALF_32 * f * f
        values[i] = k * LN2_HIGH_32 - ((half - (s * (half + r) + k * LN2_LOW_32)) - f)


MAGIC = 6755399441055744.0
"""1.5 x 2 ** 52: what is added to it is rounded to a whole number, which its lowest bits then are."""

BIAS = np.uint64(1023)
"""Of the exponent of a float64."""

PER_LN2 = 1.44269504088896338700
"""1 / log(2)."""


def take_exponentials(values: Amounts) -> None:
    """Take the exponentials of numbers from -700 to 700, in place, to within a unit in the last place or so.

    A number is k log(2) + r; the exponential of r is a fraction of polynomials (fdlibm's). Each operation is rounded by
    itself.

    Parameters
    ----------
    values : ndarray of float64, shape (n,)
        IN/OUT.
    """
    bits = values.view(np.uint64)
    for i in range(len(values)):
        x = values[i]
        values[i] = x * PER_LN2 + MAGIC
        k = values[i] - MAGIC
        bits[i] = (bits[i] + BIAS) << EXPONENT  # 2 ** k
        high, low = x - k * LN2_HIGH, k * LN2_LOW
        r = high - low
        z = r * r
        c = r - z * (
            0.166666666666666019037
            + z * (-0.00277777777770155933842 + z * (6.61375632143793436117e-05
            + z * (-1.65339022054652515390e-06 + z * 4.13813679705723846039e-08)))
        )  # fmt: skip
        values[i] = (1.0 - ((low - (r * c) / (2.0 - c)) - high)) * values[i]
