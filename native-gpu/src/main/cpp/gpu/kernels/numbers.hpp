// Functions of single numbers and sums in the order of docs/NUMERICS.md.
#pragma once

#include "../runtime/gpu.hpp"

namespace cairn::gpu {

GPU_DEVICE inline float infinity() { return std::bit_cast<float>(0x7f800000u); }
GPU_DEVICE inline float not_a_number() { return std::bit_cast<float>(0x7fc00000u); }
GPU_DEVICE inline bool is_finite(float x) {
  return (std::bit_cast<uint32_t>(x) & 0x7fffffffu) < 0x7f800000u;
}

// exp by Cody and Waite's reduction and a polynomial of degree 7; 0 below −87.336, NaN stays NaN.
GPU_DEVICE inline float exponential(float x) {
  const float below = 88.37626f < x ? 88.37626f : x;
  const float c = -87.33654f > below ? -87.33654f : below;
  const float t = fma(c, 1.44269504f, 12582912.0f), n = t - 12582912.0f;
  const float r = fma(n, 2.12194440e-4f, fma(n, -0.693359375f, c));
  float p = 1.9875691500e-4f;
  p = fma(p, r, 1.3981999507e-3f);
  p = fma(p, r, 8.3334519073e-3f);
  p = fma(p, r, 4.1665795894e-2f);
  p = fma(p, r, 1.6666665459e-1f);
  p = fma(p, r, 5.0000001201e-1f);
  p = fma(p, r * r, r + 1.0f);
  const uint32_t power = (std::bit_cast<uint32_t>(t) - 0x4B400000u + 127u) << 23;
  return x < -87.33654f ? 0.0f : p * std::bit_cast<float>(power);
}

GPU_DEVICE inline float hyperbolic_tangent(float x) {
  const float minus = x * -1.0f, a = minus > x ? minus : x, z = x * x;
  float p = -5.70498872745e-3f;
  p = fma(p, z, 2.06390887954e-2f);
  p = fma(p, z, -5.37397155531e-2f);
  p = fma(p, z, 1.33314422036e-1f);
  p = fma(p, z, -3.33332819422e-1f);
  if (a < 0.625f) return fma(p * z, x, x);
  const float large = 1.0f - 2.0f / (exponential(a + a) + 1.0f);
  return x < 0.0f ? large * -1.0f : large;
}

GPU_DEVICE inline float soft_capped(float x, float cap) {
  return hyperbolic_tangent(x / cap) * cap;
}

// g / (1 + exp(−g))
GPU_DEVICE inline float silu(float g) { return g / (1.0f + exponential(g * -1.0f)); }

// GELU in the form with tanh
GPU_DEVICE inline float gelu(float g) {
  const float t = g * fma(g * g, 0.044715f, 1.0f);
  return g / (1.0f + exponential(t * -1.5957691216057308f));
}

// Sixteen partial sums of a logical warp, the same in both halves, folded: every lane has the sum.
GPU_DEVICE inline float fold_sixteen(float s) {
  for (int mask = 8; mask > 0; mask /= 2) s += shuffle_xor(s, mask);
  return s;
}

// The sixteen-lane sum of a logical warp: lane i takes elements i, i + 16, … below n, in this order,
// by s = step(s, element).
template <class Step>
GPU_DEVICE inline float sixteen_lanes(int n, const Step& step) {
  float s = 0.0f;
  for (int i = lane() % 16; i < n; i += 16) s = step(s, i);
  return fold_sixteen(s);
}

// 1 / rms, where element(i) are the n elements
template <class Element>
GPU_DEVICE inline float inverse_rms(int n, float eps, const Element& element) {
  const float squares = sixteen_lanes(n, [&](float s, int i) {
    const float v = element(i);
    return fma(v, v, s);
  });
  return 1.0f / root(squares / static_cast<float>(n) + eps);
}

}  // namespace cairn::gpu
