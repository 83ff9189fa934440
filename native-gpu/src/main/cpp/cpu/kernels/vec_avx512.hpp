// Sixteen float lanes in one AVX-512 register.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace cairn::CAIRN_ISA {

inline constexpr int kRowsFloat = 6;
inline constexpr int kAttendHeads = 6;
inline constexpr int kAttendColumns = 4;

using F = __m512;

inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }

inline float fma1(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

inline __mmask16 mask16(int n) {
  return n >= 16 ? static_cast<__mmask16>(0xffff)
                 : static_cast<__mmask16>((1u << (n < 0 ? 0 : n)) - 1u);
}

inline F set1(float x) { return _mm512_set1_ps(x); }
inline F load(const float* p) { return _mm512_loadu_ps(p); }
inline F load_n(const float* p, int n) { return _mm512_maskz_loadu_ps(mask16(n), p); }
inline F load_half(const uint16_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline F load_bytes(const int8_t* p) {
  return _mm512_cvtepi32_ps(
      _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
}
// sixteen integers, `bits` added to each, read as floats
inline F load_plus_bits(const int32_t* p, int32_t bits) {
  return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_loadu_si512(p), _mm512_set1_epi32(bits)));
}
inline F load_bfloat(const uint16_t* p) {
  const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(b), 16));
}
inline void store(float* p, F x) { _mm512_storeu_ps(p, x); }
inline void store_n(float* p, F x, int n) { _mm512_mask_storeu_ps(p, mask16(n), x); }
inline void store_half_n(uint16_t* p, F x, int n) {
  _mm256_mask_storeu_epi16(p, mask16(n), _mm512_cvtps_ph(x, 0));
}
inline F add(F x, F y) { return _mm512_add_ps(x, y); }
inline F sub(F x, F y) { return _mm512_sub_ps(x, y); }
inline F mul(F x, F y) { return _mm512_mul_ps(x, y); }
inline F div(F x, F y) { return _mm512_div_ps(x, y); }
inline F max(F x, F y) { return _mm512_max_ps(x, y); }
inline F min(F x, F y) { return _mm512_min_ps(x, y); }
inline F fma(F x, F y, F z) { return _mm512_fmadd_ps(x, y, z); }
inline F select_less(F p, F q, F x, F y) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(p, q, _CMP_LT_OQ), y, x);
}
inline F first_lanes(F x, int n, F y) { return _mm512_mask_blend_ps(mask16(n), y, x); }
inline F scale_by_power(F p, F t) {
  const __m512i n = _mm512_sub_epi32(_mm512_castps_si512(t), _mm512_set1_epi32(0x4B400000 - 127));
  return _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(n, 23)));
}
inline float sum(F x) {
  const __m256 s = _mm256_add_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  const __m128 h = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(h, _mm_movehdup_ps(h)));
}
inline float max_lane(F x) {
  const __m256 s = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  const __m128 h = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
}
inline float lane0(F x) { return _mm512_cvtss_f32(x); }
inline uint32_t abs_max_bits(F x, F y) {
  const __m512i m = _mm512_set1_epi32(0x7fffffff);
  return _mm512_reduce_max_epu32(_mm512_max_epu32(_mm512_and_si512(_mm512_castps_si512(x), m),
                                                  _mm512_and_si512(_mm512_castps_si512(y), m)));
}
// lanes 2i and 2i + 1 exchanged
inline F swap_pairs(F x) { return _mm512_permute_ps(x, 0xb1); }
// q = round to nearest even of sixteen x · s, then of y · s; the sums of both
inline void quantize32(F x, F y, float s, int8_t* q, int* low, int* high) {
  const __m512 v = _mm512_set1_ps(s);
  const __m128i a = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(x, v)));
  const __m128i b = _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(_mm512_mul_ps(y, v)));
  const __m256i n = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(q), n);
  __m256i t = _mm256_dpbusd_epi32(_mm256_setzero_si256(), _mm256_set1_epi8(1), n);
  t = _mm256_add_epi32(t, _mm256_shuffle_epi32(t, 0x4e));
  t = _mm256_add_epi32(t, _mm256_shuffle_epi32(t, 0xb1));
  *low = _mm256_cvtsi256_si32(t);
  *high = _mm_cvtsi128_si32(_mm256_extracti128_si256(t, 1));
}

}  // namespace cairn::CAIRN_ISA
