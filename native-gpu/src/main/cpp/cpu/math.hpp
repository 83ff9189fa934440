// Elementary functions in double precision from additions, multiplications and divisions alone, so
// that every machine gives the same bits whatever its C library. Absolute or relative error below
// 1e-14 in the ranges that the engine uses.
#pragma once

namespace cairn::math {

double exp(double x);  // |x| ≤ 700
double log(double x);  // x > 0, normal
double pow(double base, double exponent);
void sin_cos(double x, double* sin, double* cos);  // |x| ≤ 1e7

}  // namespace cairn::math
