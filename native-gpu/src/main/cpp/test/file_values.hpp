// Weight types as files hold them, written from the format's description and sharing nothing with
// the engine but the list of types: values of a block in double precision, and random blocks.
#pragma once

#include <cmath>
#include <cstring>
#include <vector>

#include "../cpu/formats.hpp"
#include "check.hpp"

inline constexpr cairn::WeightType kAllTypes[] = {
    cairn::WeightType::F32,  cairn::WeightType::F16,  cairn::WeightType::BF16,
    cairn::WeightType::Q8_0, cairn::WeightType::Q4_0, cairn::WeightType::Q4_1,
    cairn::WeightType::Q5_0, cairn::WeightType::Q5_1, cairn::WeightType::Q2_K,
    cairn::WeightType::Q3_K, cairn::WeightType::Q4_K, cairn::WeightType::Q5_K,
    cairn::WeightType::Q6_K};

// bytes and elements of a block, and where its half-precision numbers are (−1: there is none)
struct FileLayout {
  size_t bytes, length;
  int scale, minimum;
};

inline FileLayout file_layout(cairn::WeightType type) {
  using enum cairn::WeightType;
  switch (type) {
    case F32:
      return {4, 1, -1, -1};
    case F16:
    case BF16:
      return {2, 1, -1, -1};
    case Q4_0:
      return {18, 32, 0, -1};
    case Q4_1:
      return {20, 32, 0, 2};
    case Q5_0:
      return {22, 32, 0, -1};
    case Q5_1:
      return {24, 32, 0, 2};
    case Q8_0:
      return {34, 32, 0, -1};
    case Q2_K:
      return {84, 256, 80, 82};
    case Q3_K:
      return {110, 256, 108, -1};
    case Q4_K:
      return {144, 256, 0, 2};
    case Q5_K:
      return {176, 256, 0, 2};
    default:
      return {210, 256, 208, -1};
  }
}

inline double half_value(const uint8_t* p) {
  const int bits = p[0] | p[1] << 8, exponent = bits >> 10 & 31, fraction = bits & 1023;
  const double size =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return bits & 0x8000 ? -size : size;
}

// A weight is scaled + shift; both matter for how exact a product can be.
struct FileValue {
  double scaled, shift;
  double sum() const { return scaled + shift; }
};

// 6-bit numbers j = 0..7 (scales) and 8..15 (minimums) of the 12 bytes of Q4_K and Q5_K: the low
// six bits of byte j, or a nibble of byte 8.. and two bits of an earlier byte
inline int six_bits(const uint8_t* s, int j) {
  const int group = j / 8, i = j % 8;
  if (i < 4) return s[4 * group + i] & 0x3f;
  const int nibble = group == 0 ? s[4 + i] & 0xf : s[4 + i] >> 4;
  return nibble + 16 * (s[4 * group + i - 4] >> 6);
}

// Element i of a row.
inline FileValue file_value(cairn::WeightType type, const uint8_t* row, size_t element) {
  using enum cairn::WeightType;
  const FileLayout layout = file_layout(type);
  const uint8_t* b = row + element / layout.length * layout.bytes;
  const int i = static_cast<int>(element % layout.length);
  const double d = layout.scale < 0 ? 0 : half_value(b + layout.scale);
  const double m = layout.minimum < 0 ? 0 : half_value(b + layout.minimum);
  auto bit = [&](int at, int index) { return b[at + index / 8] >> (index % 8) & 1; };
  auto nibble = [&](int at) { return i < 16 ? b[at + i] % 16 : b[at + i - 16] / 16; };
  float f = 0;
  switch (type) {
    case F32:
      std::memcpy(&f, b, 4);
      return {static_cast<double>(f), 0};
    case BF16:
      std::memcpy(reinterpret_cast<uint8_t*>(&f) + 2, b, 2);
      return {static_cast<double>(f), 0};
    case F16:
      return {half_value(b), 0};
    case Q8_0:
      return {d * static_cast<int8_t>(b[2 + i]), 0};
    case Q4_0:
      return {d * (nibble(2) - 8), 0};
    case Q4_1:
      return {d * nibble(4), m};
    case Q5_0:
      return {d * (nibble(6) + 16 * bit(2, i) - 16), 0};
    case Q5_1:
      return {d * (nibble(8) + 16 * bit(4, i)), m};
    default:
      break;
  }
  // Super-blocks: two parts of 128; in a part, four runs of 32 share bytes (2-bit types, Q6_K's
  // high bits), or two pairs of runs do (4-bit types).
  const int part = i / 128, run = i / 32 % 4, at = i % 32;
  switch (type) {
    case Q2_K: {
      const int q = b[16 + 32 * part + at] >> 2 * run & 3, s = b[i / 16];
      return {d * (s % 16) * q, -m * (s / 16)};
    }
    case Q3_K: {
      const int j = i / 16, q = b[32 + 32 * part + at] >> 2 * run & 3;
      const bool high = b[at] >> (4 * part + run) & 1;
      const int low = j < 8 ? b[96 + j] % 16 : b[96 + j - 8] / 16;
      const int scale = low + 16 * (b[104 + j % 4] >> 2 * (j / 4) & 3) - 32;
      return {d * scale * (q - (high ? 0 : 4)), 0};
    }
    case Q4_K:
    case Q5_K: {
      const uint8_t byte = b[(type == Q4_K ? 16 : 48) + 64 * part + 32 * (run / 2) + at];
      int q = run % 2 == 0 ? byte % 16 : byte / 16;
      if (type == Q5_K) q += 16 * (b[16 + at] >> (i / 32) & 1);
      return {d * six_bits(b + 4, i / 32) * q, -m * six_bits(b + 4, 8 + i / 32)};
    }
    default: {
      const uint8_t byte = b[64 * part + 32 * (run % 2) + at];
      const int q =
          (run < 2 ? byte % 16 : byte / 16) + 16 * (b[128 + 32 * part + at] >> 2 * run & 3);
      return {d * static_cast<int8_t>(b[192 + i / 16]) * (q - 32), 0};
    }
  }
}

enum class Scales { ORDINARY, EXTREME };

// Bits of a half: finite, of either sign; now and then zero, denormal or the largest where asked.
inline uint16_t random_half(Scales scales) {
  const int sign = check::integer(0, 1) << 15;
  if (scales == Scales::EXTREME) {
    switch (check::integer(0, 4)) {
      case 0:
        return static_cast<uint16_t>(sign);
      case 1:
        return static_cast<uint16_t>(sign | check::integer(1, 0x3ff));
      case 2:
        return static_cast<uint16_t>(sign | 0x7bff);
      default:
        break;
    }
  }
  return static_cast<uint16_t>(0x1400 + check::integer(0, 0x0bff) + sign);
}

// Rows of a file with random contents of a type; where scales are extreme, so are some blocks.
inline std::vector<uint8_t> random_rows(cairn::WeightType type, size_t k, size_t rows,
                                        Scales scales = Scales::ORDINARY) {
  const FileLayout layout = file_layout(type);
  std::vector<uint8_t> data(rows * (k / layout.length) * layout.bytes);
  for (uint8_t& b : data) b = static_cast<uint8_t>(check::integer(0, 255));
  for (size_t at = 0; at < data.size(); at += layout.bytes) {
    if (layout.length == 1) {
      const float f = check::real(-1, 1);
      uint8_t bytes[4];
      std::memcpy(bytes, &f, 4);
      if (type == cairn::WeightType::F16) {
        const uint16_t h = random_half(scales);
        std::memcpy(&data[at], &h, 2);
      } else {
        std::memcpy(&data[at], bytes + 4 - layout.bytes, layout.bytes);
      }
      continue;
    }
    if (scales == Scales::EXTREME && check::integer(0, 3) == 0)
      std::memset(&data[at], check::integer(0, 1) == 0 ? 0 : 0xff, layout.bytes);
    for (int place : {layout.scale, layout.minimum}) {
      const uint16_t h = random_half(scales);
      if (place >= 0) std::memcpy(&data[at + static_cast<size_t>(place)], &h, 2);
    }
  }
  return data;
}
