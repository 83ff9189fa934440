// Layout of the paged key and value store.
//
// [layer][block][key head][tile of 32 tokens]: keys [headLength][32], then values [32][stride],
// stride the head length rounded up to 16, in half or single precision. Q8_0 keeps int8 in their
// place, then half-precision scales of each 32 elements of a head: of keys [blocks][32], of values
// [32][blocks].
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

enum class KvType : int32_t { F16 = 0, F32 = 1, Q8_0 = 2 };

namespace kv {

inline constexpr int kTypes = 3;
inline constexpr int kTileTokens = 32;
inline constexpr int kMaxHeadLength = 256;

constexpr int value_stride(int headLength) { return (headLength + 15) / 16 * 16; }

// scales of one token's keys or values of a head
constexpr int scale_blocks(int headLength) { return (headLength + 31) / 32; }

constexpr size_t tile_elements(int headLength) {
  return static_cast<size_t>(kTileTokens) *
         static_cast<size_t>(headLength + value_stride(headLength));
}

constexpr size_t tile_bytes(KvType type, int headLength) {
  const size_t n = tile_elements(headLength);
  if (type == KvType::F16) return 2 * n;
  if (type == KvType::F32) return 4 * n;
  return n + 4 * static_cast<size_t>(kTileTokens * scale_blocks(headLength));
}

// bytes of one block of one layer
constexpr size_t block_bytes(KvType type, int kvHeads, int headLength, int blockTokens) {
  return static_cast<size_t>(kvHeads) * static_cast<size_t>(blockTokens / kTileTokens) *
         tile_bytes(type, headLength);
}

using ToHalf = void (*)(const float* x, uint16_t* dst, int n);

// Puts the keys and values k[headLength] and v[headLength] of one token of a tile in their places.
void store(KvType type, ToHalf toHalf, const float* k, const float* v, int headLength, int token,
           uint8_t* tile);

}  // namespace kv
}  // namespace cairn
