// K-blocks of 32 columns of the weight types whose bits lie in planes (formats.hpp), in AVX-512
// registers: from a panel, unpacked in memory, or from a panel and unpacked on the way.
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

// A K-block of a panel that is unpacked on the way.
template <WeightType T>
struct UnpackingBlock {
  PackedBlock<T> from;
  UnpackedBlock* to;

  template <int G>
  inline __attribute__((always_inline)) __m512i weights(int h) const {
    const __m512i q = from.template weights<G>(h);
    _mm512_store_si512(to->q[h][G], q);
    return q;
  }
  inline __m512 d(int h) const { return kept(from.d(h), to->dOf[h]); }
  inline __m512 scale(int i, int h) const { return kept(from.scale(i, h), to->scaleOf[i][h]); }
  inline __m512 minimum(int i, int h) const {
    return kept(from.minimum(i, h), to->minimumOf[i][h]);
  }

 private:
  static inline __m512 kept(__m512 x, float* place) {
    _mm512_store_ps(place, x);
    return x;
  }
};

}  // namespace cairn::CAIRN_ISA
