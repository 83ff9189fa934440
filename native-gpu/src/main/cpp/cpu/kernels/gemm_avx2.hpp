// Block-quantized products with AVX2: 8 output columns by up to 4 rows.
#pragma once

namespace cairn::CAIRN_ISA {

inline __m256i broadcast4(const void* p) {
  int32_t v;
  __builtin_memcpy(&v, p, 4);
  return _mm256_set1_epi32(v);
}

inline __m256 broadcastf(const uint8_t* p) {
  float v;
  __builtin_memcpy(&v, p, 4);
  return _mm256_set1_ps(v);
}

inline __m256i load256(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

inline __m256 half8(const uint8_t* p) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

inline __m256i bytes8(const uint8_t* p) {
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}

inline __m256 int8x8(const uint8_t* p) {
  const __m128i b = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(b));
}

inline __m256 low_nibbles8(const uint8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_and_si256(bytes8(p), _mm256_set1_epi32(15)));
}

inline __m256 high_nibbles8(const uint8_t* p) {
  return _mm256_cvtepi32_ps(_mm256_srli_epi32(bytes8(p), 4));
}

template <int Left>
inline __m256i shifted(__m256i v) {
  if constexpr (Left > 0) return _mm256_slli_epi16(v, Left);
  if constexpr (Left < 0) return _mm256_srli_epi16(v, -Left);
  return v;
}

// Column group g (8 columns) of one K-block of a panel. i: inputs 0..15 or 16..31.
template <WeightType T>
struct BlockColumns {
  const uint8_t* header;
  const uint8_t* w;
  int g;

  // inputs 4G..4G + 3 of each column: Q8_0 signed, others unsigned
  template <int G>
  inline __attribute__((always_inline)) __m256i weights() const {
    constexpr int low = low_bits(T), high = high_bits(T);
    const int h = g / 2, o = g % 2 * 32;
    if constexpr (low == 8) {
      return load256(w + h * 512 + G * 64 + o);
    } else {
      const int line = low == 4 ? G % 4 : G / 4;
      constexpr int down = low == 4 ? G / 4 * 4 : G % 4 * 2;
      const __m256i v = load256(w + h * low * 64 + line * 64 + o);
      const __m256i q = _mm256_and_si256(shifted<-down>(v), _mm256_set1_epi8((1 << low) - 1));
      if constexpr (high == 0) return q;
      constexpr int at = high == 1 ? G : G % 4 * 2;
      const uint8_t* plane =
          w + low_plane_bytes(T) + h * high * 64 + (high == 1 ? 0 : G / 4 * 64) + o;
      const __m256i bits = _mm256_set1_epi8(((1 << high) - 1) << low);
      return _mm256_or_si256(q, _mm256_and_si256(shifted<low - at>(load256(plane)), bits));
    }
  }
  inline __m256 d() const {
    if constexpr (!is_super(T)) return half8(w + scales_at(T) + g * 16);
    const __m256 d = half8(header + g * 16);
    if constexpr (has_halves(T)) return d;
    return _mm256_mul_ps(d, _mm256_cvtepi32_ps(bytes8(w + scales_at(T) + g * 8)));
  }
  inline __m256 scale(int i) const {
    const uint8_t* p = w + scales_at(T) + i * 32 + g * 8;
    return T == WeightType::Q2_K ? low_nibbles8(p) : int8x8(p);
  }
  // of types in super-blocks what is subtracted, of the others what is added
  inline __m256 minimum(int i) const {
    const uint8_t* p = w + scales_at(T) + g * 8;
    if constexpr (!is_super(T)) return half8(w + scales_at(T) + 64 + g * 16);
    const __m256 m = has_halves(T) ? high_nibbles8(p + i * 32) : _mm256_cvtepi32_ps(bytes8(p + 32));
    return _mm256_mul_ps(half8(header + 64 + g * 16), m);
  }
};

// s[row] += the products of inputs 16·Half..16·Half + 15
template <int Half, WeightType T, int R>
inline __attribute__((always_inline)) void dot(const BlockColumns<T>& w, const uint8_t* a,
                                               __m256i (&s)[R]) {
  // products of two inputs are added in 16 bits, so many times as cannot overflow them
  constexpr int bits = low_bits(T) + high_bits(T), together = bits == 8 ? 1 : bits == 6 ? 2 : 4;
  const __m256i one = _mm256_set1_epi16(1);
  unrolled<4 / together>([&](auto part) __attribute__((always_inline)) {
    __m256i t[R];
    unrolled<together>([&](auto i) __attribute__((always_inline)) {
      constexpr int g = 4 * Half + part * together + i;
      const __m256i x = w.template weights<g>();
      const __m256i u = T == WeightType::Q8_0 ? _mm256_abs_epi8(x) : x;
      for (int r = 0; r < R; r++) {
        const __m256i v = broadcast4(a + r * 32 + g * 4);
        const __m256i p =
            _mm256_maddubs_epi16(u, T == WeightType::Q8_0 ? _mm256_sign_epi8(v, x) : v);
        t[r] = i == 0 ? p : _mm256_add_epi16(t[r], p);
      }
    });
    for (int r = 0; r < R; r++) s[r] = _mm256_add_epi32(s[r], _mm256_madd_epi16(t[r], one));
  });
}

// where the sums of a row start, from its field
template <WeightType T>
inline __m256i start(const uint8_t* f) {
  using namespace activation;
  if constexpr (T == WeightType::Q4_0) return broadcast4(f + kStart4);
  if constexpr (T == WeightType::Q5_0) return broadcast4(f + kStart5);
  return _mm256_set1_epi32(kMagicBits);
}

template <WeightType T>
inline __m256i half_start(const uint8_t* f, int i) {
  using namespace activation;
  if constexpr (T == WeightType::Q2_K) return _mm256_setzero_si256();
  const __m256i by32 = broadcast4(f + (i == 0 ? kStart6Low : kStart6High));
  return T == WeightType::Q3_K ? _mm256_srai_epi32(by32, 3) : by32;
}

// acc[row] after one K-block; f: the rows' place in the fields of their record
template <WeightType T, int R>
inline __attribute__((always_inline)) void add_block(const BlockColumns<T>& w, const uint8_t* a,
                                                     const uint8_t* f, __m256 (&acc)[R]) {
  using namespace activation;
  __m256i s[R];
  __m256 x[R];
  if constexpr (has_halves(T)) {
    unrolled<2>([&](auto i) __attribute__((always_inline)) {
      for (int r = 0; r < R; r++) s[r] = half_start<T>(f + r * 4, i);
      dot<i>(w, a, s);
      const __m256 scale = w.scale(i);
      for (int r = 0; r < R; r++) {
        const __m256 y = _mm256_cvtepi32_ps(s[r]);
        x[r] = i == 0 ? _mm256_mul_ps(y, scale) : _mm256_fmadd_ps(y, scale, x[r]);
      }
    });
  } else {
    for (int r = 0; r < R; r++) s[r] = start<T>(f + r * 4);
    dot<0>(w, a, s);
    dot<1>(w, a, s);
    for (int r = 0; r < R; r++) x[r] = _mm256_castsi256_ps(s[r]);
  }
  const __m256 d = w.d();
  const __m256 c = has_halves(T) ? _mm256_setzero_ps() : _mm256_mul_ps(d, _mm256_set1_ps(-kMagic));
  for (int r = 0; r < R; r++)
    acc[r] = _mm256_fmadd_ps(_mm256_fmadd_ps(x[r], d, c), broadcastf(f + kScale + r * 4), acc[r]);
  if constexpr (has_minimum(T)) {
    for (int i = 0; i < (has_halves(T) ? 2 : 1); i++) {
      const __m256 m = w.minimum(i);
      const size_t field = !has_halves(T) ? kSum : i == 0 ? kSumLow : kSumHigh;
      for (int r = 0; r < R; r++) {
        const __m256 sum = broadcastf(f + field + r * 4);
        acc[r] = is_super(T) ? _mm256_fnmadd_ps(m, sum, acc[r]) : _mm256_fmadd_ps(m, sum, acc[r]);
      }
    }
  }
}

// Column group g of a panel, R rows from row r0 of an activation tile.
template <WeightType T, int R>
void columns8(const uint8_t* w, int g, int kBlocks, const uint8_t* tile, int r0, float* y,
              size_t ldy) {
  using namespace activation;
  constexpr int each = static_cast<int>(block_length(T) / 32);
  __m256 acc[R];
  for (int r = 0; r < R; r++) acc[r] = _mm256_setzero_ps();
  for (int b = 0; b < kBlocks; b += each) {
    const uint8_t* header = w;
    w += header_bytes(T);
    for (int i = 0; i < each; i++, w += k_block_bytes(T), tile += kRecord)
      add_block(BlockColumns<T>{header, w, g}, tile + r0 * kBlock, tile + r0 * 4, acc);
  }
  for (int r = 0; r < R; r++) _mm256_storeu_ps(y + static_cast<size_t>(r) * ldy + g * 8, acc[r]);
}

template <WeightType T>
void blocks_type(const uint8_t* panels, int kBlocks, const uint8_t* acts, int rows, float* y,
                 size_t ldy, int panel0, int panel1) {
  using namespace activation;
  const size_t panelBytes = panel_bytes(T, static_cast<size_t>(kBlocks) * 32);
  for (int p = panel0; p < panel1; p++) {
    const uint8_t* w = panels + static_cast<size_t>(p) * panelBytes;
    for (int r = 0; r < rows; r += 4) {
      const uint8_t* tile =
          acts + static_cast<size_t>(r / kTileRows) * static_cast<size_t>(kBlocks) * kRecord;
      float* out = y + static_cast<size_t>(r) * ldy + static_cast<size_t>(p) * 32;
      const int r0 = r % kTileRows;
      for (int g = 0; g < 4; g++) {
        switch (rows - r) {
          case 1:
            columns8<T, 1>(w, g, kBlocks, tile, r0, out, ldy);
            break;
          case 2:
            columns8<T, 2>(w, g, kBlocks, tile, r0, out, ldy);
            break;
          case 3:
            columns8<T, 3>(w, g, kBlocks, tile, r0, out, ldy);
            break;
          default:
            columns8<T, 4>(w, g, kBlocks, tile, r0, out, ldy);
            break;
        }
      }
    }
  }
}

static void gemm_blocks(WeightType type, const uint8_t* panels, int kBlocks, const uint8_t* acts,
                        int rows, float* y, size_t ldy, int panel0, int panel1) {
  if (type == WeightType::Q8_0)
    return blocks_type<WeightType::Q8_0>(panels, kBlocks, acts, rows, y, ldy, panel0, panel1);
  for_plane_type(
      type, [&](auto t) { blocks_type<t>(panels, kBlocks, acts, rows, y, ldy, panel0, panel1); });
}

}  // namespace cairn::CAIRN_ISA
