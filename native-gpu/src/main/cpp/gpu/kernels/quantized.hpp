// Activations in int8: rows of k bytes, and of each block of 32 its scale and scaled sums.
#pragma once

#include "numbers.hpp"

namespace cairn::gpu {

inline constexpr int kQuantum = 32;

// d, and d times the sum of the integers of the block, of its first half and of its second.
struct BlockScale {
  float d, sum, low, high;
};

// q[row][k], scales[row][k / 32]
struct QuantizedRows {
  int8_t* q = nullptr;
  BlockScale* scales = nullptr;
};

// A logical warp quantizes the block of which each lane has an element.
GPU_DEVICE inline void quantize_block(float x, QuantizedRows rows, size_t block) {
  const uint32_t bits = warp_max(std::bit_cast<uint32_t>(x) & 0x7fffffffu);
  const float most = std::bit_cast<float>(bits);
  float d = 0.0f, inverse = 0.0f;
  if (bits >= 0x7f800000u) {
    d = not_a_number();
  } else if (most >= 0x1p-119f) {
    d = most / 127.0f;
    inverse = 127.0f / most;
  }
  const int q = inverse > 0.0f ? static_cast<int>(nearest(x * inverse)) : 0;
  rows.q[block * kQuantum + static_cast<size_t>(lane())] = static_cast<int8_t>(q);
  int half = q;
  for (int mask = 8; mask > 0; mask /= 2) half += shuffle_xor(half, mask);
  const int other = shuffle_xor(half, 16);
  if (lane() == 0)
    rows.scales[block] = {d, d * static_cast<float>(half + other), d * static_cast<float>(half),
                          d * static_cast<float>(other)};
}

}  // namespace cairn::gpu
