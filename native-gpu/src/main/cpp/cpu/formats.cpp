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

// One block of a file taken apart.
struct FileBlock {
  uint8_t q[256];        // as stored: unsigned, or Q8_0's bytes
  uint8_t scales[8][2];  // of each K-block, as panels hold them
  uint16_t d, minimum;
};

// low and high nibbles of 16 bytes are inputs 0..15 and 16..31; bit k of `high` is bit 4 of input k
void take_nibbles(const uint8_t* bytes, const uint8_t* high, FileBlock& out) {
  for (size_t k = 0; k < 32; k++) {
    const int nibble = k < 16 ? bytes[k] & 15 : bytes[k - 16] >> 4;
    const int bit = high == nullptr ? 0 : high[k / 8] >> (k % 8) & 1;
    out.q[k] = static_cast<uint8_t>(nibble | bit << 4);
  }
}

// 6-bit scale and minimum of K-block b from the 12 bytes of Q4_K and Q5_K
void take_six_bits(const uint8_t* s, size_t b, uint8_t* out) {
  if (b < 4) {
    out[0] = s[b] & 63;
    out[1] = s[b + 4] & 63;
  } else {
    out[0] = static_cast<uint8_t>((s[b + 4] & 15) | s[b - 4] >> 6 << 4);
    out[1] = static_cast<uint8_t>(s[b + 4] >> 4 | s[b] >> 6 << 4);
  }
}

void take_q2_k(const uint8_t* block, FileBlock& out) {
  for (size_t k = 0; k < 256; k++)
    out.q[k] = block[16 + k / 128 * 32 + k % 32] >> (k % 128 / 32 * 2) & 3;
  for (size_t i = 0; i < 16; i++) out.scales[i / 2][i % 2] = block[i];
  out.d = read_half(block + 80);
  out.minimum = read_half(block + 82);
}

void take_q3_k(const uint8_t* block, FileBlock& out) {
  for (size_t k = 0; k < 256; k++) {
    const int low = block[32 + k / 128 * 32 + k % 32] >> (k % 128 / 32 * 2) & 3;
    out.q[k] = static_cast<uint8_t>(low | (block[k % 32] >> (k / 32) & 1) << 2);
  }
  const uint8_t* s = block + 96;
  for (size_t i = 0; i < 16; i++) {
    const int low = i < 8 ? s[i] & 15 : s[i - 8] >> 4;
    const int high = s[8 + i % 4] >> (i / 4 * 2) & 3;
    out.scales[i / 2][i % 2] = static_cast<uint8_t>((low | high << 4) - 32);
  }
  out.d = read_half(block + 108);
}

// `high` is 32 bytes whose bit b belongs to K-block b
void take_q45_k(const uint8_t* block, const uint8_t* high, const uint8_t* low, FileBlock& out) {
  for (size_t k = 0; k < 256; k++) {
    const uint8_t byte = low[k / 64 * 32 + k % 32];
    const int nibble = k % 64 < 32 ? byte & 15 : byte >> 4;
    const int bit = high == nullptr ? 0 : high[k % 32] >> (k / 32) & 1;
    out.q[k] = static_cast<uint8_t>(nibble | bit << 4);
  }
  for (size_t b = 0; b < 8; b++) take_six_bits(block + 4, b, out.scales[b]);
  out.d = read_half(block);
  out.minimum = read_half(block + 2);
}

void take_q6_k(const uint8_t* block, FileBlock& out) {
  for (size_t k = 0; k < 256; k++) {
    const size_t part = k / 128, group = k % 128 / 32, i = k % 32;
    const uint8_t low = block[part * 64 + (group % 2) * 32 + i];
    const int nibble = group < 2 ? low & 15 : low >> 4;
    const int high = block[128 + part * 32 + i] >> (2 * group) & 3;
    out.q[k] = static_cast<uint8_t>(nibble | high << 4);
  }
  for (size_t i = 0; i < 16; i++) out.scales[i / 2][i % 2] = block[192 + i];
  out.d = read_half(block + 208);
}

void take(WeightType type, const uint8_t* block, FileBlock& out) {
  out.minimum = 0;
  switch (type) {
    case WeightType::Q2_K:
      return take_q2_k(block, out);
    case WeightType::Q3_K:
      return take_q3_k(block, out);
    case WeightType::Q4_K:
      return take_q45_k(block, nullptr, block + 16, out);
    case WeightType::Q5_K:
      return take_q45_k(block, block + 16, block + 48, out);
    case WeightType::Q6_K:
      return take_q6_k(block, out);
    default:
      break;
  }
  out.d = read_half(block);
  block += 2;
  if (has_minimum(type)) {
    out.minimum = read_half(block);
    block += 2;
  }
  if (type == WeightType::Q8_0)
    std::memcpy(out.q, block, 32);
  else if (high_bits(type) == 1)
    take_nibbles(block + 4, block, out);
  else
    take_nibbles(block, nullptr, out);
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

void put(WeightType type, const FileBlock& block, size_t c, uint8_t* out) {
  const int low = low_bits(type), high = high_bits(type);
  uint8_t* scales = is_super(type) ? out : out + scales_at(type);
  std::memcpy(scales + 2 * c, &block.d, 2);
  if (has_minimum(type)) std::memcpy(scales + 64 + 2 * c, &block.minimum, 2);
  out += header_bytes(type);
  for (size_t b = 0; b < block_length(type) / 32; b++, out += k_block_bytes(type)) {
    for (size_t k = 0; k < 32; k++) {
      const int q = block.q[b * 32 + k];
      const Place l = place(low, c, k);
      out[l.at] = static_cast<uint8_t>(out[l.at] | (q & ((1 << low) - 1)) << l.shift);
      if (high == 0) continue;
      const Place h = place(high, c, k);
      uint8_t& byte = out[low_plane_bytes(type) + h.at];
      byte = static_cast<uint8_t>(byte | q >> low << h.shift);
    }
    if (is_super(type)) {
      out[scales_at(type) + c] = block.scales[b][0];
      out[scales_at(type) + 32 + c] = block.scales[b][1];
    }
  }
}

}  // namespace

bool pack_panel(WeightType type, size_t k, const uint8_t* rows, int count, uint8_t* panel) {
  std::memset(panel, 0, panel_bytes(type, k));
  const size_t stride = row_bytes(type, k);
  bool finite = true;
  for (size_t c = 0; c < static_cast<size_t>(count); c++) {
    const uint8_t* row = rows + c * stride;
    if (is_float(type)) {
      const size_t size = block_bytes(type);
      for (size_t i = 0; i < k; i++) std::memcpy(panel + (i * 32 + c) * size, row + i * size, size);
      continue;
    }
    FileBlock block;
    for (size_t b = 0; b < k / block_length(type); b++) {
      take(type, row + b * block_bytes(type), block);
      finite &= is_finite_half(block.d) && is_finite_half(block.minimum);
      put(type, block, c, panel + b * panel_block_bytes(type));
    }
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

void read_column(WeightType type, size_t k, const uint8_t* panel, int column, float* out) {
  const size_t c = static_cast<size_t>(column);
  if (is_float(type)) {
    const size_t size = block_bytes(type);
    for (size_t i = 0; i < k; i++) {
      const uint8_t* w = panel + (i * 32 + c) * size;
      if (type == WeightType::F32)
        std::memcpy(out + i, w, 4);
      else
        out[i] = (type == WeightType::F16 ? half_to_float : bfloat_to_float)(read_half(w));
    }
    return;
  }
  for (size_t b = 0; b < k / 32; b++) {
    const ColumnBlock block = read_block(type, panel, b, c);
    for (size_t j = 0; j < 32; j++) {
      const float q = static_cast<float>(block.scale[j / 16] * block.q[j]);
      const float minimum = block.minimum[j / 16];
      out[b * 32 + j] = has_minimum(type) ? __builtin_fmaf(block.d, q, minimum) : block.d * q;
    }
  }
}

}  // namespace cairn
