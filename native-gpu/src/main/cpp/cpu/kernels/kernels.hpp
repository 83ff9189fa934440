// The compute kernels of one instruction set, as a table chosen at run time. Every table gives the
// same bits for the same arguments: docs/NUMERICS.md has the rule of each operation.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../formats.hpp"
#include "../kv.hpp"

namespace cairn {

// Keys and values of one layer and one key head of a sequence; see kv.hpp for the layout.
struct KvView {
  const uint8_t* base;
  size_t blockStride;  // bytes from a block to the next
  const int32_t* blocks;
  int tilesPerBlock;
  int headLength;
  KvType type = KvType::F16;
  float cap = 0;  // scores become cap · tanh(score / cap); 0: as they are
  // tiles that the caller is likely to attend to next: fetched, never used; may be null
  const uint8_t* following[2] = {nullptr, nullptr};

  const uint8_t* tile(int index) const {
    return base + static_cast<size_t>(blocks[index / tilesPerBlock]) * blockStride +
           static_cast<size_t>(index % tilesPerBlock) * kv::tile_bytes(type, headLength);
  }
};

// A row of a sequence that attends to positions first..position.
struct AttendRow {
  const float* q;
  float* out;
  int position;
  int first = 0;
};

struct Kernels {
  const char* name;

  // y[row][32·panel + c] = Σk w·x for panels [panel0, panel1); float weights
  // x[rows][k], row stride ldx; y row stride ldy
  void (*gemm_float)(WeightType type, const uint8_t* panels, int k, const float* x, size_t ldx,
                     int rows, float* y, size_t ldy, int panel0, int panel1);
  // the same for weights in blocks of 32 and quantized rows (activation.hpp)
  void (*gemm_blocks)(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                      int rows, float* y, size_t ldy, int panel0, int panel1);
  // x[k] into row `row` of the activation tiles; k a multiple of 32
  void (*quantize)(const float* x, int k, uint8_t* acts, int row);
  // y[i] = x[i] / rms(x) · w[i]
  void (*rms_norm)(const float* x, const float* w, float eps, float* y, int n);
  // x[i] += y[i]
  void (*add)(float* x, const float* y, int n);
  // g[i] = silu(g[i]) · u[i]
  void (*swiglu)(float* g, const float* u, int n);
  // g[i] = gelu(g[i]) · u[i], gelu by tanh
  void (*geglu)(float* g, const float* u, int n);
  // x[i] += y[i], then the norm of x by w quantized into row `row`, as by the operations above; n a
  // multiple of 32
  void (*add_norm_quantize)(float* x, const float* y, const float* w, float eps, int n,
                            uint8_t* acts, int row);
  // silu(g[i]) · u[i], or gelu, quantized into row `row`; n a multiple of 32
  void (*swiglu_quantize)(const float* g, const float* u, int n, uint8_t* acts, int row);
  void (*geglu_quantize)(const float* g, const float* u, int n, uint8_t* acts, int row);
  // turns the pairs (i, i + pairs) of a head by the i-th angle; or, where not `halves`, the pairs
  // (2i, 2i + 1), and then each cosine is there twice, and each sine, the first time negated
  void (*rotate)(float* head, const float* cosines, const float* sines, int pairs, bool halves);
  // x[i] = cap · tanh(x[i] / cap)
  void (*soft_cap)(float* x, float cap, int n);
  // out[head][headLength] = attention of `heads` query heads q[head][headLength] of each row; rows
  // in ascending order of positions
  void (*attend)(const AttendRow* rows, int count, int heads, const KvView& kv);
  // one token's value row into a tile: dst[0..n) in half precision
  void (*to_half)(const float* x, uint16_t* dst, int n);
  // whether every x is finite
  bool (*all_finite)(const float* x, int n);
  // largest x; n ≥ 1, no NaN
  float (*max_value)(const float* x, int n);
  // Σ exp((x[i] − shift) · scale) over i ascending in sixteen lanes
  float (*sum_exp)(const float* x, int n, float shift, float scale);
  // y[i] = exp(x[i])
  void (*exp_values)(const float* x, float* y, int n);
};

extern const Kernels kScalarKernels;
#if defined(CAIRN_X86)
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kAmxKernels;
#endif

}  // namespace cairn
