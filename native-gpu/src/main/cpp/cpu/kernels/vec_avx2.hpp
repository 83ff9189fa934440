// Sixteen float lanes in two AVX2 registers.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace cairn::CAIRN_ISA {

inline constexpr int kRowsFloat = 3;
inline constexpr int kAttendHeads = 2;
inline constexpr int kAttendColumns = 2;

struct F {
  __m256 a, b;
};

inline void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }

inline float fma1(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

inline __m256i mask8(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline F set1(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline F load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline F load_n(const float* p, int n) {
  return {_mm256_maskload_ps(p, mask8(n)), _mm256_maskload_ps(p + 8, mask8(n - 8))};
}
inline F load_half(const uint16_t* p) {
  const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm256_cvtph_ps(_mm256_castsi256_si128(h)),
          _mm256_cvtph_ps(_mm256_extracti128_si256(h, 1))};
}
inline F load_bytes(const int8_t* p) {
  auto eight = [](const int8_t* q) {
    return _mm256_cvtepi32_ps(
        _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(q))));
  };
  return {eight(p), eight(p + 8)};
}
inline __m256 bfloat8(const uint16_t* p) {
  const __m128i b = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(b), 16));
}
inline F load_bfloat(const uint16_t* p) { return {bfloat8(p), bfloat8(p + 8)}; }
inline void store(float* p, F x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
inline void store_n(float* p, F x, int n) {
  _mm256_maskstore_ps(p, mask8(n), x.a);
  _mm256_maskstore_ps(p + 8, mask8(n - 8), x.b);
}
inline void store_half_n(uint16_t* p, F x, int n) {
  alignas(16) uint16_t t[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(t), _mm256_cvtps_ph(x.a, 0));
  _mm_store_si128(reinterpret_cast<__m128i*>(t + 8), _mm256_cvtps_ph(x.b, 0));
  for (int i = 0; i < 16 && i < n; i++) p[i] = t[i];
}
inline F add(F x, F y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
inline F sub(F x, F y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
inline F mul(F x, F y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
inline F div(F x, F y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
inline F max(F x, F y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }
inline F min(F x, F y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }
inline F fma(F x, F y, F z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
inline F select_less(F p, F q, F x, F y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_cmp_ps(p.a, q.a, _CMP_LT_OQ)),
          _mm256_blendv_ps(y.b, x.b, _mm256_cmp_ps(p.b, q.b, _CMP_LT_OQ))};
}
inline F first_lanes(F x, int n, F y) {
  return {_mm256_blendv_ps(y.a, x.a, _mm256_castsi256_ps(mask8(n))),
          _mm256_blendv_ps(y.b, x.b, _mm256_castsi256_ps(mask8(n - 8)))};
}
inline __m256 power8(__m256 t) {
  const __m256i n = _mm256_sub_epi32(_mm256_castps_si256(t), _mm256_set1_epi32(0x4B400000 - 127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(n, 23));
}
inline F scale_by_power(F p, F t) {
  return {_mm256_mul_ps(p.a, power8(t.a)), _mm256_mul_ps(p.b, power8(t.b))};
}
inline float sum(F x) {
  const __m256 s = _mm256_add_ps(x.a, x.b);
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  const __m128 h = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(h, _mm_movehdup_ps(h)));
}
inline float max_lane(F x) {
  const __m256 s = _mm256_max_ps(x.a, x.b);
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps(s, 1));
  const __m128 h = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(h, _mm_movehdup_ps(h)));
}
inline float lane0(F x) { return _mm256_cvtss_f32(x.a); }
inline uint32_t abs_max_bits(F x, F y) {
  const __m256i m = _mm256_set1_epi32(0x7fffffff);
  auto bits = [&](__m256 v) { return _mm256_and_si256(_mm256_castps_si256(v), m); };
  const __m256i s = _mm256_max_epi32(_mm256_max_epi32(bits(x.a), bits(x.b)),
                                     _mm256_max_epi32(bits(y.a), bits(y.b)));
  __m128i q = _mm_max_epi32(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1));
  q = _mm_max_epi32(q, _mm_shuffle_epi32(q, 0x4e));
  q = _mm_max_epi32(q, _mm_shuffle_epi32(q, 0xb1));
  return static_cast<uint32_t>(_mm_cvtsi128_si32(q));
}
inline int quantize16(F x, float s, int8_t* q) {
  const __m256 v = _mm256_set1_ps(s);
  const __m256i a = _mm256_cvtps_epi32(_mm256_mul_ps(x.a, v));
  const __m256i b = _mm256_cvtps_epi32(_mm256_mul_ps(x.b, v));
  const __m256i w = _mm256_permute4x64_epi64(_mm256_packs_epi32(a, b), 0xd8);
  const __m128i p = _mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(q), p);
  const __m256i t = _mm256_add_epi32(a, b);
  __m128i h = _mm_add_epi32(_mm256_castsi256_si128(t), _mm256_extracti128_si256(t, 1));
  h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0x4e));
  h = _mm_add_epi32(h, _mm_shuffle_epi32(h, 0xb1));
  return _mm_cvtsi128_si32(h);
}
// lanes 2i and 2i + 1 exchanged
inline F swap_pairs(F x) { return {_mm256_permute_ps(x.a, 0xb1), _mm256_permute_ps(x.b, 0xb1)}; }
// q = round to nearest even of sixteen x · s, then of y · s; the sums of both
inline void quantize32(F x, F y, float s, int8_t* q, int* low, int* high) {
  *low = quantize16(x, s, q);
  *high = quantize16(y, s, q + 16);
}

}  // namespace cairn::CAIRN_ISA
