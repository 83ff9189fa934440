// Products of few rows and weights in blocks, by dot products of four bytes. The warps of a block
// share the K-blocks of a panel: each computes the exact integer sums of its own, scaled once. Then,
// chunk by chunk, one warp a row adds them to the outputs in the order of the K-blocks.
#include "products.hpp"
#include "weights.hpp"

namespace cairn::gpu {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;

template <WeightType T>
constexpr int minimums() {
  return !has_minimum(T) ? 0 : has_halves(T) ? 2 : 1;
}

// R rows of a block; each warp takes U K-blocks of a chunk.
template <WeightType T, int R, int U>
GPU_KERNEL GPU_BOUNDS(kThreads)
    dot_product(const uint8_t* panels, int kBlocks, QuantizedRows x, int rows, float* y, size_t ldy) {
  constexpr int kChunk = kWarps * U, kMinimums = minimums<T>();
  // of two chunks, so that one is added up while the next is computed
  GPU_SHARED(float, scaled, 2 * kChunk * R * 32);
  GPU_SHARED(float, lowest, kMinimums == 0 ? 1 : 2 * kChunk * kMinimums * 32);
  const size_t blocks = static_cast<size_t>(kBlocks);
  const uint8_t* panel = panels + static_cast<size_t>(block()) * panel_bytes(T, blocks * 32);
  const int column = lane(), first = block_y() * R;
  float sum = 0.0f;  // of row first + warp()
  for (int chunk = 0; chunk * kChunk < kBlocks; chunk++) {
    const int buffer = chunk % 2 * kChunk;
    GPU_UNROLL
    for (int u = 0; u < U; u++) {
      const int at = u * kWarps + warp(), index = chunk * kChunk + at;
      if (index >= kBlocks) continue;
      const BlockPlace<T> place(panel, index);
      const ColumnWords<T> words(place.block, column);
      const ColumnScales scales = column_scales<T>(place, column);
      GPU_UNROLL
      for (int r = 0; r < R; r++) {
        const size_t row = static_cast<size_t>(first + r < rows ? first + r : rows - 1);
        const size_t from = row * blocks + static_cast<size_t>(index);
        const int* q = reinterpret_cast<const int*>(x.q + from * kQuantum);
        int half[2] = {0, 0};
        GPU_UNROLL
        for (int g = 0; g < 8; g++) half[g / 4] = dot4(words.word(g), q[g], half[g / 4]);
        const int s = has_halves(T) ? scales.scale[0] * half[0] + scales.scale[1] * half[1]
                                    : scales.scale[0] * (half[0] + half[1]);
        scaled[((buffer + at) * R + r) * 32 + column] = fma(static_cast<float>(s), scales.d, 0.0f);
      }
      for (int i = 0; i < kMinimums; i++)
        lowest[((buffer + at) * kMinimums + i) * 32 + column] = scales.minimum[i];
    }
    sync_block();
    if (warp() >= R || first + warp() >= rows) continue;
    const size_t row = static_cast<size_t>(first + warp());
    for (int at = 0; at < kChunk && chunk * kChunk + at < kBlocks; at++) {
      const BlockScale d = x.scales[row * blocks + static_cast<size_t>(chunk * kChunk + at)];
      sum = fma(scaled[((buffer + at) * R + warp()) * 32 + column], d.d, sum);
      if constexpr (kMinimums == 1) sum = fma(lowest[(buffer + at) * 32 + column], d.sum, sum);
      if constexpr (kMinimums == 2) {
        sum = fma(lowest[(buffer + at) * 64 + column], d.low, sum);
        sum = fma(lowest[(buffer + at) * 64 + 32 + column], d.high, sum);
      }
    }
  }
  if (warp() < R && first + warp() < rows)
    y[static_cast<size_t>(first + warp()) * ldy + static_cast<size_t>(block() * 32 + column)] = sum;
}

template <WeightType T, int R, int U>
void launch(const Product& p, Queue queue) {
  const Grid grid{static_cast<unsigned>(p.panelCount), static_cast<unsigned>((p.rows + R - 1) / R)};
  GPU_LAUNCH((dot_product<T, R, U>), grid, kThreads, queue, p.panels, p.k / kQuantum, p.quantized,
             p.rows, p.y, p.ldy);
  check_launch("dot_product");
}

}  // namespace

void multiply_dots(const Product& p, Queue queue) {
  for_block_type(p.type, [&]<WeightType T>() {
    if (p.rows == 1)
      launch<T, 1, 4>(p, queue);
    else if (p.rows <= 4)
      launch<T, 4, 2>(p, queue);
    else
      launch<T, 8, 1>(p, queue);
  });
}

}  // namespace cairn::gpu
