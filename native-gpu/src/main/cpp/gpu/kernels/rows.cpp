#include "rows.hpp"

#include "../../cpu/math.hpp"
#include "weights.hpp"

namespace cairn::gpu {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;

// One block a row.
GPU_KERNEL GPU_BOUNDS(kThreads) add_norm_row(AddNorm a) {
  GPU_SHARED(float, inverse, 2);
  const size_t out = static_cast<size_t>(block());
  const size_t row = a.from == nullptr ? out : static_cast<size_t>(a.from[out]);
  float* x = a.x + row * a.ld;
  if (a.y != nullptr) {
    float* y = a.y + row * a.ld;
    if (a.bias != nullptr) {
      for (int i = thread(); i < a.n; i += threads()) y[i] = y[i] + a.bias[i];
      sync_block();
    }
    if (a.post != nullptr) {
      if (warp() == 0) {
        const float r = inverse_rms(a.n, a.eps, [&](int i) { return y[i]; });
        if (lane() == 0) inverse[0] = r;
      }
      sync_block();
      for (int i = thread(); i < a.n; i += threads()) y[i] = y[i] * inverse[0] * a.post[i];
    }
    for (int i = thread(); i < a.n; i += threads()) x[i] = x[i] + y[i];
    sync_block();
  }
  if (a.next == nullptr) return;
  if (warp() == 0) {
    const float r = inverse_rms(a.n, a.eps, [&](int i) { return x[i]; });
    if (lane() == 0) inverse[1] = r;
  }
  sync_block();
  for (int first = warp() * kWarp; first < a.n; first += kThreads) {
    const int i = first + lane();
    const float v = i < a.n ? x[i] * inverse[1] * a.next[i] : 0.0f;
    if (a.normalized != nullptr && i < a.n) a.normalized[out * a.ld + static_cast<size_t>(i)] = v;
    if (a.quantized.q != nullptr)
      quantize_block(v, a.quantized,
                     (out * static_cast<size_t>(a.n) + static_cast<size_t>(first)) / kQuantum);
  }
}

// One thread an element: its sum goes row by row.
GPU_KERNEL GPU_BOUNDS(kThreads) pool_task(PoolRows a) {
  const PoolTask task = a.tasks[block()];
  const int i = block_y() * kThreads + thread();
  if (i >= a.n) return;
  float* pooled = a.pooled + static_cast<size_t>(task.slot) * a.ld + static_cast<size_t>(i);
  const float* x = a.x + static_cast<size_t>(task.row) * a.ld + static_cast<size_t>(i);
  float sum = task.fresh != 0 ? 0.0f : *pooled;
  for (int r = 0; r < task.count; r++) sum = sum + x[static_cast<size_t>(r) * a.ld];
  *pooled = sum;
}

GPU_KERNEL GPU_BOUNDS(kThreads) gate_row(Gate a) {
  const size_t row = static_cast<size_t>(block());
  const int first = (block_y() * kWarps + warp()) * kWarp, i = first + lane();
  float v = 0.0f;
  if (i < a.n) {
    const size_t at = row * a.ld + static_cast<size_t>(i);
    const float g = a.g[at];
    v = (a.gelu ? gelu(g) : silu(g)) * a.u[at];
    if (a.quantized.q == nullptr) a.g[at] = v;
  }
  if (a.quantized.q != nullptr && first < a.n)
    quantize_block(v, a.quantized, (row * static_cast<size_t>(a.n) + static_cast<size_t>(first)) / kQuantum);
}

GPU_KERNEL GPU_BOUNDS(kThreads)
    quantize_row(const float* x, size_t ld, int n, QuantizedRows out) {
  const size_t row = static_cast<size_t>(block());
  const int first = (block_y() * kWarps + warp()) * kWarp;
  if (first >= n) return;
  quantize_block(x[row * ld + static_cast<size_t>(first + lane())], out,
                 (row * static_cast<size_t>(n) + static_cast<size_t>(first)) / kQuantum);
}

template <WeightType T>
GPU_DEVICE float element(const uint8_t* panel, int i, int column) {
  if constexpr (is_float(T)) {
    return float_weight<T>(panel, static_cast<size_t>(i) * 32 + static_cast<size_t>(column));
  } else {
    const BlockPlace<T> place(panel, i / 32);
    const ColumnWords<T> words(place.block, column);
    const ColumnScales s = column_scales<T>(place, column);
    const int k = i % 32, half = k / 16;
    int q = 0;
    // the word's index has to be a constant, so that words stay in registers
    GPU_UNROLL
    for (int g = 0; g < 8; g++)
      if (g == k / 4) q = static_cast<int8_t>(words.word(g) >> (k % 4 * 8));
    const float scaled = static_cast<float>(s.scale[half] * q);
    return has_minimum(T) ? fma(s.d, scaled, s.minimum[half]) : s.d * scaled;
  }
}

template <WeightType T>
GPU_KERNEL GPU_BOUNDS(kThreads) embed_row(Embed e) {
  const size_t row = static_cast<size_t>(block());
  const int i = block_y() * kThreads + thread();
  const int token = e.history[static_cast<size_t>(e.slots[row]) * e.historyStride +
                              static_cast<size_t>(e.positions[row])];
  if (i >= e.n) return;
  const uint8_t* panel =
      e.panels + static_cast<size_t>(token / 32) * panel_bytes(T, static_cast<size_t>(e.n));
  const float v = element<T>(panel, i, token % 32);
  e.x[row * e.ld + static_cast<size_t>(i)] = e.scale == 1.0f ? v : v * e.scale;
}

GPU_KERNEL GPU_BOUNDS(kWarp * 2) angles_of_row(Angles a) {
  const size_t row = static_cast<size_t>(block());
  float* cosines = a.out + row * 2 * static_cast<size_t>(a.pairs);
  for (int i = thread(); i < a.pairs; i += threads()) {
    double sine, cosine;
    math::sin_cos(a.positions[row] * a.frequencies[i], &sine, &cosine);
    cosines[i] = static_cast<float>(cosine * a.magnitude);
    cosines[a.pairs + i] = static_cast<float>(sine * a.magnitude);
  }
}

GPU_KERNEL GPU_BOUNDS(kThreads)
    update_table(const BlockUpdate* updates, int count, int* tables, size_t stride) {
  const int i = block() * kThreads + thread();
  if (i >= count) return;
  const BlockUpdate u = updates[i];
  tables[static_cast<size_t>(u.slot) * stride + static_cast<size_t>(u.index)] = u.block;
}

GPU_KERNEL GPU_BOUNDS(kThreads)
    copy_block(const BlockCopy* copies, uint8_t* store, size_t blockBytes, size_t layerBytes) {
  const BlockCopy c = copies[block()];
  uint8_t* layer = store + static_cast<size_t>(block_y()) * layerBytes;
  const auto* from = reinterpret_cast<const uint32_t*>(layer + static_cast<size_t>(c.from) * blockBytes);
  auto* to = reinterpret_cast<uint32_t*>(layer + static_cast<size_t>(c.to) * blockBytes);
  for (size_t i = static_cast<size_t>(thread()); i < blockBytes / 4; i += kThreads) to[i] = from[i];
}

unsigned parts(int n, int of) { return static_cast<unsigned>((n + of - 1) / of); }

template <WeightType T>
void launch_embed(const Embed& e, Queue queue) {
  GPU_LAUNCH((embed_row<T>), (Grid{static_cast<unsigned>(e.rows), parts(e.n, kThreads)}), kThreads, queue, e);
}

}  // namespace

void add_norm(const AddNorm& a, Queue queue) {
  GPU_LAUNCH(add_norm_row, Grid{static_cast<unsigned>(a.rows)}, kThreads, queue, a);
  check_launch("add_norm_row");
}

void pool_rows(const PoolRows& p, Queue queue) {
  GPU_LAUNCH(pool_task, (Grid{static_cast<unsigned>(p.count), parts(p.n, kThreads)}), kThreads, queue, p);
  check_launch("pool_task");
}

void gate(const Gate& g, Queue queue) {
  GPU_LAUNCH(gate_row, (Grid{static_cast<unsigned>(g.rows), parts(g.n, kThreads)}), kThreads, queue, g);
  check_launch("gate_row");
}

void quantize_rows(const float* x, size_t ld, int n, int rows, QuantizedRows out, Queue queue) {
  GPU_LAUNCH(quantize_row, (Grid{static_cast<unsigned>(rows), parts(n, kThreads)}), kThreads, queue, x,
             ld, n, out);
  check_launch("quantize_row");
}

void embed(const Embed& e, Queue queue) {
  using enum WeightType;
  switch (e.type) {
    case F32:
      launch_embed<F32>(e, queue);
      break;
    case F16:
      launch_embed<F16>(e, queue);
      break;
    case BF16:
      launch_embed<BF16>(e, queue);
      break;
    case Q4_0:
      launch_embed<Q4_0>(e, queue);
      break;
    case Q4_1:
      launch_embed<Q4_1>(e, queue);
      break;
    case Q5_0:
      launch_embed<Q5_0>(e, queue);
      break;
    case Q5_1:
      launch_embed<Q5_1>(e, queue);
      break;
    case Q8_0:
      launch_embed<Q8_0>(e, queue);
      break;
    case Q2_K:
      launch_embed<Q2_K>(e, queue);
      break;
    case Q3_K:
      launch_embed<Q3_K>(e, queue);
      break;
    case Q4_K:
      launch_embed<Q4_K>(e, queue);
      break;
    case Q5_K:
      launch_embed<Q5_K>(e, queue);
      break;
    case Q6_K:
      launch_embed<Q6_K>(e, queue);
      break;
  }
  check_launch("embed_row");
}

void make_angles(const Angles& a, Queue queue) {
  GPU_LAUNCH(angles_of_row, Grid{static_cast<unsigned>(a.rows)}, kWarp * 2, queue, a);
  check_launch("angles_of_row");
}

void update_tables(const BlockUpdate* updates, int count, int* tables, size_t stride, Queue queue) {
  if (count == 0) return;
  GPU_LAUNCH(update_table, Grid{parts(count, kThreads)}, kThreads, queue, updates, count, tables, stride);
  check_launch("update_table");
}

void copy_blocks(const BlockCopy* copies, int count, uint8_t* store, size_t blockBytes,
                 size_t layerBytes, int layers, Queue queue) {
  if (count == 0) return;
  GPU_LAUNCH(copy_block, (Grid{static_cast<unsigned>(count), static_cast<unsigned>(layers)}), kThreads,
             queue, copies, store, blockBytes, layerBytes);
  check_launch("copy_block");
}

}  // namespace cairn::gpu
