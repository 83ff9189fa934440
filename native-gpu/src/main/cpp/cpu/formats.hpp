// Weight types: how a file stores them and how panels of 32 output columns hold them.
//
// F32, F16: [k][32 columns]. Block types, one record for 32 inputs; byte kg·64 + c·4 + j of a half
// of 16 columns is w[column c][input 4kg + j]:
//   Q8_0, 1,088 bytes: two halves of 512 (int8), 32 fp16 scales
//   Q4_0,   576 bytes: two halves of 256 (low nibble input 4kg + j, high nibble 16 + 4kg + j),
//   scales Q6_K, 1,152 bytes: two halves of 512 (0..63), int8 scales of inputs 0..15 and of 16..31,
//   fp16
//                      super-block scales
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

// The numbers are GGUF's.
enum class WeightType : int32_t { F32 = 0, F16 = 1, Q4_0 = 2, Q8_0 = 8, Q6_K = 14 };

inline constexpr int kPanelColumns = 32;

constexpr bool is_supported(int32_t type) {
  return type == 0 || type == 1 || type == 2 || type == 8 || type == 14;
}

constexpr bool is_float(WeightType t) { return t == WeightType::F32 || t == WeightType::F16; }

// elements of a block in a file
constexpr size_t block_length(WeightType t) {
  return is_float(t) ? 1 : t == WeightType::Q6_K ? 256 : 32;
}

// bytes of a block in a file
constexpr size_t block_bytes(WeightType t) {
  switch (t) {
    case WeightType::F32:
      return 4;
    case WeightType::F16:
      return 2;
    case WeightType::Q4_0:
      return 18;
    case WeightType::Q8_0:
      return 34;
    default:
      return 210;
  }
}

// bytes of one record of a panel: 32 inputs of a block type
constexpr size_t panel_block_bytes(WeightType t) {
  return t == WeightType::Q8_0 ? 1088 : t == WeightType::Q4_0 ? 576 : 1152;
}

constexpr size_t panel_bytes(WeightType t, size_t k) {
  if (is_float(t)) return k * kPanelColumns * block_bytes(t);
  return k / 32 * panel_block_bytes(t);
}

constexpr size_t row_bytes(WeightType t, size_t k) { return k / block_length(t) * block_bytes(t); }

// Packs up to 32 rows of a file (each row_bytes long) into one panel; missing columns are zero.
// False where a scale is not finite.
bool pack_panel(WeightType type, size_t k, const uint8_t* rows, int count, uint8_t* panel);

// Column c of a panel as floats: out[k]
void read_column(WeightType type, size_t k, const uint8_t* panel, int c, float* out);

}  // namespace cairn
