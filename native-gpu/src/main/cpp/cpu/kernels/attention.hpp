// Attention over the paged keys and values: tiles of 32 tokens in order, online softmax. Scores:
// lane = token, elements of the head ascending. Values: lane = element, tokens ascending. Included
// once by each instruction set's source.
//
// A query is one head of one row. Queries that share a tile are taken through it together; what a
// query computes, and in what order, does not depend on the others.
#pragma once

namespace cairn::CAIRN_ISA {

// Queries that walk the tiles together, and above how many of them a tile is widened only once.
inline constexpr int kQueries = 24;
inline constexpr int kExpandAbove = 2 * kAttendHeads;

struct Query {
  const float* q;
  float* out;
  int first, position;
  float m, l;
  float* o;
};

inline constexpr int kLine = 64;

// Tokens of a tile that a query attends to.
struct Span {
  int from, count;
  bool operator==(const Span&) const = default;
};

inline Span span_of(const Query& q, int tile) {
  const int start = 32 * tile, end = q.position + 1 - start;
  return {q.first > start ? q.first - start : 0, end < 32 ? end : 32};
}

inline F load_element(const uint16_t* p) { return load_half(p); }
inline F load_element(const float* p) { return load(p); }

// p[t][h][32] = scores of T tiles; k[t] is [headLength][32]; the keys of `next` are fetched.
template <int H, int T, class E>
inline void scores(const Query* g, int headLength, const E* const (&k)[T],
                   const E* const (&next)[2], float (*p)[H][32]) {
  F acc[T][H][2];
  for (int t = 0; t < T; t++)
    for (int h = 0; h < H; h++) acc[t][h][0] = acc[t][h][1] = set1(0.0f);
  const float* q[H];
  for (int h = 0; h < H; h++) q[h] = g[h].q;
  for (int d = 0; d < headLength; d++) {
    F x[T][2];
    for (const E* tile : next) prefetch(tile + d * 32);
    for (int t = 0; t < T; t++) {
      x[t][0] = load_element(k[t] + d * 32);
      x[t][1] = load_element(k[t] + d * 32 + 16);
    }
    for (int h = 0; h < H; h++) {
      const F v = set1(q[h][d]);
      for (int t = 0; t < T; t++) {
        acc[t][h][0] = fma(v, x[t][0], acc[t][h][0]);
        acc[t][h][1] = fma(v, x[t][1], acc[t][h][1]);
      }
    }
  }
  for (int t = 0; t < T; t++)
    for (int h = 0; h < H; h++) {
      store(p[t][h], acc[t][h][0]);
      store(p[t][h] + 16, acc[t][h][1]);
    }
}

// Scores to weights, capped and masked; c[h] = what earlier tiles are scaled by.
template <int H>
inline void softmax(Query* g, Span span, float cap, float (*p)[32], float* c) {
  const F masked = set1(-__builtin_inff());
  alignas(64) float down[16] = {};
  for (int h = 0; h < H; h++) {
    F s0 = load(p[h]), s1 = load(p[h] + 16);
    if (cap != 0.0f) {
      s0 = capped(s0, set1(cap));
      s1 = capped(s1, set1(cap));
    }
    if (span.count < 32) {
      s0 = first_lanes(s0, span.count, masked);
      s1 = first_lanes(s1, span.count - 16, masked);
    }
    if (span.from > 0) {
      s0 = first_lanes(masked, span.from, s0);
      s1 = first_lanes(masked, span.from - 16, s1);
    }
    const float top = max_lane(max(s0, s1));
    const float m = top > g[h].m ? top : g[h].m;
    down[h] = g[h].m - m;
    g[h].m = m;
    const F e0 = exp16(sub(s0, set1(m))), e1 = exp16(sub(s1, set1(m)));
    store(p[h], e0);
    store(p[h] + 16, e1);
  }
  store(down, exp16(load(down)));
  for (int h = 0; h < H; h++) {
    c[h] = down[h];
    g[h].l = fma1(g[h].l, c[h], sum(add(load(p[h]), load(p[h] + 16))));
  }
}

// o[h][0..16·J) = o · c[h] + Σ p[h][token] · v[token]; v rows have `stride` elements
template <int H, int J, class E>
inline void weigh(const float (*p)[32], const float* c, const E* v, const E* next, int stride,
                  Span span, const Query* g, int column) {
  F acc[H][J];
  for (int h = 0; h < H; h++)
    for (int j = 0; j < J; j++) acc[h][j] = mul(load(g[h].o + column + 16 * j), set1(c[h]));
  for (int t = span.from; t < span.count; t++) {
    F w[J];
    for (int j = 0; j < J; j += 2) prefetch(next + t * stride + 16 * j);
    for (int j = 0; j < J; j++) w[j] = load_element(v + t * stride + 16 * j);
    for (int h = 0; h < H; h++) {
      const F x = set1(p[h][t]);
      for (int j = 0; j < J; j++) acc[h][j] = fma(x, w[j], acc[h][j]);
    }
  }
  for (int t = span.count; t < 32; t++)
    for (int j = 0; j < J; j += 2) prefetch(next + t * stride + 16 * j);
  for (int h = 0; h < H; h++)
    for (int j = 0; j < J; j++) store(g[h].o + column + 16 * j, acc[h][j]);
}

// The columns from `column` on, in groups of at most 16·J.
template <int H, class E, int J = kAttendColumns>
inline void weigh_columns(int column, const float (*p)[32], const float* c, const E* v,
                          const E* next, int stride, Span span, const Query* g) {
  int j = column;
  for (; j + 16 * J <= stride; j += 16 * J)
    weigh<H, J>(p, c, v + j, next + j, stride, span, g, j);
  if constexpr (J > 1) weigh_columns<H, E, J / 2>(j, p, c, v, next, stride, span, g);
}

// H queries through T tiles from `tile` on; all have the same span in each.
template <int H, int T, class E>
void attend_tiles(Query* g, int tile, const E* const (&k)[T], const E* const (&next)[2],
                  const KvView& kv) {
  const int n = kv.headLength, stride = kv::value_stride(n);
  alignas(64) float p[T][H][32];
  float c[H];
  scores<H, T>(g, n, k, next, p);
  for (int t = 0; t < T; t++) {
    const Span span = span_of(g[0], tile + t);
    softmax<H>(g, span, kv.cap, p[t], c);
    weigh_columns<H, E>(0, p[t], c, k[t] + 32 * n, next[t] + 32 * n, stride, span, g);
    if constexpr (T == 1)
      for (int i = 0; next[1] != next[0] && i < 32 * stride; i += kLine / sizeof(E))
        prefetch(next[1] + 32 * n + i);
  }
}

template <int T, class E, int H = kAttendHeads / T>
void attend_group(int count, Query* g, int tile, const E* const (&k)[T], const E* const (&next)[2],
                  const KvView& kv) {
  if constexpr (H > 1) {
    if (count < H) return attend_group<T, E, H - 1>(count, g, tile, k, next, kv);
  }
  attend_tiles<H, T>(g, tile, k, next, kv);
}

// A tile in single precision, values of tokens below `count`: out as the layout of F32.
static void expand(const KvView& kv, const uint8_t* tile, int count, float* out) {
  const int n = kv.headLength, stride = kv::value_stride(n), keys = 32 * n;
  if (kv.type == KvType::F16) {
    const auto* p = reinterpret_cast<const uint16_t*>(tile);
    for (int i = 0; i < keys + count * stride; i += 16) store(out + i, load_half(p + i));
    return;
  }
  const auto* p = reinterpret_cast<const int8_t*>(tile);
  const int blocks = kv::scale_blocks(n);
  const auto* scales = reinterpret_cast<const uint16_t*>(tile + kv::tile_elements(n));
  for (int b = 0; b < blocks; b++) {
    const F s0 = load_half(scales + 32 * b), s1 = load_half(scales + 32 * b + 16);
    for (int d = 32 * b; d < n && d < 32 * b + 32; d++) {
      store(out + 32 * d, mul(load_bytes(p + 32 * d), s0));
      store(out + 32 * d + 16, mul(load_bytes(p + 32 * d + 16), s1));
    }
  }
  for (int t = 0; t < count; t++)
    for (int j = 0; j < stride; j += 16) {
      const int at = keys + t * stride + j;
      const F s = set1(half_to_float(scales[32 * blocks + t * blocks + j / 32]));
      store(out + at, mul(load_bytes(p + at), s));
    }
}

// Queries of ascending positions through all tiles. Expanded: tiles are widened first.
template <class E, bool Expanded>
void attend_queries(Query* g, int count, const KvView& kv) {
  alignas(64) float wide[Expanded ? 2 * 32 * kv::kMaxHeadLength : 16];
  const int last = g[count - 1].position / 32;
  auto at = [&](int tile) { return reinterpret_cast<const E*>(kv.tile(tile)); };
  // what to fetch meanwhile: later tiles, then those of other queries
  auto after = [&](int tile) {
    const uint8_t* next = tile > last && tile <= last + 2 ? kv.following[tile - last - 1] : nullptr;
    return next != nullptr ? reinterpret_cast<const E*>(next) : at(tile < last ? tile : last);
  };
  const bool alone = 2 * count <= kAttendHeads && g[0].position == g[count - 1].position;
  for (int tile = g[0].first / 32; tile <= last; tile++) {
    int a = 0;
    while (g[a].position < 32 * tile) a++;
    if constexpr (!Expanded) {
      if (alone && tile < last) {
        attend_group<2, E>(count, g, tile, {at(tile), at(tile + 1)},
                           {after(tile + 2), after(tile + 3)}, kv);
        tile++;
        continue;
      }
    }
    int b = a;
    while (b < count && g[b].first < 32 * tile + 32) b++;
    const E *k = nullptr, *next[2];
    if constexpr (Expanded) {
      expand(kv, kv.tile(tile), span_of(g[b - 1], tile).count, wide);
      k = next[0] = next[1] = wide;
    } else {
      k = at(tile);
      next[0] = after(tile + 1);
      next[1] = alone ? after(tile + 2) : next[0];
    }
    while (a < b) {
      int alike = 1;
      while (a + alike < b && span_of(g[a + alike], tile) == span_of(g[a], tile)) alike++;
      const int groups = (alike + kAttendHeads - 1) / kAttendHeads;
      for (int i = groups; i > 0; i--) {
        const int size = (alike + i - 1) / i;
        attend_group<1, E>(size, g + a, tile, {k}, next, kv);
        a += size;
        alike -= size;
      }
    }
  }
}

inline void attend_typed(Query* g, int count, const KvView& kv) {
  if (kv.type == KvType::F32) return attend_queries<float, false>(g, count, kv);
  if (kv.type == KvType::F16 && count <= kExpandAbove)
    return attend_queries<uint16_t, false>(g, count, kv);
  attend_queries<float, true>(g, count, kv);
}

static void attend(const AttendRow* rows, int count, int heads, const KvView& kv) {
  const int n = kv.headLength, stride = kv::value_stride(n);
  alignas(64) float o[kQueries * kv::kMaxHeadLength];
  Query g[kQueries];
  for (int done = 0; done < count * heads; done += kQueries) {
    const int size = count * heads - done < kQueries ? count * heads - done : kQueries;
    for (int i = 0; i < size; i++) {
      const AttendRow& r = rows[(done + i) / heads];
      const int at = (done + i) % heads * n;
      g[i] = {r.q + at, r.out + at, r.first, r.position, -__builtin_inff(), 0.0f, o + i * stride};
    }
    __builtin_memset(o, 0, sizeof(float) * static_cast<size_t>(size * stride));
    attend_typed(g, size, kv);
    for (int i = 0; i < size; i++) {
      const F total = set1(g[i].l);
      for (int j = 0; j < n; j += 16)
        store_n(g[i].out + j, div(load(g[i].o + j), total), n - j);
    }
  }
}

}  // namespace cairn::CAIRN_ISA
