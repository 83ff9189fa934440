// Panels of weights as kernels read them; cpu/formats.hpp describes the layout.
#pragma once

#include "../../cpu/formats.hpp"
#include "../runtime/gpu.hpp"

namespace cairn::gpu {

// The start of a K-block of a panel, and of the super-block that it is in.
template <WeightType T>
struct BlockPlace {
  const uint8_t* record;
  const uint8_t* block;

  GPU_DEVICE BlockPlace(const uint8_t* panel, int index) {
    constexpr int each = static_cast<int>(block_length(T) / 32);
    record = panel + static_cast<size_t>(index / each) * panel_block_bytes(T);
    block = record + header_bytes(T) + static_cast<size_t>(index % each) * k_block_bytes(T);
  }
};

// The 32 weights of a K-block of one column.
template <WeightType T>
struct ColumnWords {
  static constexpr int kLow = low_bits(T), kHigh = high_bits(T);
  uint32_t low[kLow];
  uint32_t high[kHigh > 0 ? kHigh : 1];

  GPU_DEVICE ColumnWords(const uint8_t* block, int column) {
    const int in_line = column % 16 * 4, half = column / 16;
    GPU_UNROLL
    for (int i = 0; i < kLow; i++)
      low[i] = *reinterpret_cast<const uint32_t*>(block + (half * kLow + i) * 64 + in_line);
    GPU_UNROLL
    for (int i = 0; i < kHigh; i++)
      high[i] = *reinterpret_cast<const uint32_t*>(block + low_plane_bytes(T) +
                                                   (half * kHigh + i) * 64 + in_line);
  }

  // inputs 4g to 4g + 3 as signed bytes
  GPU_DEVICE int word(int g) const {
    uint32_t w = plane<kLow>(low, g);
    if constexpr (kHigh > 0) w |= plane<kHigh>(high, g) << kLow;
    // no byte carries into the next: all are between 64 and 191
    if constexpr (weight_offset(T) > 0)
      w = (w + (128u - static_cast<uint32_t>(weight_offset(T))) * 0x01010101u) ^ 0x80808080u;
    return static_cast<int>(w);
  }

 private:
  template <int Bits>
  GPU_DEVICE static uint32_t plane(const uint32_t* lines, int g) {
    if constexpr (Bits == 8) return lines[g];
    if constexpr (Bits == 4) return lines[g % 4] >> (g / 4 * 4) & 0x0f0f0f0fu;
    if constexpr (Bits == 2) return lines[g / 4] >> (g % 4 * 2) & 0x03030303u;
    return lines[0] >> g & 0x01010101u;
  }
};

// What the integers of a K-block of one column are multiplied by, and what is added.
struct ColumnScales {
  float d;
  int scale[2];
  float minimum[2];
};

GPU_DEVICE inline float read_half(const uint8_t* p) {
  return half_to_float(*reinterpret_cast<const uint16_t*>(p));
}

template <WeightType T>
GPU_DEVICE inline ColumnScales column_scales(const BlockPlace<T>& place, int c) {
  const uint8_t* scales = place.block + scales_at(T);
  const uint8_t* super = is_super(T) ? place.record : scales;
  ColumnScales out{read_half(super + 2 * c), {1, 1}, {0.0f, 0.0f}};
  float minimum = 0.0f;
  if constexpr (has_minimum(T)) minimum = read_half(super + 64 + 2 * c);
  GPU_UNROLL
  for (int i = 0; i < 2; i++) {
    out.minimum[i] = minimum;
    if constexpr (is_super(T)) {
      const uint8_t byte = scales[(has_halves(T) ? i * 32 : 0) + c];
      out.scale[i] = T == WeightType::Q2_K ? byte & 15
                     : has_halves(T)       ? static_cast<int8_t>(byte)
                                           : byte;
      const int m = T == WeightType::Q2_K ? byte >> 4 : has_minimum(T) ? scales[32 + c] : 0;
      out.minimum[i] = -(minimum * static_cast<float>(m));
    }
  }
  return out;
}

// An element of a float panel.
template <WeightType T>
GPU_DEVICE inline float float_weight(const uint8_t* panel, size_t index) {
  if constexpr (T == WeightType::F32) {
    return reinterpret_cast<const float*>(panel)[index];
  } else {
    const uint16_t bits = reinterpret_cast<const uint16_t*>(panel)[index];
    if constexpr (T == WeightType::F16) return half_to_float(bits);
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
}

}  // namespace cairn::gpu
