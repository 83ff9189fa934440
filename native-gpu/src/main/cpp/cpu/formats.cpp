#include "formats.hpp"

#include <cstring>

#include "half.hpp"

namespace cairn {
namespace {

bool is_finite_half(uint16_t h) { return (h & 0x7c00u) != 0x7c00u; }

uint16_t read_half(const uint8_t* p) {
  uint16_t h;
  std::memcpy(&h, p, 2);
  return h;
}

// place of input k of column c in a record's 8-bit part, and in its 4-bit part
size_t byte_place(size_t c, size_t k) { return c / 16 * 512 + k / 4 * 64 + c % 16 * 4 + k % 4; }
size_t nibble_place(size_t c, size_t k) {
  return c / 16 * 256 + k % 16 / 4 * 64 + c % 16 * 4 + k % 4;
}

void pack_q8_0(const uint8_t* block, size_t c, uint8_t* rec) {
  for (size_t k = 0; k < 32; k++) rec[byte_place(c, k)] = block[2 + k];
  std::memcpy(rec + 1024 + 2 * c, block, 2);
}

void pack_q4_0(const uint8_t* block, size_t c, uint8_t* rec) {
  for (size_t k = 0; k < 16; k++) rec[nibble_place(c, k)] = block[2 + k];
  std::memcpy(rec + 512 + 2 * c, block, 2);
}

// Eight records from a super-block: low nibbles ql[128], high bits qh[64], scales[16], d.
void pack_q6_k(const uint8_t* block, size_t c, uint8_t* rec) {
  for (size_t k = 0; k < 256; k++) {
    const size_t part = k / 128, group = k % 128 / 32, i = k % 32;
    const uint8_t low = block[part * 64 + (group % 2) * 32 + i];
    const uint8_t high = block[128 + part * 32 + i];
    const int nibble = group < 2 ? low & 15 : low >> 4;
    const int q = nibble | (((high >> (2 * group)) & 3) << 4);
    rec[k / 32 * 1152 + byte_place(c, k % 32)] = static_cast<uint8_t>(q);
  }
  for (size_t b = 0; b < 8; b++) {
    rec[b * 1152 + 1024 + c] = block[192 + 2 * b];
    rec[b * 1152 + 1056 + c] = block[192 + 2 * b + 1];
    std::memcpy(rec + b * 1152 + 1088 + 2 * c, block + 208, 2);
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
    for (size_t b = 0; b < k / block_length(type); b++) {
      const uint8_t* block = row + b * block_bytes(type);
      uint8_t* rec = panel + b * (block_length(type) / 32) * panel_block_bytes(type);
      finite &= is_finite_half(read_half(type == WeightType::Q6_K ? block + 208 : block));
      switch (type) {
        case WeightType::Q8_0:
          pack_q8_0(block, c, rec);
          break;
        case WeightType::Q4_0:
          pack_q4_0(block, c, rec);
          break;
        default:
          pack_q6_k(block, c, rec);
          break;
      }
    }
  }
  return finite;
}

void read_column(WeightType type, size_t k, const uint8_t* panel, int column, float* out) {
  const size_t c = static_cast<size_t>(column);
  for (size_t i = 0; i < k; i++) {
    const uint8_t* rec = is_float(type) ? panel : panel + i / 32 * panel_block_bytes(type);
    const size_t j = i % 32;
    switch (type) {
      case WeightType::F32:
        std::memcpy(out + i, panel + (i * 32 + c) * 4, 4);
        break;
      case WeightType::F16:
        out[i] = half_to_float(read_half(panel + (i * 32 + c) * 2));
        break;
      case WeightType::Q8_0:
        out[i] = half_to_float(read_half(rec + 1024 + 2 * c)) *
                 static_cast<float>(static_cast<int8_t>(rec[byte_place(c, j)]));
        break;
      case WeightType::Q4_0: {
        const uint8_t v = rec[nibble_place(c, j)];
        out[i] = half_to_float(read_half(rec + 512 + 2 * c)) *
                 static_cast<float>((j < 16 ? v & 15 : v >> 4) - 8);
        break;
      }
      case WeightType::Q6_K: {
        const int scale = static_cast<int8_t>(rec[1024 + j / 16 * 32 + c]);
        out[i] = half_to_float(read_half(rec + 1088 + 2 * c)) *
                 static_cast<float>(scale * (rec[byte_place(c, j)] - 32));
        break;
      }
    }
  }
}

}  // namespace cairn
