// Block-quantized products with AVX2: 8 output columns by up to 4 rows.
#pragma once

namespace cairn::CAIRN_ISA {

inline __m256i broadcast4(const void* p) {
  int32_t v;
  __builtin_memcpy(&v, p, 4);
  return _mm256_set1_epi32(v);
}

inline __m256i load256(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

// Column group g (8 columns) of a panel, R rows from row r0 of an activation tile.
template <WeightType T, int R>
void columns8(const uint8_t* w, int g, int kBlocks, const uint8_t* tile, int r0, float* y,
              size_t ldy) {
  using namespace activation;
  const size_t record = panel_block_bytes(T);
  const int h = g / 2, o = g % 2 * 32;
  const __m256i one = _mm256_set1_epi16(1), low4 = _mm256_set1_epi8(15);
  const __m256 magic = _mm256_set1_ps(-kMagic);
  __m256 acc[R];
  for (int r = 0; r < R; r++) acc[r] = _mm256_setzero_ps();
  for (int b = 0; b < kBlocks; b++, w += record, tile += kRecord) {
    const uint8_t* a = tile + r0 * kBlock;
    __m256 f[R];
    if constexpr (T == WeightType::Q6_K) {
      const __m256 s0 = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(
          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(w + 1024 + g * 8))));
      const __m256 s1 = _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(
          _mm_loadl_epi64(reinterpret_cast<const __m128i*>(w + 1056 + g * 8))));
      for (int r = 0; r < R; r++) {
        __m256i lo = broadcast4(tile + kStart6Low + 4 * (r0 + r));
        __m256i hi = broadcast4(tile + kStart6High + 4 * (r0 + r));
        for (int i = 0; i < 4; i++) {
          const __m256i x = load256(w + h * 512 + i * 64 + o);
          const __m256i z = load256(w + h * 512 + (i + 4) * 64 + o);
          lo = _mm256_add_epi32(
              lo, _mm256_madd_epi16(_mm256_maddubs_epi16(x, broadcast4(a + r * 32 + i * 4)), one));
          hi = _mm256_add_epi32(
              hi,
              _mm256_madd_epi16(_mm256_maddubs_epi16(z, broadcast4(a + r * 32 + 16 + i * 4)), one));
        }
        f[r] =
            _mm256_fmadd_ps(_mm256_cvtepi32_ps(hi), s1, _mm256_mul_ps(_mm256_cvtepi32_ps(lo), s0));
      }
      const __m256 d =
          _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w + 1088 + g * 16)));
      for (int r = 0; r < R; r++) f[r] = _mm256_mul_ps(f[r], d);
    } else {
      __m256i s[R];
      const size_t start = T == WeightType::Q8_0 ? 0 : kStart4;
      for (int r = 0; r < R; r++)
        s[r] = start == 0 ? _mm256_set1_epi32(kMagicBits)
                          : broadcast4(tile + start + static_cast<size_t>(4 * (r0 + r)));
      if constexpr (T == WeightType::Q8_0) {
        for (int i = 0; i < 8; i++) {
          const __m256i x = load256(w + h * 512 + i * 64 + o), ax = _mm256_abs_epi8(x);
          for (int r = 0; r < R; r++)
            s[r] = _mm256_add_epi32(
                s[r],
                _mm256_madd_epi16(
                    _mm256_maddubs_epi16(ax, _mm256_sign_epi8(broadcast4(a + r * 32 + i * 4), x)),
                    one));
        }
      } else {
        __m256i t[R];
        for (int r = 0; r < R; r++) t[r] = _mm256_setzero_si256();
        for (int i = 0; i < 4; i++) {
          const __m256i v = load256(w + h * 256 + i * 64 + o);
          const __m256i x = _mm256_and_si256(v, low4),
                        z = _mm256_and_si256(_mm256_srli_epi16(v, 4), low4);
          for (int r = 0; r < R; r++)
            t[r] = _mm256_add_epi16(
                t[r],
                _mm256_add_epi16(_mm256_maddubs_epi16(x, broadcast4(a + r * 32 + i * 4)),
                                 _mm256_maddubs_epi16(z, broadcast4(a + r * 32 + 16 + i * 4))));
        }
        for (int r = 0; r < R; r++) s[r] = _mm256_add_epi32(s[r], _mm256_madd_epi16(t[r], one));
      }
      const size_t scales = T == WeightType::Q8_0 ? 1024 : 512;
      const __m256 d = _mm256_cvtph_ps(_mm_loadu_si128(
          reinterpret_cast<const __m128i*>(w + scales + static_cast<size_t>(g * 16))));
      const __m256 c = _mm256_mul_ps(d, magic);
      for (int r = 0; r < R; r++) f[r] = _mm256_fmadd_ps(_mm256_castsi256_ps(s[r]), d, c);
    }
    const float* scale = reinterpret_cast<const float*>(tile + kScale) + r0;
    for (int r = 0; r < R; r++) acc[r] = _mm256_fmadd_ps(f[r], _mm256_set1_ps(scale[r]), acc[r]);
  }
  for (int r = 0; r < R; r++) _mm256_storeu_ps(y + static_cast<size_t>(r) * ldy + g * 8, acc[r]);
}

template <WeightType T>
void blocks_type(const uint8_t* panels, int kBlocks, const uint8_t* acts, int rows, float* y,
                 size_t ldy, int panel0, int panel1) {
  using namespace activation;
  const size_t panelBytes = static_cast<size_t>(kBlocks) * panel_block_bytes(T);
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
  switch (type) {
    case WeightType::Q4_0:
      return blocks_type<WeightType::Q4_0>(panels, kBlocks, acts, rows, y, ldy, panel0, panel1);
    case WeightType::Q6_K:
      return blocks_type<WeightType::Q6_K>(panels, kBlocks, acts, rows, y, ldy, panel0, panel1);
    default:
      return blocks_type<WeightType::Q8_0>(panels, kBlocks, acts, rows, y, ldy, panel0, panel1);
  }
}

}  // namespace cairn::CAIRN_ISA
