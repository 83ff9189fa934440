// Products of weights and rows: y[row][column] = Σk w[column][k] · x[row][k].
#pragma once

#include "../../cpu/formats.hpp"
#include "../runtime/runtime.hpp"
#include "quantized.hpp"

namespace cairn::gpu {

// One product. Panels, rows and y are in the device's memory; y has whole panels of columns.
struct Product {
  WeightType type;
  const uint8_t* panels;
  int panelCount, k;
  const float* x;  // float weights: [rows][ldx]
  size_t ldx;
  QuantizedRows quantized;  // of k inputs, for block types
  int rows;
  float* y;  // [rows][ldy]
  size_t ldy;
};

// Rows above which the matrix units compute a product, where there are any.
inline constexpr int kMatrixRows = 8;

void multiply(const Product& p, const Properties& device, Queue queue);

// The parts of multiply().
void multiply_floats(const Product& p, Queue queue);
void multiply_dots(const Product& p, Queue queue);
void multiply_matrices(const Product& p, int wave, Queue queue);

// Calls f with the type as a template argument: f.template operator()<T>().
template <class F>
void for_block_type(WeightType type, const F& f) {
  switch (type) {
    case WeightType::Q4_0:
      return f.template operator()<WeightType::Q4_0>();
    case WeightType::Q4_1:
      return f.template operator()<WeightType::Q4_1>();
    case WeightType::Q5_0:
      return f.template operator()<WeightType::Q5_0>();
    case WeightType::Q5_1:
      return f.template operator()<WeightType::Q5_1>();
    case WeightType::Q2_K:
      return f.template operator()<WeightType::Q2_K>();
    case WeightType::Q3_K:
      return f.template operator()<WeightType::Q3_K>();
    case WeightType::Q4_K:
      return f.template operator()<WeightType::Q4_K>();
    case WeightType::Q5_K:
      return f.template operator()<WeightType::Q5_K>();
    case WeightType::Q6_K:
      return f.template operator()<WeightType::Q6_K>();
    default:
      return f.template operator()<WeightType::Q8_0>();
  }
}

}  // namespace cairn::gpu
