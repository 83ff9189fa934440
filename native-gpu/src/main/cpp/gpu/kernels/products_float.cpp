// Products of F32, F16 and BF16 weights: a lane is a column, inputs ascending, one FMA each.
#include "products.hpp"
#include "weights.hpp"

namespace cairn::gpu {
namespace {

constexpr int kThreads = 128, kWarps = kThreads / kWarp;
constexpr int kStretch = 128;  // inputs of a row that wait in shared memory

template <WeightType T, int R>
GPU_KERNEL GPU_BOUNDS(kThreads) float_product(const uint8_t* panels, int k, const float* x, size_t ldx,
                                              int rows, float* y, size_t ldy) {
  GPU_SHARED(float, inputs, kWarps * R * kStretch);
  const uint8_t* panel = panels + static_cast<size_t>(block()) * panel_bytes(T, static_cast<size_t>(k));
  const int first = (block_y() * kWarps + warp()) * R, mine = warp() * R * kStretch;
  float sums[R];
  GPU_UNROLL
  for (int r = 0; r < R; r++) sums[r] = 0.0f;
  for (int from = 0; from < k; from += kStretch) {
    const int count = k - from < kStretch ? k - from : kStretch;
    sync_warp();
    for (int r = 0; r < R; r++) {
      const size_t row = static_cast<size_t>(first + r < rows ? first + r : rows - 1);
      for (int i = lane(); i < count; i += kWarp)
        inputs[mine + r * kStretch + i] = x[row * ldx + static_cast<size_t>(from + i)];
    }
    sync_warp();
    for (int i = 0; i < count; i++) {
      const size_t at = static_cast<size_t>(from + i) * 32 + static_cast<size_t>(lane());
      const float w = float_weight<T>(panel, at);
      GPU_UNROLL
      for (int r = 0; r < R; r++) sums[r] = fma(w, inputs[mine + r * kStretch + i], sums[r]);
    }
  }
  GPU_UNROLL
  for (int r = 0; r < R; r++)
    if (first + r < rows)
      y[static_cast<size_t>(first + r) * ldy + static_cast<size_t>(block() * 32 + lane())] = sums[r];
}

template <WeightType T, int R>
void launch(const Product& p, Queue queue) {
  const unsigned groups = static_cast<unsigned>((p.rows + kWarps * R - 1) / (kWarps * R));
  const Grid grid{static_cast<unsigned>(p.panelCount), groups};
  GPU_LAUNCH((float_product<T, R>), grid, kThreads, queue, p.panels, p.k, p.x, p.ldx, p.rows, p.y,
             p.ldy);
  check_launch("float_product");
}

template <WeightType T>
void launch_rows(const Product& p, Queue queue) {
  if (p.rows <= kWarps)
    launch<T, 1>(p, queue);
  else
    launch<T, 8>(p, queue);
}

}  // namespace

void multiply_floats(const Product& p, Queue queue) {
  switch (p.type) {
    case WeightType::F32:
      return launch_rows<WeightType::F32>(p, queue);
    case WeightType::F16:
      return launch_rows<WeightType::F16>(p, queue);
    default:
      return launch_rows<WeightType::BF16>(p, queue);
  }
}

}  // namespace cairn::gpu
