// Sixteen float lanes without vector instructions: the reference of what the other two do.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#include "../half.hpp"

namespace cairn::CAIRN_ISA {

inline constexpr int kRowsFloat = 2;    // rows of a float product that share a weight load
inline constexpr int kAttendHeads = 2;  // query heads that share a key load
inline constexpr int kAttendColumns =
    1;  // groups of 16 elements of a value that are weighed together

struct F {
  float v[16];
};

template <class Op>
inline F map(Op op) {
  F r;
  for (int i = 0; i < 16; i++) r.v[i] = op(i);
  return r;
}

inline void prefetch(const void*) {}

inline float fma1(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

inline F set1(float x) {
  return map([&](int) { return x; });
}
inline F load(const float* p) {
  return map([&](int i) { return p[i]; });
}
inline F load_n(const float* p, int n) {
  return map([&](int i) { return i < n ? p[i] : 0.0f; });
}
inline F load_half(const uint16_t* p) {
  return map([&](int i) { return half_to_float(p[i]); });
}
inline F load_bytes(const int8_t* p) {
  return map([&](int i) { return static_cast<float>(p[i]); });
}
// sixteen integers, `bits` added to each, read as floats
inline F load_plus_bits(const int32_t* p, int32_t bits) {
  return map([&](int i) {
    const int32_t sum = p[i] + bits;
    float f;
    std::memcpy(&f, &sum, 4);
    return f;
  });
}
inline F load_bfloat(const uint16_t* p) {
  return map([&](int i) { return bfloat_to_float(p[i]); });
}
inline void store(float* p, F a) { std::memcpy(p, a.v, sizeof a.v); }
inline void store_n(float* p, F a, int n) {
  for (int i = 0; i < 16 && i < n; i++) p[i] = a.v[i];
}
inline void store_half_n(uint16_t* p, F a, int n) {
  for (int i = 0; i < 16 && i < n; i++) p[i] = float_to_half(a.v[i]);
}
inline F add(F a, F b) {
  return map([&](int i) { return a.v[i] + b.v[i]; });
}
inline F sub(F a, F b) {
  return map([&](int i) { return a.v[i] - b.v[i]; });
}
inline F mul(F a, F b) {
  return map([&](int i) { return a.v[i] * b.v[i]; });
}
inline F div(F a, F b) {
  return map([&](int i) { return a.v[i] / b.v[i]; });
}
inline F fma(F a, F b, F c) {
  return map([&](int i) { return fma1(a.v[i], b.v[i], c.v[i]); });
}
// The second operand where either is NaN, as the x86 instructions have it.
inline F max(F a, F b) {
  return map([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
inline F min(F a, F b) {
  return map([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
// a < b ? x : y in each lane
inline F select_less(F a, F b, F x, F y) {
  return map([&](int i) { return a.v[i] < b.v[i] ? x.v[i] : y.v[i]; });
}
// lanes 0..n-1 of a, the others of b
inline F first_lanes(F a, int n, F b) {
  return map([&](int i) { return i < n ? a.v[i] : b.v[i]; });
}
// p · 2^n where t is the float 12582912 + n
inline F scale_by_power(F p, F t) {
  return map([&](int i) {
    uint32_t bits;
    std::memcpy(&bits, &t.v[i], 4);
    bits = (bits - 0x4B400000u + 127u) << 23;
    float s;
    std::memcpy(&s, &bits, 4);
    return p.v[i] * s;
  });
}
template <class Op>
inline float fold(F a, Op op) {
  for (int w = 8; w > 0; w /= 2)
    for (int i = 0; i < w; i++) a.v[i] = op(a.v[i], a.v[i + w]);
  return a.v[0];
}
inline float sum(F a) {
  return fold(a, [](float x, float y) { return x + y; });
}
inline float max_lane(F a) {
  return fold(a, [](float x, float y) { return x > y ? x : y; });
}
inline float lane0(F a) { return a.v[0]; }
// largest |x| of 32 values as bits: ordered like the numbers, with NaN above infinity
inline uint32_t abs_max_bits(F a, F b) {
  uint32_t m = 0;
  for (int i = 0; i < 32; i++) {
    uint32_t bits;
    std::memcpy(&bits, i < 16 ? &a.v[i] : &b.v[i - 16], 4);
    bits &= 0x7fffffffu;
    if (bits > m) m = bits;
  }
  return m;
}
// lanes 2i and 2i + 1 exchanged
inline F swap_pairs(F x) {
  return map([&](int i) { return x.v[i ^ 1]; });
}
// q = round to nearest even (x · s); the sum of the sixteen
inline int quantize16(F x, float s, int8_t* q) {
  int total = 0;
  for (int i = 0; i < 16; i++) {
    const int n = static_cast<int>(lrintf(x.v[i] * s));
    q[i] = static_cast<int8_t>(n);
    total += n;
  }
  return total;
}
// q = round to nearest even of sixteen x · s, then of y · s; the sums of both
inline void quantize32(F x, F y, float s, int8_t* q, int* low, int* high) {
  *low = quantize16(x, s, q);
  *high = quantize16(y, s, q + 16);
}

}  // namespace cairn::CAIRN_ISA
