// The accumulation rule of block-quantized products, one element at a time.
#pragma once

namespace cairn::CAIRN_ISA {

inline int weight_at(WeightType type, const uint8_t* w, int c, int k) {
  const int h = c / 16, i = c % 16;
  switch (type) {
    case WeightType::Q4_0: {
      const uint8_t v = w[h * 256 + k % 16 / 4 * 64 + i * 4 + k % 4];
      return (k < 16 ? v & 15 : v >> 4) - 8;
    }
    case WeightType::Q6_K:
      return w[h * 512 + k / 4 * 64 + i * 4 + k % 4] - 32;
    default:
      return static_cast<int8_t>(w[h * 512 + k / 4 * 64 + i * 4 + k % 4]);
  }
}

static void gemm_blocks(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                        int rows, float* y, size_t ldy, int panel0, int panel1) {
  using namespace activation;
  const size_t record = panel_block_bytes(type);
  const size_t scales = type == WeightType::Q4_0 ? 512 : type == WeightType::Q6_K ? 1088 : 1024;
  for (int p = panel0; p < panel1; p++)
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < 32; c++) {
        float acc = 0.0f;
        for (int b = 0; b < kBlocks; b++) {
          const uint8_t* w = panels + (static_cast<size_t>(p) * static_cast<size_t>(kBlocks) +
                                       static_cast<size_t>(b)) *
                                          record;
          const uint8_t* a =
              acts + (static_cast<size_t>(r / kTileRows) * static_cast<size_t>(kBlocks) +
                      static_cast<size_t>(b)) *
                         kRecord;
          const int8_t* q = reinterpret_cast<const int8_t*>(a) + r % kTileRows * kBlock;
          int half[2] = {0, 0};
          for (int k = 0; k < kBlock; k++) half[k / 16] += weight_at(type, w, c, k) * q[k];
          int s = half[0] + half[1];
          if (type == WeightType::Q6_K)
            s = half[0] * static_cast<int8_t>(w[1024 + c]) +
                half[1] * static_cast<int8_t>(w[1056 + c]);
          uint16_t scale;
          __builtin_memcpy(&scale, w + scales + 2 * c, 2);
          const float t = static_cast<float>(s) * half_to_float(scale);
          acc = fma1(t, reinterpret_cast<const float*>(a + kScale)[r % kTileRows], acc);
        }
        y[static_cast<size_t>(r) * ldy + static_cast<size_t>(p) * 32 + static_cast<size_t>(c)] =
            acc;
      }
}

}  // namespace cairn::CAIRN_ISA
