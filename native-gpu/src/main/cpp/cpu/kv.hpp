// Layout of the paged key and value store, in half precision.
//
// [layer][block][key head][tile of 32 tokens]: keys [headLength][32], then values [32][stride],
// stride the head length rounded up to 16.
#pragma once

#include <cstddef>

namespace cairn::kv {

inline constexpr int kTileTokens = 32;
inline constexpr int kMaxHeadLength = 256;

constexpr int value_stride(int headLength) { return (headLength + 15) / 16 * 16; }

constexpr size_t tile_elements(int headLength) {
  return static_cast<size_t>(kTileTokens) *
         static_cast<size_t>(headLength + value_stride(headLength));
}

// uint16 elements of one block of one layer
constexpr size_t block_elements(int kvHeads, int headLength, int blockTokens) {
  return static_cast<size_t>(kvHeads) * static_cast<size_t>(blockTokens / kTileTokens) *
         tile_elements(headLength);
}

}  // namespace cairn::kv
