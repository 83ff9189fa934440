// Products with AVX-512 VNNI of the weight types whose bits lie in planes (formats.hpp). Up to
// three rows take the weights from the panel into registers. For more, a super-block's worth of a
// panel is unpacked to bytes in the first-level cache once, and every row reads that; the
// accumulators wait in the output meanwhile.
#pragma once

namespace cairn::CAIRN_ISA {

inline __m512 bytes16(const uint8_t* p) {
  const __m128i b = _mm_load_si128(reinterpret_cast<const __m128i*>(p));
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(b));
}

inline __m512 int8x16(const uint8_t* p) {
  const __m128i b = _mm_load_si128(reinterpret_cast<const __m128i*>(p));
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(b));
}

inline __m512 nibbles16(const uint8_t* p, int shift) {
  const __m512i b = _mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(p)));
  const __m512i n = shift == 0 ? b : _mm512_srli_epi32(b, 4);
  return _mm512_cvtepi32_ps(_mm512_and_si512(n, _mm512_set1_epi32(15)));
}

template <int Left>
inline __m512i shifted(__m512i v) {
  if constexpr (Left > 0) return _mm512_slli_epi16(v, Left);
  if constexpr (Left < 0) return _mm512_srli_epi16(v, -Left);
  return v;
}

// One K-block of a panel. Halves h of 16 columns; i: inputs 0..15 or 16..31.
template <WeightType T>
struct PackedBlock {
  const uint8_t* header;
  const uint8_t* w;

  // inputs 4G..4G + 3 of each column, unsigned
  template <int G>
  inline __attribute__((always_inline)) __m512i weights(int h) const {
    constexpr int low = low_bits(T), high = high_bits(T);
    constexpr int lines = low / 2 * 2, perByte = 8 / low;
    static_assert(low == 4 || low == 2);
    const int line = low == 4 ? G % 4 : G / 4;
    constexpr int place = low == 4 ? G / 4 * 4 : G % perByte * 2;
    const __m512i v = _mm512_load_si512(w + (h * lines + line) * 64);
    const __m512i mask = _mm512_set1_epi8((1 << low) - 1);
    const __m512i q = _mm512_and_si512(shifted<-place>(v), mask);
    if constexpr (high == 0) return q;
    constexpr int at = high == 1 ? G : G % 4 * 2;
    const uint8_t* plane = w + low_plane_bytes(T) + h * high * 64 + (high == 1 ? 0 : G / 4 * 64);
    const __m512i b = shifted<low - at>(_mm512_load_si512(plane));
    const __m512i bits = _mm512_set1_epi8(((1 << high) - 1) << low);
    return _mm512_ternarylogic_epi32(q, b, bits, 0xf8);  // q | (b & bits)
  }
  inline __m512 d(int h) const {
    if constexpr (!is_super(T)) return half16(w + scales_at(T) + h * 32);
    const __m512 d = half16(header + h * 32);
    return has_halves(T) ? d : _mm512_mul_ps(d, bytes16(w + scales_at(T) + h * 16));
  }
  inline __m512 scale(int i, int h) const {
    const uint8_t* p = w + scales_at(T) + i * 32 + h * 16;
    return T == WeightType::Q2_K ? nibbles16(p, 0) : int8x16(p);
  }
  // of types in super-blocks what is subtracted, of the others what is added
  inline __m512 minimum(int i, int h) const {
    const uint8_t* p = w + scales_at(T) + h * 16;
    if constexpr (!is_super(T)) return half16(w + scales_at(T) + 64 + h * 32);
    const __m512 m = has_halves(T) ? nibbles16(p + i * 32, 4) : bytes16(p + 32);
    return _mm512_mul_ps(half16(header + 64 + h * 32), m);
  }
};

struct alignas(64) UnpackedBlock {
  uint8_t q[2][8][64];
  float dOf[2][16], scaleOf[2][2][16], minimumOf[2][2][16];

  template <int G>
  inline __m512i weights(int h) const {
    return _mm512_load_si512(q[h][G]);
  }
  inline __m512 d(int h) const { return _mm512_load_ps(dOf[h]); }
  inline __m512 scale(int i, int h) const { return _mm512_load_ps(scaleOf[i][h]); }
  inline __m512 minimum(int i, int h) const { return _mm512_load_ps(minimumOf[i][h]); }
};

template <WeightType T>
inline void unpack(const PackedBlock<T>& from, UnpackedBlock& to) {
  for (int h = 0; h < 2; h++) {
    unrolled<8>([&](auto g) __attribute__((always_inline)) {
      _mm512_store_si512(to.q[h][g], from.template weights<g>(h));
    });
    _mm512_store_ps(to.dOf[h], from.d(h));
    for (int i = 0; i < (has_halves(T) ? 2 : 1); i++) {
      if constexpr (has_halves(T)) _mm512_store_ps(to.scaleOf[i][h], from.scale(i, h));
      if constexpr (has_minimum(T)) _mm512_store_ps(to.minimumOf[i][h], from.minimum(i, h));
    }
  }
}

// s[half of the columns][row] += inputs 4·First.. of so many groups
template <int First, int Groups, int R, class Block>
inline __attribute__((always_inline)) void dot(const Block& w, const uint8_t* a,
                                               __m512i (&s)[2][R]) {
  unrolled<Groups>([&](auto i) __attribute__((always_inline)) {
    constexpr int g = First + i;
    const __m512i u0 = w.template weights<g>(0), u1 = w.template weights<g>(1);
#pragma GCC unroll 6
    for (int r = 0; r < R; r++) {
      const __m512i v = broadcast4(a + r * 32 + g * 4);
      s[0][r] = _mm512_dpbusd_epi32(s[0][r], u0, v);
      s[1][r] = _mm512_dpbusd_epi32(s[1][r], u1, v);
    }
  });
}

// where the sums of inputs 0..15 (i = 0) or 16..31 start, from a row's field
template <WeightType T>
inline __m512i half_start(const uint8_t* f, int i) {
  using namespace activation;
  if constexpr (T == WeightType::Q2_K) return _mm512_setzero_si512();
  const __m512i by32 = broadcast4(f + (i == 0 ? kStart6Low : kStart6High));
  return T == WeightType::Q3_K ? _mm512_srai_epi32(by32, 3) : by32;
}

// acc[half][row] after one K-block; f: the rows' place in the fields of their record
template <WeightType T, int R, class Block>
inline __attribute__((always_inline)) void add_block(const Block& w, const uint8_t* a,
                                                     const uint8_t* f, __m512 (&acc)[2][R]) {
  using namespace activation;
  __m512i s[2][R];
  __m512 t[2][R];
  if constexpr (has_halves(T)) {
    unrolled<2>([&](auto i) __attribute__((always_inline)) {
#pragma GCC unroll 6
      for (int r = 0; r < R; r++) s[0][r] = s[1][r] = half_start<T>(f + r * 4, i);
      dot<4 * i, 4>(w, a, s);
#pragma GCC unroll 2
      for (int h = 0; h < 2; h++) {
        const __m512 scale = w.scale(i, h);
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
          const __m512 x = _mm512_cvtepi32_ps(s[h][r]);
          t[h][r] = i == 0 ? _mm512_mul_ps(x, scale) : _mm512_fmadd_ps(x, scale, t[h][r]);
        }
      }
    });
  } else {
#pragma GCC unroll 6
    for (int r = 0; r < R; r++)
      s[0][r] = s[1][r] =
          T == WeightType::Q5_0 ? broadcast4(f + kStart5 + r * 4) : _mm512_set1_epi32(kMagicBits);
    dot<0, 8>(w, a, s);
  }
#pragma GCC unroll 2
  for (int h = 0; h < 2; h++) {
    const __m512 d = w.d(h);
    const __m512 c =
        has_halves(T) ? _mm512_setzero_ps() : _mm512_mul_ps(d, _mm512_set1_ps(-kMagic));
#pragma GCC unroll 6
    for (int r = 0; r < R; r++) {
      const __m512 x = has_halves(T) ? t[h][r] : _mm512_castsi512_ps(s[h][r]);
      acc[h][r] =
          _mm512_fmadd_ps(_mm512_fmadd_ps(x, d, c), broadcastf(f + kScale + r * 4), acc[h][r]);
    }
    if constexpr (has_minimum(T)) {
#pragma GCC unroll 2
      for (int i = 0; i < (has_halves(T) ? 2 : 1); i++) {
        const __m512 m = w.minimum(i, h);
        const size_t field = !has_halves(T) ? kSum : i == 0 ? kSumLow : kSumHigh;
#pragma GCC unroll 6
        for (int r = 0; r < R; r++) {
          const __m512 sum = broadcastf(f + field + r * 4);
          acc[h][r] = is_super(T) ? _mm512_fnmadd_ps(m, sum, acc[h][r])
                                  : _mm512_fmadd_ps(m, sum, acc[h][r]);
        }
      }
    }
  }
}

template <int R>
inline void store_rows(const __m512 (&acc)[2][R], float* y, size_t ldy) {
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    _mm512_storeu_ps(y + static_cast<size_t>(r) * ldy, acc[0][r]);
    _mm512_storeu_ps(y + static_cast<size_t>(r) * ldy + 16, acc[1][r]);
  }
}

template <size_t Bytes>
inline void prefetch_ahead(const uint8_t* w) {
#pragma GCC unroll 16
  for (size_t i = 0; i < Bytes; i += 64)
    _mm_prefetch(reinterpret_cast<const char*>(w) + kPrefetchAhead + i, _MM_HINT_T0);
}

// R ≤ 3 rows of one tile from its row 0, the whole of K
template <WeightType T, int R>
void few_rows(const uint8_t* w, int kBlocks, const uint8_t* tile, float* y, size_t ldy) {
  using namespace activation;
  constexpr int each = static_cast<int>(block_length(T) / 32);
  __m512 acc[2][R];
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) acc[0][r] = acc[1][r] = _mm512_setzero_ps();
  for (int b = 0; b < kBlocks; b += each) {
    const uint8_t* header = w;
    prefetch_ahead<header_bytes(T)>(w);
    w += header_bytes(T);
    for (int i = 0; i < each; i++, w += k_block_bytes(T), tile += kRecord) {
      prefetch_ahead<k_block_bytes(T)>(w);
      add_block<T>(PackedBlock<T>{header, w}, tile, tile, acc);
    }
  }
  store_rows(acc, y, ldy);
}

// R rows of a tile from row r0, so many unpacked K-blocks
template <WeightType T, int R>
void unpacked_rows(const UnpackedBlock* w, int count, const uint8_t* tile, int r0, bool first,
                   float* y, size_t ldy) {
  using namespace activation;
  __m512 acc[2][R];
#pragma GCC unroll 6
  for (int r = 0; r < R; r++) {
    const float* p = y + static_cast<size_t>(r) * ldy;
    acc[0][r] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(p);
    acc[1][r] = first ? _mm512_setzero_ps() : _mm512_loadu_ps(p + 16);
  }
  for (int b = 0; b < count; b++, tile += kRecord)
    add_block<T>(w[b], tile + r0 * kBlock, tile + r0 * 4, acc);
  store_rows(acc, y, ldy);
}

template <WeightType T>
constexpr int kPlaneRows = has_halves(T) ? 4 : 6;

template <WeightType T, int R = kPlaneRows<T>>
void unpacked_count(int rows, const UnpackedBlock* w, int count, const uint8_t* tile, int r0,
                    bool first, float* y, size_t ldy) {
  if constexpr (R > 1) {
    if (rows < R) return unpacked_count<T, R - 1>(rows, w, count, tile, r0, first, y, ldy);
  }
  unpacked_rows<T, R>(w, count, tile, r0, first, y, ldy);
}

template <WeightType T>
void many_rows(const uint8_t* w, int kBlocks, const uint8_t* acts, int rows, float* y, size_t ldy) {
  using namespace activation;
  constexpr int each = static_cast<int>(block_length(T) / 32);
  const size_t tileBytes = static_cast<size_t>(kBlocks) * kRecord;
  UnpackedBlock blocks[8];
  for (int b = 0; b < kBlocks; b += 8) {
    const int count = kBlocks - b < 8 ? kBlocks - b : 8;
    const uint8_t* header = w;
    for (int i = 0; i < count; i++, w += k_block_bytes(T)) {
      if (i % each == 0) {
        header = w;
        w += header_bytes(T);
      }
      prefetch_ahead<k_block_bytes(T)>(w);
      unpack(PackedBlock<T>{header, w}, blocks[i]);
    }
    for (int t = 0; t < rows; t += kTileRows) {
      const uint8_t* tile =
          acts + static_cast<size_t>(t / kTileRows) * tileBytes + static_cast<size_t>(b) * kRecord;
      const int m = rows - t < kTileRows ? rows - t : kTileRows;
      const int groups = (m + kPlaneRows<T> - 1) / kPlaneRows<T>;
      for (int g = 0, r = 0; g < groups; g++) {
        const int some = (m - r + groups - g - 1) / (groups - g);
        unpacked_count<T>(some, blocks, count, tile, r, b == 0,
                          y + static_cast<size_t>(t + r) * ldy, ldy);
        r += some;
      }
    }
  }
}

template <WeightType T>
void planes_type(const uint8_t* panels, int kBlocks, const uint8_t* acts, int rows, float* y,
                 size_t ldy, int panel0, int panel1) {
  const size_t panelBytes = panel_bytes(T, static_cast<size_t>(kBlocks) * 32);
  for (int p = panel0; p < panel1; p++) {
    const uint8_t* w = panels + static_cast<size_t>(p) * panelBytes;
    float* out = y + static_cast<size_t>(p) * 32;
    switch (rows) {
      case 1:
        few_rows<T, 1>(w, kBlocks, acts, out, ldy);
        break;
      case 2:
        few_rows<T, 2>(w, kBlocks, acts, out, ldy);
        break;
      case 3:
        few_rows<T, 3>(w, kBlocks, acts, out, ldy);
        break;
      default:
        many_rows<T>(w, kBlocks, acts, rows, out, ldy);
        break;
    }
  }
}

static void gemm_planes(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                        int rows, float* y, size_t ldy, int panel0, int panel1) {
  auto run = [&](auto t) { planes_type<t>(panels, kBlocks, acts, rows, y, ldy, panel0, panel1); };
  for_plane_type(type, run);
}

}  // namespace cairn::CAIRN_ISA
