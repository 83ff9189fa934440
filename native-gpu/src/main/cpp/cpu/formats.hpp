// Weight types: how a file stores them and how panels of 32 output columns hold them.
//
// F32, F16, BF16: [k][32 columns].
// Block types hold each weight as an unsigned integer of low and high bits, in planes. One K-block
// (32 inputs of 32 columns) is, in this order,
//   low plane   8, 4 or 2 bits a weight, two halves of 16 columns each
//   high plane  none, 1 or 2 bits a weight, likewise
//   scales      of 32 columns, see below
// and byte c·4 + j of the 64-byte line `g` of a half holds input 4g' + j of its column c:
//   8 bits: g' = g;  4 bits: low nibble g' = g, high nibble g' = 4 + g;
//   2 bits: bits 2i and 2i + 1 are g' = 4g + i;  1 bit: bit i is g' = i.
// Scales of types in blocks of 32 (Q4_0, Q4_1, Q5_0, Q5_1, Q8_0): fp16 d, fp16 minimum (_1 types).
// Types in super-blocks of 256 have a header of fp16 d (and, Q2_K, Q4_K, Q5_K, fp16 dmin) before
// their eight K-blocks; a K-block's scales are then 64 bytes:
//   Q4_K, Q5_K  6-bit scales of 32 columns, 6-bit minimums, a byte each
//   Q3_K, Q6_K  int8 scales of inputs 0..15, of inputs 16..31
//   Q2_K        the same two halves; low nibble the scale, high nibble the minimum
// Bytes of 256 inputs of a panel beside the file's: Q2_K 2688 = 2688, Q3_K 3648 to 3520,
// Q4_K 4736 to 4608, Q5_K 5760 to 5632, Q6_K 6720 = 6720.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

// The numbers are GGUF's.
enum class WeightType : int32_t {
  F32 = 0,
  F16 = 1,
  Q4_0 = 2,
  Q4_1 = 3,
  Q5_0 = 6,
  Q5_1 = 7,
  Q8_0 = 8,
  Q2_K = 10,
  Q3_K = 11,
  Q4_K = 12,
  Q5_K = 13,
  Q6_K = 14,
  BF16 = 30
};

inline constexpr int kPanelColumns = 32;
inline constexpr char kWeightTypeNames[] =
    "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q2_K, Q3_K, Q4_K, Q5_K or Q6_K";

static constexpr bool is_supported(int32_t type) {
  return type == 30 || (type >= 0 && type <= 14 && type != 4 && type != 5 && type != 9);
}

static constexpr bool is_float(WeightType t) {
  return t == WeightType::F32 || t == WeightType::F16 || t == WeightType::BF16;
}

// of 256 inputs, with scales of scales
static constexpr bool is_super(WeightType t) {
  return t >= WeightType::Q2_K && t <= WeightType::Q6_K;
}

// scales of 16 inputs rather than 32
static constexpr bool has_halves(WeightType t) {
  return t == WeightType::Q2_K || t == WeightType::Q3_K || t == WeightType::Q6_K;
}

static constexpr bool has_minimum(WeightType t) {
  return t == WeightType::Q4_1 || t == WeightType::Q5_1 || t == WeightType::Q2_K ||
         t == WeightType::Q4_K || t == WeightType::Q5_K;
}

static constexpr int low_bits(WeightType t) {
  return t == WeightType::Q8_0 ? 8 : t == WeightType::Q2_K || t == WeightType::Q3_K ? 2 : 4;
}

static constexpr int high_bits(WeightType t) {
  switch (t) {
    case WeightType::Q5_0:
    case WeightType::Q5_1:
    case WeightType::Q5_K:
    case WeightType::Q3_K:
      return 1;
    case WeightType::Q6_K:
      return 2;
    default:
      return 0;
  }
}

// what is subtracted from the unsigned integer of a weight; Q8_0 is stored signed
static constexpr int weight_offset(WeightType t) {
  switch (t) {
    case WeightType::Q3_K:
      return 4;
    case WeightType::Q4_0:
      return 8;
    case WeightType::Q5_0:
      return 16;
    case WeightType::Q6_K:
      return 32;
    default:
      return 0;
  }
}

// elements of a block in a file
static constexpr size_t block_length(WeightType t) {
  return is_float(t) ? 1 : is_super(t) ? 256 : 32;
}

// bytes of a block in a file
static constexpr size_t block_bytes(WeightType t) {
  switch (t) {
    case WeightType::F32:
      return 4;
    case WeightType::F16:
    case WeightType::BF16:
      return 2;
    case WeightType::Q3_K:
      return 110;
    case WeightType::Q6_K:
      return 210;
    case WeightType::Q2_K:
      return 84;
    default: {
      const size_t weights = block_length(t) * static_cast<size_t>(low_bits(t) + high_bits(t)) / 8;
      return weights + (has_minimum(t) ? 4 : 2) + (is_super(t) ? 12 : 0);
    }
  }
}

static constexpr size_t low_plane_bytes(WeightType t) {
  return 128 * static_cast<size_t>(low_bits(t));
}
static constexpr size_t scales_at(WeightType t) {
  return low_plane_bytes(t) + 128 * static_cast<size_t>(high_bits(t));
}
// bytes of one K-block of a panel
static constexpr size_t k_block_bytes(WeightType t) {
  return scales_at(t) + (has_minimum(t) && !is_super(t) ? 128 : 64);
}
// bytes before the K-blocks of a super-block
static constexpr size_t header_bytes(WeightType t) {
  return !is_super(t) ? 0 : has_minimum(t) ? 128 : 64;
}

// bytes of what a block of a file becomes in a panel
static constexpr size_t panel_block_bytes(WeightType t) {
  return header_bytes(t) + block_length(t) / 32 * k_block_bytes(t);
}

static constexpr size_t panel_bytes(WeightType t, size_t k) {
  if (is_float(t)) return k * kPanelColumns * block_bytes(t);
  return k / block_length(t) * panel_block_bytes(t);
}

static constexpr size_t row_bytes(WeightType t, size_t k) {
  return k / block_length(t) * block_bytes(t);
}

static_assert(panel_block_bytes(WeightType::Q8_0) == 1088);
static_assert(panel_block_bytes(WeightType::Q4_0) == 576);
static_assert(block_bytes(WeightType::Q4_K) == 144 && block_bytes(WeightType::Q5_K) == 176);
static_assert(block_bytes(WeightType::Q4_1) == 20 && block_bytes(WeightType::Q5_1) == 24);

// Where the half-precision scale of a block of a file is; a minimum follows it.
static constexpr size_t scale_place(WeightType t) {
  switch (t) {
    case WeightType::Q2_K:
      return 80;
    case WeightType::Q3_K:
      return 108;
    case WeightType::Q6_K:
      return 208;
    default:
      return 0;
  }
}

// Packs up to 32 rows of a file (each row_bytes long) into one panel; missing columns yield zero.
void pack_panel(WeightType type, size_t k, const uint8_t* rows, int count, uint8_t* panel);

// Whether the scales and minimums of so many rows of a file are finite; of float types nothing is
// looked at.
bool scales_are_finite(WeightType type, size_t k, const uint8_t* rows, int count);

// One K-block of one column: weight k is d · scale[k / 16] · q[k] + minimum[k / 16], exactly.
struct ColumnBlock {
  int8_t q[32];
  int scale[2];
  float d;
  float minimum[2];
};

// K-block `block` of column c of a panel of a block type
ColumnBlock read_block(WeightType type, const uint8_t* panel, size_t block, size_t c);

// Column c of a panel as floats: out[k]
void read_column(WeightType type, size_t k, const uint8_t* panel, int c, float* out);

// One row of a file as floats, the same bits as those of its column of a panel: out[k]
void read_row(WeightType type, size_t k, const uint8_t* row, float* out);

}  // namespace cairn
