// Attention of one position over the paged keys and values: tiles of 32 tokens in order, online
// softmax. Scores: lane = token, elements of the head ascending. Values: lane = element, tokens
// ascending. Included once by each instruction set's source.
#pragma once

namespace cairn::CAIRN_ISA {

// s[h][32] = scores of one tile; masked tokens are −infinity. k is [headLength][32].
template <int H>
inline void scores(const float* q, int headLength, const uint16_t* k, int count, float (*s)[32]) {
  F acc[H][2];
  for (int h = 0; h < H; h++) acc[h][0] = acc[h][1] = set1(0.0f);
  for (int d = 0; d < headLength; d++) {
    const F k0 = load_half(k + d * 32), k1 = load_half(k + d * 32 + 16);
    for (int h = 0; h < H; h++) {
      const F v = set1(q[h * headLength + d]);
      acc[h][0] = fma(v, k0, acc[h][0]);
      acc[h][1] = fma(v, k1, acc[h][1]);
    }
  }
  const F masked = set1(-__builtin_inff());
  for (int h = 0; h < H; h++) {
    store(s[h], first_lanes(acc[h][0], count, masked));
    store(s[h] + 16, first_lanes(acc[h][1], count - 16, masked));
  }
}

// o[h][0..16·J) = o · c[h] + Σ p[h][token] · v[token]; v rows have `stride` elements
template <int H, int J>
inline void weigh(const float (*p)[32], const float* c, const uint16_t* v, int stride, int count,
                  float* o) {
  F acc[H][J];
  for (int h = 0; h < H; h++)
    for (int j = 0; j < J; j++) acc[h][j] = mul(load(o + h * stride + 16 * j), set1(c[h]));
  for (int t = 0; t < count; t++) {
    F w[J];
    for (int j = 0; j < J; j++) w[j] = load_half(v + t * stride + 16 * j);
    for (int h = 0; h < H; h++) {
      const F x = set1(p[h][t]);
      for (int j = 0; j < J; j++) acc[h][j] = fma(x, w[j], acc[h][j]);
    }
  }
  for (int h = 0; h < H; h++)
    for (int j = 0; j < J; j++) store(o + h * stride + 16 * j, acc[h][j]);
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
  for (int first = 0, tile = 0; first <= position; first += 32, tile++) {
    const int count = position + 1 - first < 32 ? position + 1 - first : 32;
    const uint16_t* k = kv.base +
                        static_cast<size_t>(kv.blocks[tile / kv.tilesPerBlock]) * kv.blockStride +
                        static_cast<size_t>(tile % kv.tilesPerBlock) * kv::tile_elements(n);
    const uint16_t* v = k + 32 * n;
    scores<H>(q, n, k, count, p);
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
    int j = 0;
    for (; j + 32 <= stride; j += 32) weigh<H, 2>(p, c, v + j, stride, count, o + j);
    if (j < stride) weigh<H, 1>(p, c, v + j, stride, count, o + j);
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
