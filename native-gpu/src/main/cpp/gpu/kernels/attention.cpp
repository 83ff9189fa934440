#include "attention.hpp"

#include "numbers.hpp"

namespace cairn::gpu {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;
constexpr int kMaxHead = kv::kMaxHeadLength;
constexpr int kTiles = kWarps;  // that are taken together: one a warp

GPU_DEVICE inline float load(const uint16_t* p) { return half_to_float(*p); }
GPU_DEVICE inline float load(const float* p) { return *p; }
GPU_DEVICE inline void put(uint16_t* p, float v) { *p = float_to_half(v); }
GPU_DEVICE inline void put(float* p, float v) { *p = v; }

template <KvType K>
struct Element;
template <>
struct Element<KvType::F16> {
  using Type = uint16_t;
};
template <>
struct Element<KvType::F32> {
  using Type = float;
};

// Keys and values of a tile.
template <KvType K>
struct Tile {
  using E = typename Element<K>::Type;
  const E* keys;
  const E* values;
  int stride;
  GPU_DEVICE Tile(const uint8_t* tile, int n)
      : keys(reinterpret_cast<const E*>(tile)), values(keys + 32 * n), stride(kv::value_stride(n)) {}
  GPU_DEVICE float key(int element, int token) const { return load(keys + element * 32 + token); }
  GPU_DEVICE float value(int token, int element) const { return load(values + token * stride + element); }
};

template <>
struct Tile<KvType::Q8_0> {
  const int8_t* keys;
  const int8_t* values;
  const uint16_t* scales;
  int stride, blocks;
  GPU_DEVICE Tile(const uint8_t* tile, int n)
      : keys(reinterpret_cast<const int8_t*>(tile)),
        values(keys + 32 * n),
        scales(reinterpret_cast<const uint16_t*>(tile + kv::tile_elements(n))),
        stride(kv::value_stride(n)),
        blocks(kv::scale_blocks(n)) {}
  GPU_DEVICE float key(int element, int token) const {
    return static_cast<float>(keys[element * 32 + token]) * load(scales + element / 32 * 32 + token);
  }
  GPU_DEVICE float value(int token, int element) const {
    return static_cast<float>(values[token * stride + element]) *
           load(scales + 32 * blocks + token * blocks + element / 32);
  }
};

// A lane's element of a block of up to 32 in steps of the block's scale; x of lanes beyond it is 0.
GPU_DEVICE inline int8_t quantize_head(float x, bool inside, uint16_t* scale) {
  const uint32_t bits = warp_max(inside ? std::bit_cast<uint32_t>(x) & 0x7fffffffu : 0u);
  *scale = bits < 0x7f800000u ? float_to_half(std::bit_cast<float>(bits) / 127.0f) : 0x7e00;
  const float step = half_to_float(*scale);
  if (!is_finite(step) || !(step > 0.0f)) return 0;
  const float steps = x * (1.0f / step);
  const float above = -127.0f > steps ? -127.0f : steps;
  return static_cast<int8_t>(nearest(above < 127.0f ? above : 127.0f));
}

// A head's keys, or values, of one token. at(i): place of element i beside the tile's start.
template <KvType K, class Head, class Place>
GPU_DEVICE void store_head(const Head& head, int n, uint8_t* elements, uint16_t* scales, int scaleStep,
                           const Place& at) {
  for (int first = 0; first < n; first += kWarp) {
    const int i = first + lane();
    if constexpr (K == KvType::Q8_0) {
      uint16_t scale;
      const int8_t q = quantize_head(i < n ? head[i] : 0.0f, i < n, &scale);
      if (i < n) reinterpret_cast<int8_t*>(elements)[at(i)] = q;
      if (lane() == 0) scales[first / 32 * scaleStep] = scale;
    } else if (i < n) {
      put(reinterpret_cast<typename Element<K>::Type*>(elements) + at(i), head[i]);
    }
  }
}

// A logical warp a head: the query heads of a row, then its key heads, then its value heads.
template <KvType K>
GPU_KERNEL GPU_BOUNDS(kThreads) place_head(PlaceHeads p) {
  GPU_SHARED(float, heads, kWarps * kMaxHead);
  const size_t row = static_cast<size_t>(block());
  const int unit = block_y() * kWarps + warp(), n = p.store.headLength, kvHeads = p.store.kvHeads;
  if (unit >= p.heads + 2 * kvHeads) return;
  const bool isQuery = unit < p.heads, isKey = !isQuery && unit < p.heads + kvHeads;
  const int head = isQuery ? unit : (unit - p.heads) % kvHeads;
  const auto mine = heads + static_cast<size_t>(warp() * kMaxHead);
  const float* from = (isQuery ? p.q : isKey ? p.k : p.v) + row * p.ld + head * n;
  const float* bias = isQuery ? p.biasQ : isKey ? p.biasK : p.biasV;
  for (int i = lane(); i < n; i += kWarp)
    mine[i] = bias == nullptr ? from[i] : from[i] + bias[head * n + i];
  sync_warp();
  if (isQuery || isKey) {
    const float* norm = isQuery ? p.normQ : p.normK;
    if (norm != nullptr) {
      const float r = inverse_rms(n, p.eps, [&](int i) { return mine[i]; });
      for (int i = lane(); i < n; i += kWarp) mine[i] = mine[i] * r * norm[i];
      sync_warp();
    }
    const float* cosines = p.angles + row * 2 * static_cast<size_t>(p.pairs);
    const float* sines = cosines + p.pairs;
    for (int i = lane(); i < p.pairs; i += kWarp) {
      const int a = p.halves ? i : 2 * i, b = p.halves ? i + p.pairs : 2 * i + 1;
      const float x = mine[a], y = mine[b];
      mine[a] = x * cosines[i] - y * sines[i];
      mine[b] = x * sines[i] + y * cosines[i];
    }
    sync_warp();
  }
  if (isQuery) {
    float* to = p.q + row * p.ld + head * n;
    for (int i = lane(); i < n; i += kWarp) to[i] = mine[i] * p.scale;
    return;
  }
  const int position = p.positions[row], token = position % 32, stride = kv::value_stride(n);
  uint8_t* tile = p.store.tile(p.slots[row], head, position / 32);
  uint16_t* scales = reinterpret_cast<uint16_t*>(tile + kv::tile_elements(n));
  const int blocks = kv::scale_blocks(n);
  if (isKey) {
    store_head<K>(mine, n, tile, scales + token, 32, [&](int i) { return i * 32 + token; });
  } else {
    store_head<K>(mine, n, tile, scales + 32 * blocks + token * blocks, 1,
                  [&](int i) { return 32 * n + token * stride + i; });
  }
}

// Tokens of a tile that a query attends to: from..end.
struct Span {
  int from, end;
};

GPU_DEVICE inline Span span_of(int first, int position, int tile) {
  const int start = 32 * tile, end = position + 1 - start;
  return {first > start ? first - start : 0, end < 32 ? end : 32};
}

// One block a task and key head. Eight tiles at a time: their scores, a warp a tile; then the
// weights, for which the largest score so far is known without the tiles' order; then values, a
// thread an element, in the order of tokens.
template <KvType K, int Q>
GPU_KERNEL GPU_BOUNDS(kThreads) attend_task(Attend a) {
  GPU_SHARED(float, query, Q * kMaxHead);
  GPU_SHARED(float, weight, Q * kTiles * 32);
  GPU_SHARED(float, top, Q * kTiles);   // of a tile's scores
  GPU_SHARED(float, down, Q * kTiles);  // what earlier tiles are scaled by
  GPU_SHARED(float, mass, Q * kTiles);  // sum of a tile's weights
  GPU_SHARED(float, most, Q);           // of the scores of earlier tiles
  GPU_SHARED(float, total, Q);
  GPU_SHARED(int, firsts, Q);
  GPU_SHARED(int, positions, Q);
  const AttendTask task = a.tasks[block()];
  const int head = block_y(), n = a.store.headLength, count = task.count;
  const int slot = a.slots[task.row];
  auto row_of = [&](int i) { return static_cast<size_t>(task.row + (task.first + i) / a.group); };
  auto head_of = [&](int i) { return head * a.group + (task.first + i) % a.group; };
  for (int i = 0; i < count; i++)
    for (int d = thread(); d < n; d += kThreads)
      query[i * kMaxHead + d] = a.q[row_of(i) * a.ldq + static_cast<size_t>(head_of(i) * n + d)];
  if (thread() < count) {
    const int position = a.positions[row_of(thread())], first = position + 1 - a.window;
    positions[thread()] = position;
    firsts[thread()] = a.window > 0 && first > 0 ? first : 0;
    most[thread()] = -infinity();
    total[thread()] = 0.0f;
  }
  sync_block();
  const int firstTile = firsts[0] / 32, lastTile = positions[count - 1] / 32;
  auto attends = [&](int i, int tile) {
    return tile >= firsts[i] / 32 && tile <= positions[i] / 32;
  };
  // of values: threads in groups of a head's elements, queries shared among the groups
  const int width = (n + 31) / 32 * 32, groups = kThreads / width;
  const int element = thread() % width, group = thread() / width;
  const bool weighs = group < groups && element < n;
  float o[Q];
  GPU_UNROLL
  for (int j = 0; j < Q; j++) o[j] = 0.0f;

  for (int chunk = firstTile; chunk <= lastTile; chunk += kTiles) {
    const int mine = chunk + warp();
    if (mine <= lastTile) {
      const Tile<K> tile(a.store.tile(slot, head, mine), n);
      float score[Q];
      GPU_UNROLL
      for (int i = 0; i < Q; i++) score[i] = 0.0f;
      for (int d = 0; d < n; d++) {
        const float k = tile.key(d, lane());
        GPU_UNROLL
        for (int i = 0; i < Q; i++)
          if (i < count) score[i] = fma(query[i * kMaxHead + d], k, score[i]);
      }
      GPU_UNROLL
      for (int i = 0; i < Q; i++) {
        if (i >= count) continue;
        const Span span = span_of(firsts[i], positions[i], mine);
        float s = a.cap != 0.0f ? soft_capped(score[i], a.cap) : score[i];
        if (lane() < span.from || lane() >= span.end) s = -infinity();
        const float largest = warp_max(s);
        weight[(i * kTiles + warp()) * 32 + lane()] = s;
        if (lane() == 0) top[i * kTiles + warp()] = largest;
      }
    }
    sync_block();
    if (mine <= lastTile)
      for (int i = 0; i < count; i++) {
        if (!attends(i, mine)) continue;
        float before = most[i];
        for (int t = 0; t < warp(); t++) {
          const float x = top[i * kTiles + t];
          if (attends(i, chunk + t) && x > before) before = x;
        }
        const float own = top[i * kTiles + warp()], m = own > before ? own : before;
        const int at = (i * kTiles + warp()) * 32 + lane();
        const float p = exponential(weight[at] - m);
        weight[at] = p;
        const float sum = fold_sixteen(p + shuffle_xor(p, 16));
        if (lane() == 0) {
          down[i * kTiles + warp()] = exponential(before - m);
          mass[i * kTiles + warp()] = sum;
        }
      }
    sync_block();
    if (thread() < count) {
      const int i = thread();
      for (int t = 0; t < kTiles; t++) {
        if (!attends(i, chunk + t)) continue;
        total[i] = fma(total[i], down[i * kTiles + t], mass[i * kTiles + t]);
        const float x = top[i * kTiles + t];
        if (x > most[i]) most[i] = x;
      }
    }
    for (int t = 0; weighs && t < kTiles && chunk + t <= lastTile; t++) {
      const Tile<K> tile(a.store.tile(slot, head, chunk + t), n);
      int from = 32, end = 0;
      GPU_UNROLL
      for (int j = 0; j < Q; j++) {
        const int i = j * groups + group;
        if (i >= count || !attends(i, chunk + t)) continue;
        const Span span = span_of(firsts[i], positions[i], chunk + t);
        from = span.from < from ? span.from : from;
        end = span.end > end ? span.end : end;
        o[j] = o[j] * down[i * kTiles + t];
      }
      for (int token = from; token < end; token++) {
        const float v = tile.value(token, element);
        GPU_UNROLL
        for (int j = 0; j < Q; j++) {
          const int i = j * groups + group;
          if (i >= count || !attends(i, chunk + t)) continue;
          const Span span = span_of(firsts[i], positions[i], chunk + t);
          if (token >= span.from && token < span.end)
            o[j] = fma(weight[(i * kTiles + t) * 32 + token], v, o[j]);
        }
      }
    }
    sync_block();
  }
  GPU_UNROLL
  for (int j = 0; j < Q; j++) {
    const int i = j * groups + group;
    if (weighs && i < count)
      a.out[row_of(i) * a.ldo + static_cast<size_t>(head_of(i) * n + element)] = o[j] / total[i];
  }
}

template <KvType K>
void launch(const Attend& a, Queue queue) {
  const Grid grid{static_cast<unsigned>(a.taskCount), static_cast<unsigned>(a.store.kvHeads)};
  if (a.queries == 1)
    GPU_LAUNCH((attend_task<K, 1>), grid, kThreads, queue, a);
  else if (a.queries == 4)
    GPU_LAUNCH((attend_task<K, 4>), grid, kThreads, queue, a);
  else
    GPU_LAUNCH((attend_task<K, 8>), grid, kThreads, queue, a);
}

}  // namespace

void place_heads(const PlaceHeads& p, Queue queue) {
  const unsigned units = static_cast<unsigned>(p.heads + 2 * p.store.kvHeads);
  const Grid grid{static_cast<unsigned>(p.rows), (units + kWarps - 1) / kWarps};
  switch (p.store.type) {
    case KvType::F16:
      GPU_LAUNCH(place_head<KvType::F16>, grid, kThreads, queue, p);
      break;
    case KvType::F32:
      GPU_LAUNCH(place_head<KvType::F32>, grid, kThreads, queue, p);
      break;
    case KvType::Q8_0:
      GPU_LAUNCH(place_head<KvType::Q8_0>, grid, kThreads, queue, p);
      break;
  }
  check_launch("place_head");
}

void attend(const Attend& a, Queue queue) {
  switch (a.store.type) {
    case KvType::F16:
      launch<KvType::F16>(a, queue);
      break;
    case KvType::F32:
      launch<KvType::F32>(a, queue);
      break;
    case KvType::Q8_0:
      launch<KvType::Q8_0>(a, queue);
      break;
  }
  check_launch("attend_task");
}

}  // namespace cairn::gpu
