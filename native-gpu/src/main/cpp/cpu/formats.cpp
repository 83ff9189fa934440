#include "formats.hpp"

#include <cstring>

#include "half.hpp"

namespace cairn {
namespace {

uint16_t read_half(const uint8_t* p) {
  uint16_t h;
  std::memcpy(&h, p, 2);
  return h;
}

// place and shift of input k (0..31) of column c in a plane of so many bits a weight
struct Place {
  size_t at;
  int shift;
};

inline Place place(int bits, size_t c, size_t k) {
  const size_t in_line = c % 16 * 4 + k % 4, g = k / 4, half = c / 16;
  switch (bits) {
    case 8:
      return {half * 512 + g * 64 + in_line, 0};
    case 4:
      return {half * 256 + g % 4 * 64 + in_line, static_cast<int>(g / 4 * 4)};
    case 2:
      return {half * 128 + g / 4 * 64 + in_line, static_cast<int>(g % 4 * 2)};
    default:
      return {half * 64 + in_line, static_cast<int>(g)};
  }
}

}  // namespace

bool scales_are_finite(WeightType type, size_t k, const uint8_t* rows, int count) {
  if (is_float(type)) return true;
  const uint8_t* end = rows + static_cast<size_t>(count) * row_bytes(type, k);
  bool finite = true;
  for (const uint8_t* p = rows + scale_place(type); p < end; p += block_bytes(type)) {
    finite &= is_finite_half(read_half(p));
    if (has_minimum(type)) finite &= is_finite_half(read_half(p + 2));
  }
  return finite;
}

ColumnBlock read_block(WeightType type, const uint8_t* panel, size_t block, size_t c) {
  const size_t each = block_length(type) / 32;
  const uint8_t* record = panel + block / each * panel_block_bytes(type);
  const uint8_t* w = record + header_bytes(type) + block % each * k_block_bytes(type);
  const uint8_t* scales = w + scales_at(type);
  ColumnBlock out;
  const int low = low_bits(type), high = high_bits(type);
  for (size_t k = 0; k < 32; k++) {
    const Place l = place(low, c, k);
    int q = w[l.at] >> l.shift & ((1 << low) - 1);
    if (high != 0) {
      const Place h = place(high, c, k);
      q |= (w[low_plane_bytes(type) + h.at] >> h.shift & ((1 << high) - 1)) << low;
    }
    out.q[k] = static_cast<int8_t>(q - weight_offset(type));
  }
  const uint8_t* super = is_super(type) ? record : scales;
  out.d = half_to_float(read_half(super + 2 * c));
  const float minimum = has_minimum(type) ? half_to_float(read_half(super + 64 + 2 * c)) : 0.0f;
  for (size_t i = 0; i < 2; i++) {
    out.scale[i] = 1;
    out.minimum[i] = minimum;
    if (!is_super(type)) continue;
    const uint8_t byte = scales[(has_halves(type) ? i * 32 : 0) + c];
    out.scale[i] = type == WeightType::Q2_K ? byte & 15
                   : has_halves(type)       ? static_cast<int8_t>(byte)
                                            : byte;
    const int m = type == WeightType::Q2_K ? byte >> 4 : has_minimum(type) ? scales[32 + c] : 0;
    out.minimum[i] = -(minimum * static_cast<float>(m));
  }
  return out;
}

static void widen(WeightType type, const uint8_t* w, float* out) {
  if (type == WeightType::F32)
    std::memcpy(out, w, 4);
  else
    *out = (type == WeightType::F16 ? half_to_float : bfloat_to_float)(read_half(w));
}

static void widen(WeightType type, const ColumnBlock& block, float* out) {
  for (size_t j = 0; j < 32; j++) {
    const float q = static_cast<float>(block.scale[j / 16] * block.q[j]);
    const float minimum = block.minimum[j / 16];
    out[j] = has_minimum(type) ? __builtin_fmaf(block.d, q, minimum) : block.d * q;
  }
}

void read_column(WeightType type, size_t k, const uint8_t* panel, int column, float* out) {
  const size_t c = static_cast<size_t>(column), size = block_bytes(type);
  if (is_float(type))
    for (size_t i = 0; i < k; i++) widen(type, panel + (i * kPanelColumns + c) * size, out + i);
  else
    for (size_t b = 0; b < k / 32; b++) widen(type, read_block(type, panel, b, c), out + b * 32);
}

void read_row(WeightType type, size_t k, const uint8_t* row, float* out) {
  const size_t length = block_length(type), size = block_bytes(type);
  if (is_float(type)) {
    for (size_t i = 0; i < k; i++) widen(type, row + i * size, out + i);
    return;
  }
  uint8_t panel[panel_block_bytes(WeightType::Q6_K)];
  for (size_t i = 0; i < k; i += length, row += size, out += length) {
    pack_panel(type, length, row, 1, panel);
    for (size_t b = 0; b < length / 32; b++)
      widen(type, read_block(type, panel, b, 0), out + b * 32);
  }
}

}  // namespace cairn
