// Attention of one position over the paged keys and values: tiles of 32 tokens in order, online
// softmax. Scores: lane = token, elements of the head ascending. Values: lane = element, tokens
// ascending. Included once by each instruction set's source.
#pragma once

namespace cairn::CAIRN_ISA {

// s[h][32] = scores of one tile, capped where cap is not 0; tokens outside from..count − 1 are
// −infinity. k is [headLength][32]; the keys of the next tile are fetched meanwhile.
template <int H>
inline void scores(const float* q, int headLength, const uint16_t* k, const uint16_t* next,
                   int from, int count, float cap, float (*s)[32]) {
  F acc[H][2];
  for (int h = 0; h < H; h++) acc[h][0] = acc[h][1] = set1(0.0f);
  for (int d = 0; d < headLength; d++) {
    prefetch(next + d * 32);
    const F k0 = load_half(k + d * 32), k1 = load_half(k + d * 32 + 16);
    for (int h = 0; h < H; h++) {
      const F v = set1(q[h * headLength + d]);
      acc[h][0] = fma(v, k0, acc[h][0]);
      acc[h][1] = fma(v, k1, acc[h][1]);
    }
  }
  const F masked = set1(-__builtin_inff());
  for (int h = 0; h < H; h++) {
    F s0 = acc[h][0], s1 = acc[h][1];
    if (cap != 0.0f) {
      s0 = capped(s0, set1(cap));
      s1 = capped(s1, set1(cap));
    }
    s0 = first_lanes(s0, count, masked);
    s1 = first_lanes(s1, count - 16, masked);
    if (from > 0) {
      s0 = first_lanes(masked, from, s0);
      s1 = first_lanes(masked, from - 16, s1);
    }
    store(s[h], s0);
    store(s[h] + 16, s1);
  }
}

// o[h][0..16·J) = o · c[h] + Σ p[h][token] · v[token]; v rows have `stride` elements
template <int H, int J>
inline void weigh(const float (*p)[32], const float* c, const uint16_t* v, const uint16_t* next,
                  int stride, int from, int count, float* o) {
  F acc[H][J];
  for (int h = 0; h < H; h++)
    for (int j = 0; j < J; j++) acc[h][j] = mul(load(o + h * stride + 16 * j), set1(c[h]));
  for (int t = from; t < count; t++) {
    F w[J];
    for (int j = 0; j < J; j += 2) prefetch(next + t * stride + 16 * j);
    for (int j = 0; j < J; j++) w[j] = load_half(v + t * stride + 16 * j);
    for (int h = 0; h < H; h++) {
      const F x = set1(p[h][t]);
      for (int j = 0; j < J; j++) acc[h][j] = fma(x, w[j], acc[h][j]);
    }
  }
  for (int h = 0; h < H; h++)
    for (int j = 0; j < J; j++) store(o + h * stride + 16 * j, acc[h][j]);
}

// The columns from `column` on, in groups of at most 16·J.
template <int H, int J = kAttendColumns>
inline void weigh_columns(int column, const float (*p)[32], const float* c, const uint16_t* v,
                          const uint16_t* next, int stride, int from, int count, float* o) {
  int j = column;
  for (; j + 16 * J <= stride; j += 16 * J)
    weigh<H, J>(p, c, v + j, next + j, stride, from, count, o + j);
  if constexpr (J > 1) weigh_columns<H, J / 2>(j, p, c, v, next, stride, from, count, o);
}

inline const uint16_t* tile_at(const KvView& kv, int tile) {
  return kv.base + static_cast<size_t>(kv.blocks[tile / kv.tilesPerBlock]) * kv.blockStride +
         static_cast<size_t>(tile % kv.tilesPerBlock) * kv::tile_elements(kv.headLength);
}

template <int H>
void attend_heads(const float* q, int position, const KvView& kv, float* out) {
  const int n = kv.headLength, stride = kv::value_stride(n);
  alignas(64) float o[H * kv::kMaxHeadLength];
  alignas(64) float p[H][32];
  float m[H], l[H], c[H];
  for (int h = 0; h < H; h++) {
    m[h] = -__builtin_inff();
    l[h] = 0.0f;
  }
  __builtin_memset(o, 0, sizeof(float) * static_cast<size_t>(H * stride));
  for (int tile = kv.first / 32, first = tile * 32; first <= position; first += 32, tile++) {
    const int from = kv.first > first ? kv.first - first : 0;
    const int count = position + 1 - first < 32 ? position + 1 - first : 32;
    const uint16_t* k = tile_at(kv, tile);
    const uint16_t* next = first + 32 <= position ? tile_at(kv, tile + 1) : k;
    const uint16_t* v = k + 32 * n;
    scores<H>(q, n, k, next, from, count, kv.cap, p);
    for (int h = 0; h < H; h++) {
      const F s0 = load(p[h]), s1 = load(p[h] + 16);
      const float top = max_lane(max(s0, s1));
      const float next = top > m[h] ? top : m[h];
      c[h] = exp1(m[h] - next);
      const F e0 = exp16(sub(s0, set1(next))), e1 = exp16(sub(s1, set1(next)));
      store(p[h], e0);
      store(p[h] + 16, e1);
      l[h] = fma1(l[h], c[h], sum(add(e0, e1)));
      m[h] = next;
    }
    weigh_columns<H>(0, p, c, v, next + 32 * n, stride, from, count, o);
  }
  for (int h = 0; h < H; h++) {
    const F total = set1(l[h]);
    for (int j = 0; j < n; j += 16)
      store_n(out + h * n + j, div(load(o + h * stride + j), total), n - j);
  }
}

template <int H = kAttendHeads>
void attend_group(int heads, const float* q, int position, const KvView& kv, float* out) {
  if constexpr (H > 1) {
    if (heads < H) return attend_group<H - 1>(heads, q, position, kv, out);
  }
  attend_heads<H>(q, position, kv, out);
}

static void attend(const float* q, int heads, int position, const KvView& kv, float* out) {
  for (int h = 0; h < heads; h += kAttendHeads) {
    const int count = heads - h < kAttendHeads ? heads - h : kAttendHeads;
    attend_group<>(count, q + h * kv.headLength, position, kv, out + h * kv.headLength);
  }
}

}  // namespace cairn::CAIRN_ISA
