// Rows quantized to int8, in tiles of 16 rows: one record a block of 32 inputs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn::activation {

inline constexpr int kTileRows = 16;
inline constexpr int kBlock = 32;

// int8 [16][32]; then sixteen of each, 4 bytes: the scale; the value that an integer accumulator
// starts from for weights stored with +128 (Q8_0), +8 (Q4_0) and, for each half of the block, +32
// (Q6_K); the scale times the sum of the integers of the block, of its first half and its second.
// The first two starts contain the bits of the float 12582912, so that the sum read as a float is
// 12582912 + the signed dot product.
inline constexpr size_t kScale = 512;
inline constexpr size_t kStart8 = 576;
inline constexpr size_t kStart4 = 640;
inline constexpr size_t kStart6Low = 704;
inline constexpr size_t kStart6High = 768;
inline constexpr size_t kSum = 832;
inline constexpr size_t kSumLow = 896;
inline constexpr size_t kSumHigh = 960;
inline constexpr size_t kStart5 = 1024;  // +16 (Q5_0), like kStart4
inline constexpr size_t kRecord = 1088;
inline constexpr int32_t kMagicBits = 0x4B400000;
inline constexpr float kMagic = 12582912.0f;

inline constexpr size_t bytes(size_t rows, size_t k) {
  return (rows + kTileRows - 1) / kTileRows * (k / kBlock) * kRecord;
}

}  // namespace cairn::activation
