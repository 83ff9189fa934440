// Outputs that start poisoned, comparisons of bits, and random rows.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "check.hpp"

inline constexpr uint32_t kPoison = 0x7fc0dead;

inline std::vector<float> poisoned(size_t n) {
  std::vector<float> v(n);
  for (float& f : v) std::memcpy(&f, &kPoison, 4);
  return v;
}

inline bool is_poison(float f) { return std::memcmp(&f, &kPoison, 4) == 0; }

inline bool same(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), 4 * a.size()) == 0;
}

inline std::vector<float> random_floats(size_t n, float scale = 1) {
  std::vector<float> v(n);
  for (float& f : v) f = check::real(-scale, scale) * (check::integer(0, 60) == 0 ? 20.0f : 1.0f);
  return v;
}
