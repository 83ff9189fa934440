// The accumulation rule of block-quantized products, one element at a time.
#pragma once

namespace cairn::CAIRN_ISA {

// The accumulator of one output after K-block `w`; `row` of the activations' record.
inline float add_block(WeightType type, const ColumnBlock& w, const uint8_t* record, int row,
                       float acc) {
  using namespace activation;
  const int8_t* q = reinterpret_cast<const int8_t*>(record) + row * kBlock;
  auto value = [&](size_t field) { return reinterpret_cast<const float*>(record + field)[row]; };
  int half[2] = {0, 0};
  for (int k = 0; k < 16; k++) half[0] += w.q[k] * q[k];
  for (int k = 16; k < 32; k++) half[1] += w.q[k] * q[k];
  const int s = w.scale[0] * half[0] + w.scale[1] * half[1];
  const float t = fma1(static_cast<float>(s), w.d, 0.0f);
  acc = fma1(t, value(kScale), acc);
  if (!has_minimum(type)) return acc;
  if (!has_halves(type)) return fma1(w.minimum[0], value(kSum), acc);
  return fma1(w.minimum[1], value(kSumHigh), fma1(w.minimum[0], value(kSumLow), acc));
}

static void gemm_blocks(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                        int rows, float* y, size_t ldy, int panel0, int panel1) {
  using namespace activation;
  const size_t blocks = static_cast<size_t>(kBlocks), panelBytes = panel_bytes(type, blocks * 32);
  for (int p = panel0; p < panel1; p++) {
    for (size_t c = 0; c < 32; c++) {
      float* out = y + static_cast<size_t>(p) * 32 + c;
      for (size_t b = 0; b < blocks; b++) {
        const ColumnBlock w = read_block(type, panels + static_cast<size_t>(p) * panelBytes, b, c);
        for (int r = 0; r < rows; r++) {
          const uint8_t* record =
              acts + (static_cast<size_t>(r / kTileRows) * blocks + b) * kRecord;
          float& acc = out[static_cast<size_t>(r) * ldy];
          acc = add_block(type, w, record, r % kTileRows, b == 0 ? 0.0f : acc);
        }
      }
    }
  }
}

}  // namespace cairn::CAIRN_ISA
