// IEEE half precision without F16C: exact widening, narrowing rounded to nearest even; bfloat16.
#pragma once

#include <bit>
#include <cstdint>

#include "anywhere.hpp"

namespace cairn {

CAIRN_ANYWHERE static inline bool is_finite_half(uint16_t h) { return (h & 0x7c00u) != 0x7c00u; }

CAIRN_ANYWHERE static inline float bfloat_to_float(uint16_t b) {
  const uint32_t bits = static_cast<uint32_t>(b) << 16;
  return std::bit_cast<float>(bits);
}

CAIRN_ANYWHERE static inline float half_to_float(uint16_t h) {
  const uint32_t sign = static_cast<uint32_t>(h & 0x8000u) << 16;
  const uint32_t exponent = (h >> 10) & 31u;
  uint32_t fraction = h & 1023u;
  uint32_t bits;
  if (exponent == 31) {
    bits = sign | 0x7f800000u | (fraction << 13) | (fraction != 0 ? 0x400000u : 0u);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (fraction << 13);
  } else if (fraction == 0) {
    bits = sign;
  } else {
    uint32_t e = 113;
    while ((fraction & 1024u) == 0) {
      fraction <<= 1;
      e--;
    }
    bits = sign | (e << 23) | ((fraction & 1023u) << 13);
  }
  return std::bit_cast<float>(bits);
}

CAIRN_ANYWHERE static inline uint16_t float_to_half(float f) {
  uint32_t bits = std::bit_cast<uint32_t>(f);
  const uint16_t sign = static_cast<uint16_t>((bits >> 16) & 0x8000u);
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u) return static_cast<uint16_t>(sign | 0x7e00u | ((bits >> 13) & 1023u));
  if (bits >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  if (bits < 0x38800000u) {
    const uint32_t shift = 126 - (bits >> 23);
    if (shift > 24) return sign;
    const uint32_t m = (bits & 0x7fffffu) | 0x800000u;
    const uint32_t q = m >> shift, rest = m & ((1u << shift) - 1), half = 1u << (shift - 1);
    return static_cast<uint16_t>(sign | (q + (rest > half || (rest == half && (q & 1)) ? 1 : 0)));
  }
  bits -= 112u << 23;
  return static_cast<uint16_t>(sign | ((bits + 0xfffu + ((bits >> 13) & 1u)) >> 13));
}

}  // namespace cairn
