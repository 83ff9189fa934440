// Elementary functions in double precision from additions, multiplications and divisions alone, so
// that every machine gives the same bits whatever its C library. Absolute or relative error below
// 1e-14 in the ranges that the engine uses.
#pragma once

#include <bit>
#include <cstdint>

#include "anywhere.hpp"

namespace cairn::math {

inline constexpr double kLn2High = 6.93147180369123816490e-01;
inline constexpr double kLn2Low = 1.90821492927058770002e-10;

CAIRN_ANYWHERE inline double nearest(double x) { return (x + 6755399441055744.0) - 6755399441055744.0; }

// |x| ≤ 700
CAIRN_ANYWHERE inline double exp(double x) {
  const double n = nearest(x * 1.44269504088896338700);
  const double r = (x - n * kLn2High) - n * kLn2Low;
  double sum = 1.0;
  for (int i = 14; i >= 1; i--) sum = 1.0 + sum * r / i;
  return sum * std::bit_cast<double>(static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52);
}

// x > 0, normal
CAIRN_ANYWHERE inline double log(double x) {
  uint64_t bits = std::bit_cast<uint64_t>(x);
  int64_t e = static_cast<int64_t>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffULL) | 0x3ff0000000000000ULL);
  if (m > 1.41421356237309514547) {
    m *= 0.5;
    e++;
  }
  const double s = (m - 1.0) / (m + 1.0), z = s * s;
  double sum = 0.0;
  for (int i = 23; i >= 3; i -= 2) sum = z * (1.0 / i + sum);
  const double n = static_cast<double>(e);
  return n * kLn2High + (n * kLn2Low + 2.0 * s * sum + 2.0 * s);
}

CAIRN_ANYWHERE inline double pow(double base, double exponent) { return exp(exponent * log(base)); }

// |x| ≤ 1e7
CAIRN_ANYWHERE inline void sin_cos(double x, double* sin, double* cos) {
  const double n = nearest(x * 6.36619772367581382433e-01);
  double r = x - n * 1.57079632673412561417e+00;
  r -= n * 6.07710050630396597660e-11;
  r -= n * 2.02226624879595063154e-21;
  const double z = r * r;
  double s = 1.0, c = 1.0;
  for (int i = 18; i >= 2; i -= 2) {
    s = 1.0 - s * z / (static_cast<double>(i) * (i + 1));
    c = 1.0 - c * z / (static_cast<double>(i) * (i - 1));
  }
  s *= r;
  switch (static_cast<int64_t>(n) & 3) {
    case 0:
      *sin = s, *cos = c;
      break;
    case 1:
      *sin = c, *cos = -s;
      break;
    case 2:
      *sin = -s, *cos = -c;
      break;
    default:
      *sin = -c, *cos = s;
      break;
  }
}

}  // namespace cairn::math
