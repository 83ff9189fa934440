// Products of F32, F16 and BF16 weights with float rows: lane = output column, inputs ascending,
// one FMA each. Included once by each instruction set's source.
#pragma once

namespace cairn::CAIRN_ISA {

template <WeightType T>
inline F load_weights(const uint8_t* p, int lane) {
  if constexpr (T == WeightType::F32) {
    return load(reinterpret_cast<const float*>(p) + lane);
  } else if constexpr (T == WeightType::F16) {
    return load_half(reinterpret_cast<const uint16_t*>(p) + lane);
  } else {
    return load_bfloat(reinterpret_cast<const uint16_t*>(p) + lane);
  }
}

template <WeightType T, int R>
void float_panel(const uint8_t* w, int k, const float* x, size_t ldx, float* y, size_t ldy) {
  constexpr size_t step = T == WeightType::F32 ? 128 : 64;
  F acc[R][2];
  for (int r = 0; r < R; r++) acc[r][0] = acc[r][1] = set1(0.0f);
  for (int i = 0; i < k; i++, w += step) {
    const F w0 = load_weights<T>(w, 0), w1 = load_weights<T>(w, 16);
    for (int r = 0; r < R; r++) {
      const F v = set1(x[static_cast<size_t>(r) * ldx + static_cast<size_t>(i)]);
      acc[r][0] = fma(w0, v, acc[r][0]);
      acc[r][1] = fma(w1, v, acc[r][1]);
    }
  }
  for (int r = 0; r < R; r++) {
    store(y + static_cast<size_t>(r) * ldy, acc[r][0]);
    store(y + static_cast<size_t>(r) * ldy + 16, acc[r][1]);
  }
}

template <WeightType T, int R = kRowsFloat>
void float_rows(int count, const uint8_t* w, int k, const float* x, size_t ldx, float* y,
                size_t ldy) {
  if constexpr (R > 1) {
    if (count < R) return float_rows<T, R - 1>(count, w, k, x, ldx, y, ldy);
  }
  float_panel<T, R>(w, k, x, ldx, y, ldy);
}

template <WeightType T>
void gemm_float_type(const uint8_t* panels, int k, const float* x, size_t ldx, int rows, float* y,
                     size_t ldy, int panel0, int panel1) {
  const size_t panelBytes = static_cast<size_t>(k) * (T == WeightType::F32 ? 128 : 64);
  for (int p = panel0; p < panel1; p++) {
    const uint8_t* w = panels + static_cast<size_t>(p) * panelBytes;
    for (int r = 0; r < rows; r += kRowsFloat) {
      const int count = rows - r < kRowsFloat ? rows - r : kRowsFloat;
      float_rows<T>(count, w, k, x + static_cast<size_t>(r) * ldx, ldx,
                    y + static_cast<size_t>(r) * ldy + static_cast<size_t>(p) * 32, ldy);
    }
  }
}

static void gemm_float(WeightType type, const uint8_t* panels, int k, const float* x, size_t ldx,
                       int rows, float* y, size_t ldy, int panel0, int panel1) {
  switch (type) {
    case WeightType::F32:
      return gemm_float_type<WeightType::F32>(panels, k, x, ldx, rows, y, ldy, panel0, panel1);
    case WeightType::F16:
      return gemm_float_type<WeightType::F16>(panels, k, x, ldx, rows, y, ldy, panel0, panel1);
    default:
      return gemm_float_type<WeightType::BF16>(panels, k, x, ldx, rows, y, ldy, panel0, panel1);
  }
}

}  // namespace cairn::CAIRN_ISA
