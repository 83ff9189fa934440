// Block-quantized products with AVX-512 VNNI: a panel of 32 columns by up to 6 rows; each
// activation broadcast feeds both column halves. Q8_0 and Q4_0; gemm_planes.hpp has the other
// types.
#pragma once

namespace cairn::CAIRN_ISA {

// Bytes that weights are fetched ahead: what memory delivers in its own latency.
inline constexpr size_t kPrefetchAhead = 6528;

inline __m512i broadcast4(const void* p) {
  int32_t v;
  __builtin_memcpy(&v, p, 4);
  return _mm512_set1_epi32(v);
}

inline __m512 broadcastf(const void* p) {
  float v;
  __builtin_memcpy(&v, p, 4);
  return _mm512_set1_ps(v);
}

static void gemm_planes(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                        int rows, float* y, size_t ldy, int panel0, int panel1);

inline __m512 half16(const uint8_t* p) {
  return _mm512_cvtph_ps(_mm256_load_si256(reinterpret_cast<const __m256i*>(p)));
}

// An asm statement, for gcc drops lambdas that do nothing but prefetch, and moves what they do.
inline void fetch_near(const uint8_t* p) { asm volatile("prefetcht0 %0" ::"m"(*p)); }

template <WeightType T>
constexpr int kRecordLines = static_cast<int>((panel_block_bytes(T) + 63) / 64);

// The share of step Step of Steps in the `Lines` lines that a block fetches: a burst of them would
// keep the block's own loads waiting.
template <int Lines, int Step, int Steps>
inline __attribute__((always_inline)) void fetch_share(const uint8_t* ahead) {
  constexpr int from = Lines * Step / Steps, to = Lines * (Step + 1) / Steps;
  unrolled<to - from>([&](auto i)
                          __attribute__((always_inline)) { fetch_near(ahead + (from + i) * 64); });
}

// t[half][row] = the block's dot products times the weights' scales, rounded once
template <WeightType T, int R, int Lines>
inline __attribute__((always_inline)) void block_terms(const uint8_t* w, const uint8_t* tile,
                                                       int r0, const uint8_t* ahead,
                                                       __m512 (&t)[2][R]) {
  using namespace activation;
  const uint8_t* a = tile + r0 * kBlock;
  const uint8_t* f = tile + r0 * 4;
  __m512i s[2][R];
  const size_t start = T == WeightType::Q8_0 ? kStart8 : kStart4;
#pragma GCC unroll 6
  for (int r = 0; r < R; r++)
    s[0][r] = s[1][r] = broadcast4(f + start + static_cast<size_t>(r * 4));
  if constexpr (T == WeightType::Q8_0) {
    const __m512i x80 = _mm512_set1_epi8(static_cast<char>(0x80));
    unrolled<8>([&](auto i) __attribute__((always_inline)) {
      fetch_share<Lines, i, 8>(ahead);
      const __m512i u0 = _mm512_xor_si512(_mm512_load_si512(w + i * 64), x80);
      const __m512i u1 = _mm512_xor_si512(_mm512_load_si512(w + 512 + i * 64), x80);
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) {
        const __m512i v = broadcast4(a + r * 32 + i * 4);
        s[0][r] = _mm512_dpbusd_epi32(s[0][r], u0, v);
        s[1][r] = _mm512_dpbusd_epi32(s[1][r], u1, v);
      }
    });
  } else {
    const __m512i m15 = _mm512_set1_epi8(15);
    unrolled<4>([&](auto i) __attribute__((always_inline)) {
      fetch_share<Lines, i, 4>(ahead);
      const __m512i v0 = _mm512_load_si512(w + i * 64), v1 = _mm512_load_si512(w + 256 + i * 64);
      const __m512i l0 = _mm512_and_si512(v0, m15), l1 = _mm512_and_si512(v1, m15);
      const __m512i h0 = _mm512_and_si512(_mm512_srli_epi16(v0, 4), m15);
      const __m512i h1 = _mm512_and_si512(_mm512_srli_epi16(v1, 4), m15);
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) {
        const __m512i x = broadcast4(a + r * 32 + i * 4), z = broadcast4(a + r * 32 + 16 + i * 4);
        s[0][r] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(s[0][r], l0, x), h0, z);
        s[1][r] = _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(s[1][r], l1, x), h1, z);
      }
    });
  }
  const __m512 magic = _mm512_set1_ps(-kMagic);
  for (int h = 0; h < 2; h++) {
    const __m512 d = half16(w + (T == WeightType::Q8_0 ? 1024 : 512) + h * 32);
    const __m512 c = _mm512_mul_ps(d, magic);
#pragma GCC unroll 6
    for (int r = 0; r < R; r++) t[h][r] = _mm512_fmadd_ps(_mm512_castsi512_ps(s[h][r]), d, c);
  }
}

// A strip of a panel by R rows; y is continued where the strip is not the panel's first. Each block
// fetches Lines lines from `ahead` on, which moves by `step` bytes.
template <WeightType T, int R, int Lines>
void panel_rows(const uint8_t* w, int kBlocks, const uint8_t* tile, int r0, float* y, size_t ldy,
                bool first, const uint8_t* ahead, size_t step) {
  using namespace activation;
  constexpr size_t record = panel_block_bytes(T);
  __m512 acc[2][R];
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    const float* from = y + static_cast<size_t>(r) * ldy;
    acc[0][r] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(from);
    acc[1][r] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(from + 16);
  }
  for (int b = 0; b < kBlocks; b++, w += record, tile += kRecord, ahead += step) {
    __m512 t[2][R];
    block_terms<T, R, Lines>(w, tile, r0, ahead, t);
#pragma GCC unroll 6
    for (int r = 0; r < R; r++) {
      const __m512 scale = broadcastf(tile + kScale + static_cast<size_t>(4 * (r0 + r)));
      acc[0][r] = _mm512_fmadd_ps(t[0][r], scale, acc[0][r]);
      acc[1][r] = _mm512_fmadd_ps(t[1][r], scale, acc[1][r]);
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    _mm512_storeu_ps(y + static_cast<size_t>(r) * ldy, acc[0][r]);
    _mm512_storeu_ps(y + static_cast<size_t>(r) * ldy + 16, acc[1][r]);
  }
}

inline constexpr int kMaxRows = 6;

template <WeightType T, int Lines, int R = kMaxRows>
void panel_count(int count, const uint8_t* w, int kBlocks, const uint8_t* tile, int r0, float* y,
                 size_t ldy, bool first, const uint8_t* ahead, size_t step) {
  if constexpr (R > 1) {
    if (count < R)
      return panel_count<T, Lines, R - 1>(count, w, kBlocks, tile, r0, y, ldy, first, ahead, step);
  }
  panel_rows<T, R, Lines>(w, kBlocks, tile, r0, y, ldy, first, ahead, step);
}

// Groups of rows that share a pass over a panel.
constexpr int groups_of(int rows) {
  const int tiles = rows / activation::kTileRows, rest = rows % activation::kTileRows;
  constexpr int full = (activation::kTileRows + kMaxRows - 1) / kMaxRows;
  return tiles * full + (rest + kMaxRows - 1) / kMaxRows;
}

// `blocks` blocks from block b0 on of one panel by all rows, while the next strip is fetched, Lines
// lines a block with each group.
template <WeightType T, int Lines>
void strip_rows(const uint8_t* w, int kBlocks, int b0, int blocks, const uint8_t* acts, int rows,
                float* y, size_t ldy) {
  using namespace activation;
  const size_t bytes = panel_block_bytes(T) * static_cast<size_t>(blocks);
  const uint8_t *ahead = w + bytes, *end = ahead + bytes;
  size_t step = Lines * 64;
  for (int t = 0; t < rows; t += kTileRows) {
    const uint8_t* tile =
        acts + (static_cast<size_t>(t / kTileRows) * static_cast<size_t>(kBlocks) +
                static_cast<size_t>(b0)) *
                   kRecord;
    const int m = rows - t < kTileRows ? rows - t : kTileRows;
    const int groups = groups_of(m);
    for (int g = 0, r = 0; g < groups; g++) {
      const int count = (m - r + groups - g - 1) / (groups - g);
      panel_count<T, Lines>(count, w, blocks, tile, r, y + static_cast<size_t>(t + r) * ldy, ldy,
                            b0 == 0, ahead, step);
      r += count;
      ahead += step * static_cast<size_t>(blocks);
      if (ahead >= end) {
        ahead = w;  // which is near
        step = 0;
      }
    }
  }
}

template <WeightType T>
void strip(const uint8_t* w, int kBlocks, int b0, int blocks, const uint8_t* acts, int rows,
           float* y, size_t ldy) {
  constexpr int all = kRecordLines<T>;
  const int groups = groups_of(rows);
  if (groups < 3)
    strip_rows<T, (all + 1) / 2>(w, kBlocks, b0, blocks, acts, rows, y, ldy);
  else if (groups < 6)
    strip_rows<T, (all + 2) / 3>(w, kBlocks, b0, blocks, acts, rows, y, ldy);
  else if (groups < all)
    strip_rows<T, (all + 5) / 6>(w, kBlocks, b0, blocks, acts, rows, y, ldy);
  else
    strip_rows<T, 1>(w, kBlocks, b0, blocks, acts, rows, y, ldy);
}

// Rows whose activations stay in the second-level cache, and bytes of a panel that stay in the
// first-level cache while all of them pass over it.
inline constexpr int kRowsAtOnce = 256;
inline constexpr size_t kStripBytes = 20 * 1024;

template <WeightType T>
void blocks_type(const uint8_t* panels, int kBlocks, const uint8_t* acts, int rows, float* y,
                 size_t ldy, int panel0, int panel1) {
  using namespace activation;
  constexpr size_t record = panel_block_bytes(T);
  const size_t panelBytes = static_cast<size_t>(kBlocks) * record;
  if (rows <= kMaxRows) {
    for (int p = panel0; p < panel1; p++) {
      const uint8_t* w = panels + static_cast<size_t>(p) * panelBytes;
      panel_count<T, kRecordLines<T>>(rows, w, kBlocks, acts, 0, y + static_cast<size_t>(p) * 32,
                                      ldy, true, w + kPrefetchAhead, record);
    }
    return;
  }
  for (int r0 = 0; r0 < rows; r0 += kRowsAtOnce) {
    const int m = rows - r0 < kRowsAtOnce ? rows - r0 : kRowsAtOnce;
    const uint8_t* a =
        acts + static_cast<size_t>(r0 / kTileRows) * static_cast<size_t>(kBlocks) * kRecord;
    const int strips = static_cast<int>((panelBytes + kStripBytes - 1) / kStripBytes);
    for (int p = panel0; p < panel1; p++) {
      const uint8_t* w = panels + static_cast<size_t>(p) * panelBytes;
      float* out = y + static_cast<size_t>(r0) * ldy + static_cast<size_t>(p) * 32;
      for (int s = 0; s < strips; s++) {
        const int b0 = kBlocks * s / strips, b1 = kBlocks * (s + 1) / strips;
        if (b0 < b1)
          strip<T>(w + static_cast<size_t>(b0) * record, kBlocks, b0, b1 - b0, a, m, out, ldy);
      }
    }
  }
}

static void gemm_blocks(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                        int rows, float* y, size_t ldy, int panel0, int panel1) {
  switch (type) {
    case WeightType::Q4_0:
      return blocks_type<WeightType::Q4_0>(panels, kBlocks, acts, rows, y, ldy, panel0, panel1);
    case WeightType::Q8_0:
      return blocks_type<WeightType::Q8_0>(panels, kBlocks, acts, rows, y, ldy, panel0, panel1);
    default:
      return gemm_planes(type, panels, kBlocks, acts, rows, y, ldy, panel0, panel1);
  }
}

}  // namespace cairn::CAIRN_ISA
